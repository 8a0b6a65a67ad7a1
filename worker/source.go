package worker

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// source is a parsed configuration file with the line of each key.
type source struct {
	name  string
	root  *yaml.Node
	tree  any // what the schema validates
	lines map[string]int
	// numbers has each number as it was written, because its author may have meant 0123 as text.
	numbers map[string]string
}

// parse reads YAML strictly: one document, no duplicate keys.
func parse(name string, text []byte) (*source, Problems) {
	s := &source{name: name, root: &yaml.Node{}, lines: map[string]int{}, numbers: map[string]string{}}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(s.root); errors.Is(err, io.EOF) {
		return nil, Problems{{File: name, Reason: "the file is empty; see examples/chatlake.yaml for an example"}}
	} else if err != nil {
		return nil, Problems{syntax(name, err)}
	}
	var more yaml.Node
	if err := decoder.Decode(&more); err == nil {
		return nil, Problems{{File: name, Line: more.Line, Reason: "a second YAML document begins here; a file may contain only one"}}
	} else if !errors.Is(err, io.EOF) {
		return nil, Problems{syntax(name, err)}
	}
	var problems Problems
	s.tree = s.toValues(s.root, "", &problems)
	return s, problems
}

var atLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntax converts an error of the YAML parser. It does not repeat a text that begins with *, because it may be a secret.
func syntax(name string, err error) Problem {
	p := Problem{File: name, Reason: "this is not YAML: " + atLine.ReplaceAllString(err.Error(), "")}
	if strings.Contains(err.Error(), "unknown anchor") {
		p.Reason = "a value begins with *, which in YAML refers to an anchor that does not exist; put the value in quotes"
	}
	if found := atLine.FindStringSubmatch(err.Error()); found != nil {
		p.Line, _ = strconv.Atoi(found[1])
	}
	return p
}

// toValues converts a node to plain values and records the lines of its keys.
func (s *source) toValues(n *yaml.Node, key string, problems *Problems) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return s.toValues(n.Content[0], key, problems)
	case yaml.AliasNode:
		*problems = append(*problems, Problem{s.name, n.Line, key, "aliases are not supported; write the value out"})
		return nil
	case yaml.MappingNode:
		tree := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			below := strings.TrimPrefix(key+"."+name, ".")
			if first, twice := s.lines[below]; twice {
				*problems = append(*problems, Problem{s.name, n.Content[i].Line, below, fmt.Sprintf("is given twice; the first is on line %d", first)})
				continue
			}
			s.lines[below] = n.Content[i].Line
			tree[name] = s.toValues(n.Content[i+1], below, problems)
		}
		return tree
	case yaml.SequenceNode:
		list := []any{}
		for i, item := range n.Content {
			below := fmt.Sprintf("%s.%d", key, i)
			s.lines[below] = item.Line
			list = append(list, s.toValues(item, below, problems))
		}
		return list
	default:
		return s.scalar(n, key, problems)
	}
}

func (s *source) scalar(n *yaml.Node, key string, problems *Problems) any {
	var v any
	if err := n.Decode(&v); err != nil {
		*problems = append(*problems, Problem{s.name, n.Line, key, "does not match its tag (" + n.Tag + "); write the value without a tag"})
	}
	switch number := v.(type) {
	case nil, bool, string:
		return v
	case float64:
		if math.IsInf(number, 0) || math.IsNaN(number) {
			return n.Value
		}
	case int, int64, uint64:
	default: // a date, for example
		return n.Value
	}
	s.numbers[key] = n.Value
	return v
}

// line returns the line of a key, or of its nearest parent in the file.
func (s *source) line(key string) int {
	for {
		if line, ok := s.lines[key]; ok {
			return line
		}
		end := strings.LastIndexByte(key, '.')
		if end < 0 {
			return 0
		}
		key = key[:end]
	}
}

func (p Problems) sort() {
	slices.SortFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Reason, b.Reason))
	})
}

package worker

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Schema is the JSON schema of configuration files.
//
//go:embed chatlake.schema.json
var Schema []byte

// compiled is the schema twice: compiled to validate with, and as plain JSON to look up texts in.
var compiled = sync.OnceValues(compile)

func compile() (*jsonschema.Schema, any) {
	const name = "file:///chatlake.schema.json" // absolute: a relative name would be resolved in the working directory, whose name may contain anything
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	compiler := jsonschema.NewCompiler()
	if err == nil {
		err = compiler.AddResource(name, text)
	}
	if err != nil {
		panic(fmt.Sprintf("worker: the embedded schema: %v", err))
	}
	return compiler.MustCompile(name), text
}

// validate returns every violation of the schema.
func (s *source) validate() Problems {
	schema, _ := compiled()
	err := schema.Validate(s.tree)
	var problems Problems
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &invalid):
		return Problems{{File: s.name, Reason: err.Error()}}
	}
	s.collect(invalid, &problems)
	return problems
}

// collect turns the leaves of a validation error into problems.
func (s *source) collect(e *jsonschema.ValidationError, problems *Problems) {
	key := strings.Join(e.InstanceLocation, ".")
	add := func(name, reason string) {
		at := strings.Trim(key+"."+name, ".")
		*problems = append(*problems, Problem{File: s.name, Line: s.line(at), Key: at, Reason: reason})
	}
	rule := ruleAt(e.SchemaURL)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			if at := e.InstanceLocation; len(at) > 2 && at[0] == "accounts" && slices.Contains(accountRule().keys(), name) {
				add(name, "unknown key; move it to accounts."+at[1]+"."+name)
				continue
			}
			add(name, unknownKey(name, rule.keys()))
		}
	case *kind.Required:
		for _, name := range k.Missing {
			add(name, missing(rule.below(name)))
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			add(name, "missing; "+k.Prop+" requires it")
		}
	case *kind.PropertyNames:
		// The library reuses the memory of this kind's location; the location of the rule has the same content.
		_, place, _ := strings.Cut(e.SchemaURL, "#/properties/")
		key = strings.ReplaceAll(strings.TrimSuffix(place, "/propertyNames"), "/properties/", ".")
		add(k.Property, ruleAt(e.SchemaURL).text("errorMessage"))
	default:
		if len(e.Causes) == 0 {
			add("", rule.reason(e.ErrorKind))
		}
		for _, cause := range e.Causes {
			s.collect(cause, problems)
		}
	}
}

func unknownKey(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return "unknown key (did you mean " + near + "?)"
	}
	return "unknown key; expected " + enumerate(known)
}

func missing(r rule) string {
	if text := r.text("description"); text != "" {
		return "missing: " + lowerFirst(strings.TrimSuffix(text, "."))
	}
	return "missing"
}

// rule is one object of the schema.
type rule map[string]any

// ruleAt returns the rule that a validation error names, or an empty one.
func ruleAt(url string) rule {
	_, pointer, _ := strings.Cut(url, "#")
	_, tree := compiled()
	for step := range strings.SplitSeq(strings.Trim(pointer, "/"), "/") {
		if step == "" {
			continue
		}
		branch, _ := tree.(map[string]any)
		tree = branch[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	found, _ := tree.(map[string]any)
	return found
}

// accountRule is the schema of an account.
func accountRule() rule { return ruleAt("#/$defs/account") }

func (r rule) text(key string) string {
	text, _ := r[key].(string)
	return text
}

func (r rule) keys() []string {
	properties, _ := r["properties"].(map[string]any)
	var keys []string
	for key := range properties {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (r rule) below(key string) rule {
	properties, _ := r["properties"].(map[string]any)
	found, _ := properties[key].(map[string]any)
	return found
}

// reason describes what was expected. It never repeats a value that may be a secret.
func (r rule) reason(k jsonschema.ErrorKind) string {
	if text := r.text("errorMessage"); text != "" {
		return text
	}
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("is %s; expected %s", typeNames[k.Got], expected(k.Want))
	case *kind.Enum:
		var want []string
		for _, v := range k.Want {
			want = append(want, fmt.Sprint(v))
		}
		reason := fmt.Sprintf("%v is not known; expected %s", k.Got, enumerate(want))
		if near := nearest(fmt.Sprint(k.Got), want); near != "" {
			reason += " (did you mean " + near + "?)"
		}
		return reason
	case *kind.Minimum:
		return "must be at least " + k.Want.RatString()
	case *kind.Maximum:
		return "must be at most " + k.Want.RatString()
	case *kind.MinLength:
		return "is empty; " + lowerFirst(r.text("description"))
	case *kind.MinProperties:
		return "is empty; give at least one"
	default:
		return "does not match the schema"
	}
}

var typeNames = map[string]string{
	"null": "empty", "boolean": "true or false", "number": "a number", "string": "text", "array": "a list", "object": "a section",
	"integer": "a whole number",
}

func expected(types []string) string {
	var names []string
	for _, t := range types {
		names = append(names, typeNames[t])
	}
	return enumerate(names)
}

func enumerate(words []string) string {
	switch n := len(words); n {
	case 0:
		return "nothing"
	case 1:
		return words[0]
	default:
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
}

func lowerFirst(s string) string {
	if len(s) < 2 || s[1] >= 'A' && s[1] <= 'Z' { // an abbreviation stays in capitals
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// nearest returns the word that was most likely meant, or "" if none is close.
func nearest(word string, words []string) string {
	best, distance := "", max(1, len(word)/3)+1
	for _, w := range words {
		if d := levenshtein(strings.ToLower(word), w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

// levenshtein returns the Levenshtein distance.
func levenshtein(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

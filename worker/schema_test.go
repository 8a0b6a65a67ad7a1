package worker_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/chatlake/chatlake/worker"
)

func schema(t *testing.T) map[string]any {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal(worker.Schema, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// keysOfSchema are all keys that a file may contain; the names of accounts, receivers and options, which are free, are "*".
func keysOfSchema(root, rule map[string]any, path string) []string {
	if ref, ok := rule["$ref"].(string); ok {
		defs, _ := root["$defs"].(map[string]any)
		rule, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	var keys []string
	add := func(name string, below any) {
		at := strings.TrimPrefix(path+"."+name, ".")
		keys = append(keys, at)
		if r, ok := below.(map[string]any); ok {
			keys = append(keys, keysOfSchema(root, r, at)...)
		}
	}
	properties, _ := rule["properties"].(map[string]any)
	for name, below := range properties {
		add(name, below)
	}
	if free, ok := rule["additionalProperties"].(map[string]any); ok {
		add("*", free)
	}
	if items, ok := rule["items"].(map[string]any); ok {
		keys = append(keys, keysOfSchema(root, items, path)...)
	}
	return keys
}

func keysOfExample(n *yaml.Node, path string) []string {
	var keys []string
	if n.Kind == yaml.DocumentNode {
		return keysOfExample(n.Content[0], path)
	}
	for _, item := range n.Content {
		if n.Kind == yaml.SequenceNode {
			keys = append(keys, keysOfExample(item, path)...)
		}
	}
	for i := 0; n.Kind == yaml.MappingNode && i < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if path == "accounts" || path == "alerts.receivers" || path == "accounts.*.options" || path == "accounts.*.secrets" {
			name = "*"
		}
		at := strings.TrimPrefix(path+"."+name, ".")
		keys = append(keys, at)
		keys = append(keys, keysOfExample(n.Content[i+1], at)...)
	}
	return keys
}

func TestExampleHasEveryKey(t *testing.T) {
	text, err := os.ReadFile("../examples/chatlake.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var example yaml.Node
	if err := yaml.Unmarshal(text, &example); err != nil {
		t.Fatal(err)
	}
	s := schema(t)
	want, got := keysOfSchema(s, s, ""), keysOfExample(&example, "")
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(slices.Compact(want), slices.Compact(got)); diff != "" {
		t.Errorf("keys of the schema (-) and of examples/chatlake.yaml (+):\n%s", diff)
	}
}

var keyLine = regexp.MustCompile(`^\s*[a-z_]+:`)

// TestExampleExplainsItself wants a comment above every group of keys: a key without a comment must directly follow another key.
func TestExampleExplainsItself(t *testing.T) {
	text, err := os.ReadFile("../examples/chatlake.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	explained := false
	for i, line := range lines {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "#"):
			explained = true
		case strings.TrimSpace(line) == "":
			explained = false
		case keyLine.MatchString(line) && !explained && !strings.HasSuffix(line, ":"):
			t.Errorf("line %d of the example, %q, has no comment above it", i+1, strings.TrimSpace(line))
		}
	}
}

// TestSchemaExplainsItself wants a description of every key, and an errorMessage for every rule whose error would otherwise
// show a pattern.
func TestSchemaExplainsItself(t *testing.T) {
	var walk func(path string, v any)
	walk = func(path string, v any) {
		rule, ok := v.(map[string]any)
		if !ok {
			return
		}
		_, told := rule["errorMessage"]
		for _, keyword := range []string{"pattern", "minLength"} {
			if _, ok := rule[keyword]; ok && !told {
				t.Errorf("%s has a %s and no errorMessage", path, keyword)
			}
		}
		properties, _ := rule["properties"].(map[string]any)
		for name, below := range properties {
			if d, _ := below.(map[string]any)["description"].(string); !strings.HasSuffix(d, ".") {
				t.Errorf("%s/%s has no sentence as its description", path, name)
			}
		}
		for name, below := range rule {
			walk(path+"/"+name, below)
		}
	}
	walk("", schema(t))
}

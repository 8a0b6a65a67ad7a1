package inspect

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// A TableEntry is what the data dictionary says of a table.
type TableEntry struct {
	Name    string        `json:"name"`
	Meaning string        `json:"meaning"` // what one row is
	Columns []ColumnEntry `json:"columns"`
}

// A ColumnEntry is what it says of a column. The fields of structs in lists are entries too, named like parts.type.
type ColumnEntry struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	Since    int    `json:"since"` // schema version
	Meaning  string `json:"meaning"`
	// Providers says what the column holds of each provider, by its name, where they differ.
	Providers map[string]string `json:"providers,omitempty"`
}

// Dictionary describes all tables and columns, in the order of the lake.
func Dictionary() []TableEntry {
	var all []TableEntry
	for _, s := range schemas.Shapes() {
		table := TableEntry{Name: s.Table, Meaning: s.Meaning()}
		for _, c := range s.Columns {
			table.Columns = append(table.Columns, entry(s, c.Name, c))
			if c.Kind == schemas.KindList && c.Children[0].Kind == schemas.KindStruct {
				for _, f := range c.Children[0].Children {
					table.Columns = append(table.Columns, entry(s, c.Name+"."+f.Name, f))
				}
			}
		}
		all = append(all, table)
	}
	return all
}

func entry(s schemas.Shape, path string, n schemas.Node) ColumnEntry {
	e := ColumnEntry{Name: path, Type: wordOf(n), Nullable: n.Optional, Since: n.Since, Meaning: s.MeaningOf(path), Providers: map[string]string{}}
	for provider, columns := range worker.Columns() {
		if says, ok := columns[s.Table+"."+path]; ok {
			e.Providers[provider] = says
		}
	}
	return e
}

// wordOf is the type of a column in words.
func wordOf(n schemas.Node) string {
	switch n.Kind {
	case schemas.KindList:
		return "list of " + wordOf(n.Children[0]) + "s"
	case schemas.KindMap:
		return "map of texts"
	}
	return n.Kind.String()
}

// DictionaryAs is the dictionary as a page (markdown), as sources of dbt, or as JSON. Other formats are errors.
func DictionaryAs(format string) (string, error) {
	var b strings.Builder
	switch format {
	case "json":
		text, err := json.MarshalIndent(Dictionary(), "", "  ")
		return string(text) + "\n", err
	case "markdown":
		b.WriteString("# Data dictionary\n\nWritten by `chatlake lake dictionary`. Instants are in microseconds and in UTC. \"As sent\" and \"the platform's word\" " +
			"mean\nwhat the platform says, unchanged; the pages `mapping-*.md` tell for each platform where a column comes from;\nthe main differences stand below each meaning. Lists and maps are empty, not null, where there is nothing.\n")
		for _, t := range Dictionary() {
			fmt.Fprintf(&b, "\n## %s\n\nOne row is %s.\n\n| column | type | null | since | meaning |\n|---|---|---|---|---|\n", t.Name, t.Meaning)
			for _, c := range t.Columns {
				nullable := ""
				if c.Nullable {
					nullable = "yes"
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %d | %s |\n", c.Name, c.Type, nullable, c.Since, c.Meaning+byProvider(c.Providers))
			}
		}
	case "dbt":
		b.WriteString("# Written by `chatlake lake dictionary --format dbt`: the views that `chatlake lake sql` makes.\nversion: 2\nsources:\n  - name: chatlake\n    tables:\n")
		for _, t := range Dictionary() {
			fmt.Fprintf(&b, "      - name: %s\n        description: %s\n        columns:\n", t.Name, yamlText("One row is "+t.Meaning+"."))
			for _, c := range t.Columns {
				if strings.Contains(c.Name, ".") {
					continue // a part of a column
				}
				fmt.Fprintf(&b, "          - name: %s\n            description: %s\n", c.Name, yamlText(c.Meaning))
				if len(c.Providers) > 0 {
					b.WriteString("            meta:\n")
					for _, provider := range slices.Sorted(maps.Keys(c.Providers)) {
						fmt.Fprintf(&b, "              %s: %s\n", provider, yamlText(c.Providers[provider]))
					}
				}
				if !c.Nullable {
					b.WriteString("            data_tests: [not_null]\n")
				}
			}
		}
	default:
		return "", fmt.Errorf("no dictionary is written as %s", format)
	}
	return b.String(), nil
}

// byProvider are the meanings of a column for the providers, in a cell of a table. Providers that say the same stand together.
func byProvider(says map[string]string) string {
	names := map[string][]string{}
	for _, provider := range slices.Sorted(maps.Keys(says)) {
		names[says[provider]] = append(names[says[provider]], provider)
	}
	var cell string
	for _, provider := range slices.Sorted(maps.Keys(says)) {
		if same := names[says[provider]]; same[0] == provider {
			cell += "<br>" + strings.Join(same, ", ") + ": " + says[provider]
		}
	}
	return cell
}

// yamlText is a text in YAML, which takes those of JSON.
func yamlText(s string) string {
	text, _ := json.Marshal(s) // texts have no errors
	return string(text)
}

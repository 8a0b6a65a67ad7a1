package inspect

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/schemas"
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
	return ColumnEntry{Name: path, Type: wordOf(n), Nullable: n.Optional, Since: n.Since, Meaning: s.MeaningOf(path)}
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
			"mean\nwhat the platform says, unchanged; the pages `mapping-*.md` tell for each platform where a column comes from. Lists and maps are\nempty, not null, where there is nothing.\n")
		for _, t := range Dictionary() {
			fmt.Fprintf(&b, "\n## %s\n\nOne row is %s.\n\n| column | type | null | since | meaning |\n|---|---|---|---|---|\n", t.Name, t.Meaning)
			for _, c := range t.Columns {
				nullable := ""
				if c.Nullable {
					nullable = "yes"
				}
				fmt.Fprintf(&b, "| %s | %s | %s | %d | %s |\n", c.Name, c.Type, nullable, c.Since, c.Meaning)
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

// yamlText is a text in YAML, which takes those of JSON.
func yamlText(s string) string {
	text, _ := json.Marshal(s) // texts have no errors
	return string(text)
}

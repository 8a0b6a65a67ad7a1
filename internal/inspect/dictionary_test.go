package inspect

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/chatlake/chatlake/schemas"
)

var update = flag.Bool("update", false, "write docs/dictionary.md anew")

// TestDictionaryPage says that the page is what the command prints.
func TestDictionaryPage(t *testing.T) {
	got, err := DictionaryAs("markdown")
	if err != nil {
		t.Fatal(err)
	}
	page := filepath.Join("..", "..", "docs", "dictionary.md")
	if *update {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/dictionary.md is old: chatlake lake dictionary > docs/dictionary.md (-page +now)\n%s", diff)
	}
}

// TestDictionaryHasAllColumns reads the formats for programs back.
func TestDictionaryHasAllColumns(t *testing.T) {
	want := map[string][]string{}
	for _, s := range schemas.Shapes() {
		for _, c := range s.Columns {
			want[s.Table] = append(want[s.Table], c.Name)
		}
	}
	text, err := DictionaryAs("dbt")
	if err != nil {
		t.Fatal(err)
	}
	var dbt struct {
		Sources []struct {
			Tables []struct {
				Name, Description string
				Columns           []struct{ Name, Description string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &dbt); err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, table := range dbt.Sources[0].Tables {
		for _, c := range table.Columns {
			if got[table.Name] = append(got[table.Name], c.Name); c.Description == "" || table.Description == "" {
				t.Errorf("%s.%s has no description", table.Name, c.Name)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sources of dbt (-want +got)\n%s", diff)
	}
	if text, err = DictionaryAs("json"); err != nil {
		t.Fatal(err)
	}
	var entries []TableEntry
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		t.Fatal(err)
	}
	parts := slices.IndexFunc(entries[1].Columns, func(c ColumnEntry) bool {
		return c.Name == "parts.type" && c.Type == "text" && !c.Nullable && c.Since == 1
	})
	if len(entries) != len(want) || entries[1].Name != "messages" || parts < 0 {
		t.Errorf("%d tables as JSON, parts.type at %d of %s", len(entries), parts, entries[1].Name)
	}
	if _, err := DictionaryAs("oracle"); err == nil {
		t.Error("a format that there is not was written")
	}
}

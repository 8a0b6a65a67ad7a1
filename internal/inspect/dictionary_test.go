package inspect

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
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

// TestDictionaryOfProviders: what providers say is of columns that there are, and every format tells it.
func TestDictionaryOfProviders(t *testing.T) {
	says := map[string]map[string]string{}
	for _, table := range Dictionary() {
		for _, c := range table.Columns {
			says[table.Name+"."+c.Name] = c.Providers
		}
	}
	for provider, columns := range worker.Columns() {
		if len(columns) == 0 {
			t.Errorf("the dictionary says nothing of %s", provider)
		}
		for column := range columns {
			if says[column][provider] == "" {
				t.Errorf("%s says what %s holds, and the dictionary does not", provider, column)
			}
		}
	}
	const status = "OPEN or CLOSE"
	if says["conversations.status"]["liveperson"] != status {
		t.Errorf("status is %v", says["conversations.status"])
	}
	for format, want := range map[string]string{"json": `"liveperson": "` + status + `"`, "dbt": `liveperson: "` + status + `"`, "markdown": "<br>liveperson: " + status} {
		text, err := DictionaryAs(format)
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("no %q as %s, error %v", want, format, err)
		}
	}
}

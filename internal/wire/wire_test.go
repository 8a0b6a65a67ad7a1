package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/chatlake/chatlake/internal/wire"
)

func TestWord(t *testing.T) {
	for sent, want := range map[string]string{
		``: "", `null`: "", `""`: "", `"a"`: "a", `"\u00e4\n"`: "ä\n", `12`: "12", `1.50`: "1.50", `true`: "true", `{ "a" : 1 }`: `{"a":1}`, `[1, 2]`: `[1,2]`, `"`: "",
	} {
		if got := wire.Word(wire.Value(sent)); got != want {
			t.Errorf("%s is read as %q, want %q", sent, got, want)
		}
	}
}

// FuzzMembers cuts any text: what is JSON is cut as encoding/json cuts it, and the rest without a panic.
func FuzzMembers(f *testing.F) {
	files, err := filepath.Glob("../../providers/*/testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(body))
	}
	for _, text := range []string{`{"a":1,"a":2,"\u0062" : [ ] }`, `[1 , "]" ,{"}":"\""}]`, `{"a"`, `[[[`, `{"a":}`, `[,,1]`, `"\`, `{,}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, body string) {
		v := wire.Value(strings.TrimSpace(body))
		o, all := wire.Fields(v), wire.Items(v)
		if !json.Valid(v) {
			return
		}
		switch v[0] {
		case '{':
			var want wire.Object
			if err := json.Unmarshal(v, &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, o); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		case '[':
			var want []wire.Value
			if err := json.Unmarshal(v, &want); err != nil {
				t.Fatal(err)
			}
			want = slices.DeleteFunc(want, wire.IsNull)
			if diff := cmp.Diff(want, all, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("elements (-want +got):\n%s", diff)
			}
		}
	})
}

package wire_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
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

// FuzzMembers splits any text: JSON must be split as encoding/json does it, and anything else without a panic.
func FuzzMembers(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
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

// samples are bodies as platforms send them, and borderline cases of JSON.
func samples(f *testing.F) (all []string) {
	f.Helper()
	files, err := filepath.Glob("../../providers/*/testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatal("no samples", err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, string(body))
	}
	return append(all, `[1e5,-0.5E-07,0,-0]`, `01`, `1.`, `.5`, `-`, `1e`, `tru`, `nulll`, `{"a":1,}`, `[1,]`, `{,}`, `{"a"}`, "\"\t\"",
		`"\u00e4\ud83d\ude00\ud83d \udead\u12"`, `"\/\b\f\n\r\t\x"`, "\"\xff\xfe\xed\xa0\x80\"", `"a"b"`, `"`, ` `, `"0123456789abcdef\"0123456"`,
		strings.Repeat("[", 10001)+strings.Repeat("]", 10001), strings.Repeat("[", 10000)+strings.Repeat("]", 10000), `{"a":[{"b":[]},{}]} `, "\v1")
}

func FuzzValid(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got, want := wire.Valid([]byte(text)), json.Valid([]byte(text)); got != want {
			t.Errorf("Valid = %t, json.Valid = %t", got, want)
		}
	})
}

func FuzzUnquote(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
		quoted, err := json.Marshal(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(quoted))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, v := range []string{text, `"` + text + `"`} {
			var want string
			err := json.Unmarshal([]byte(v), &want)
			isString := err == nil && strings.TrimSpace(v) == v && v != "null"
			if got, ok := wire.Unquote(wire.Value(v)); ok != isString || ok && got != want {
				t.Errorf("Unquote = %q, %t; encoding/json reads %q, %v", got, ok, want, err)
			}
		}
	})
}

func BenchmarkValid(b *testing.B) {
	body, err := os.ReadFile("../../providers/chatwoot/testdata/messages_latest.json")
	if err != nil {
		b.Fatal(err)
	}
	for name, valid := range map[string]func([]byte) bool{"wire": wire.Valid, "encoding/json": json.Valid} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if !valid(body) {
					b.Fatal("not valid")
				}
			}
		})
	}
}

func FuzzTree(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		isJSON := d.Decode(&want) == nil && json.Valid([]byte(text))
		got, ok := wire.Tree([]byte(text))
		if ok != isJSON {
			t.Fatalf("Tree says %t, encoding/json %t", ok, isJSON)
		}
		if ok && !reflect.DeepEqual(got, want) {
			t.Errorf("Tree is %v, encoding/json reads %v", got, want)
		}
	})
}

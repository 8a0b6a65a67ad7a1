package lake

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	l := openFolder(t)
	seal, err := NewSeal(t.Context(), l.Store(), l.scratch, may("acme"), "test")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := seal.Document(schemas.Document{Kind: "messages", ConversationID: fmt.Sprint(i), Body: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := seal.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, record, err := l.Commit(t.Context(), ledger.Record{Shard: may("acme"), SpecDigest: "spec", Files: files})
	if err != nil {
		t.Fatal(err)
	}
	name := l.Location(files[0].Key)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(whole)
	changed[len(changed)/3] ^= 1
	for _, test := range []struct {
		what    string
		content []byte
		deep    bool
		want    string
	}{
		{"whole", whole, true, ""},
		{"changed, seen only when all is read", changed, true, "digest"},
		{"cut short", whole[:len(whole)-10], false, "bytes"},
		{"overwritten", bytes.Repeat([]byte("x"), len(whole)), false, "damaged"},
		{"gone", nil, false, "missing"},
	} {
		t.Run(test.what, func(t *testing.T) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			if test.content != nil {
				if err := os.WriteFile(name, test.content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			findings, err := l.VerifyRecord(t.Context(), record, test.deep)
			if err != nil {
				t.Fatal(err)
			}
			if (test.want == "") != (len(findings) == 0) || len(findings) > 0 && !strings.Contains(findings[0].Problem, test.want) {
				t.Errorf("findings %v, want one containing %q", findings, test.want)
			}
		})
	}
}

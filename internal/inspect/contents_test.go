package inspect

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// TestContentsAfter: records that are known are not read again, new ones are, and what is damaged is named.
func TestContentsAfter(t *testing.T) {
	root := t.TempDir()
	c := worker.Config{StateDir: t.TempDir(), Lake: worker.LakeConfig{URL: "file:" + root}, Accounts: map[string]worker.AccountConfig{"acme": {Provider: "chatwoot"}}}
	ctx := t.Context()
	store, err := lake.Open(ctx, ledger.Config{URL: "file:" + root}, lake.Config{Scratch: t.TempDir(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	add := func(w schemas.Window, generation int) {
		t.Helper()
		r := copied(schemas.StreamCreated, w, int64(generation), func(r *ledger.Record) { r.SpecDigest = strings.Repeat("x", generation) })
		if r.Generation = generation; generation > 1 {
			r.Supersedes = generation - 1
		}
		if _, _, err := store.Commit(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	add(inMay(1, 2), 1)
	add(inMay(2, 3), 1)
	l, err := Open(ctx, c, "")
	if err != nil {
		t.Fatal(err)
	}
	var reader Reader
	read := func(windows int, copied int64) *Contents {
		t.Helper()
		found, err := reader.Read(ctx, l)
		if err != nil {
			t.Fatal(err)
		}
		sum := found.Coverage(Question{Scale: ScaleMonth}).Rows[0].Sum
		if sum.Windows != windows || sum.Copied != copied {
			t.Errorf("%d windows with %d conversations, want %d and %d", sum.Windows, sum.Copied, windows, copied)
		}
		return found
	}
	read(2, 2)
	add(inMay(1, 2), 2)
	add(inMay(3, 4), 1)
	// Were this record read again, it would be found damaged.
	first := filepath.Join(root, "_ledger/v1/provider=chatwoot/account=acme/stream=created", inMay(2, 3).String(), "g0001.json")
	if err := os.WriteFile(first, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := read(3, 4); len(found.Unreadable) != 0 {
		t.Errorf("a known record was read again: %v", found.Unreadable)
	}
	// Who begins anew finds the damage, and shows the rest.
	reader = Reader{}
	if found := read(2, 3); len(found.Unreadable) != 1 || len(found.Missing.Open) != 1 {
		t.Errorf("unreadable %v, gaps %v", found.Unreadable, found.Missing.Open)
	}
}

package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLedgerTellsOfWhatCannotBeRead(t *testing.T) {
	l := openFolder(t)
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "1")
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "b"}, "2")
	commit(t, l, Record{Shard: may("other"), SpecDigest: "a"}, "3")
	mustPut(t, l.Store(), ledgerKey(may("acme"), 3), "{")
	mustPut(t, l.Store(), ledgerKey(may("acme"), 4), `{"format_version": 9}`)
	mustPut(t, l.Store(), ledgerRoot+"provider=chatwoot/notes.txt", "hello")
	entries, err := l.Entries(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		switch {
		case e.Record != nil && e.Problem == "":
			got = append(got, fmt.Sprint(e.Shard.Account, " ", e.Generation, " ", e.Record.SpecDigest))
		case e.Record == nil:
			got = append(got, fmt.Sprint(e.Shard.Account, " ", e.Generation, " unread"))
		}
	}
	want := []string{"acme 1 a", "acme 2 b", "acme 3 unread", "acme 4 unread", "other 1 a", " 0 unread"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	for i, part := range []string{"", "", "damaged", "use a newer build", "", "not the key of a commit record"} {
		if !strings.Contains(entries[i].Problem, part) {
			t.Errorf("entry %d: problem %q, want %q in it", i, entries[i].Problem, part)
		}
	}
	// The files that the damaged record names are unknown, so no file may be reported as an orphan.
	for object, err := range l.Orphans(t.Context(), Filter{Account: "acme"}) {
		if err == nil {
			t.Errorf("%s is called an orphan", object.Key)
		}
	}
}

// failing is a store that returns an error for some keys.
type failing struct {
	Store
	key string
	err error
}

func (f failing) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if key == f.key {
		return nil, f.err
	}
	return f.Store.Get(ctx, key, offset, length)
}

func TestLedgerWaitsForNoRecord(t *testing.T) {
	l := openFolder(t)
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "1")
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "b"}, "2")
	key := ledgerKey(may("acme"), 1)
	whole := l.store
	l.store = failing{whole, key, fmt.Errorf("read %s: %w", key, os.ErrPermission)}
	if entries, err := l.Entries(t.Context(), Filter{}); err != nil || len(entries) != 2 || entries[0].Problem == "" || entries[1].Record == nil {
		t.Errorf("%+v, error %v; want the first reported and the second read", entries, err)
	}
	down := errors.New("no route to host")
	l.store = failing{whole, key, down}
	if _, err := l.Entries(t.Context(), Filter{}); !errors.Is(err, down) {
		t.Errorf("error %v, want that of a store that is down", err)
	}
}

func TestLeftoversSayWhoseTheyAre(t *testing.T) {
	l := openFolder(t)
	shard := may("acme")
	mustPut(t, l.Store(), StagingFolder(shard, 12)+"page-0001", "staged")
	mustPut(t, l.Store(), StagingFolder(may("other"), 1)+"page", "x")
	mustPut(t, l.Store(), stagingRoot+"acme/odd", "x")
	var got []Leftover
	for left, err := range l.Leftovers(t.Context(), "acme") {
		if err != nil {
			t.Fatal(err)
		}
		left.Object = Object{Bytes: left.Bytes}
		got = append(got, left)
	}
	want := []Leftover{
		{Object{Bytes: 6}, "acme", "created", shard.Window.String(), 12},
		{Object: Object{Bytes: 1}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("leftovers (-want +got):\n%s", diff)
	}
}

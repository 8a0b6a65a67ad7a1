package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

func TestLedgerTellsOfWhatCannotBeRead(t *testing.T) {
	l := openFolder(t)
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "1")
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "b"}, "2")
	commit(t, l, Record{Shard: may("other"), SpecDigest: "a"}, "3")
	mustPut(t, l.Store(), ledgerKey(may("acme"), 3), "{")
	mustPut(t, l.Store(), ledgerKey(may("acme"), 4), `{"format_version": 9}`)
	mustPut(t, l.Store(), ledgerRoot+"provider=chatwoot/notes.txt", "hello")
	entries, err := l.Ledger(t.Context(), Filter{})
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
	for i, part := range []string{"", "", "damaged", "use a newer build", "", "not the name of a commit record"} {
		if !strings.Contains(entries[i].Problem, part) {
			t.Errorf("entry %d: problem %q, want %q in it", i, entries[i].Problem, part)
		}
	}
	// Nobody knows which files the damaged record names, so no file may be called an orphan.
	for object, err := range l.Orphans(t.Context(), Filter{Account: "acme"}) {
		if err == nil {
			t.Errorf("%s is called an orphan", object.Key)
		}
	}
}

// failing is a store that answers nothing about some keys.
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
	if entries, err := l.Ledger(t.Context(), Filter{}); err != nil || len(entries) != 2 || entries[0].Problem == "" || entries[1].Record == nil {
		t.Errorf("%+v, error %v; want the first told of and the second read", entries, err)
	}
	down := errors.New("no route to host")
	l.store = failing{whole, key, down}
	if _, err := l.Ledger(t.Context(), Filter{}); !errors.Is(err, down) {
		t.Errorf("error %v, want that of a store that is down", err)
	}
}

// letters seals a file of dead letters.
func letters(t *testing.T, l *Lake, ids ...string) File {
	t.Helper()
	seal, err := NewSeal(t.Context(), l.store, l.scratch, may("acme"), "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if err := seal.DeadLetter(schemas.DeadLetter{ConversationID: id, ObservedAt: time.UnixMicro(1), Step: "Fetch", ErrorKind: "Timeout", Attempts: 4}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := seal.Close(t.Context())
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	return files[0]
}

func TestScanOfFilesInTheLake(t *testing.T) {
	lakes := map[string]*Lake{"folder": openFolder(t), "s3": onBucket(t, 1)[0]}
	for name, l := range lakes {
		t.Run(name, func(t *testing.T) {
			f := letters(t, l, "a", "b", "a")
			var got []string
			scan := func(f File) (string, error) {
				got = nil
				return l.Scan(t.Context(), f, Query{Columns: []string{"conversation_id", "attempts"}, Value: new("a")}, func(r Row) {
					got = append(got, fmt.Sprint(r.Group, r.Index, r.Cells[0].Text, r.Cells[1].Integer))
				})
			}
			problem, err := scan(f)
			if diff := cmp.Diff([]string{"0 0a4", "0 2a4"}, got); diff != "" || problem != "" || err != nil {
				t.Errorf("problem %q, error %v, rows (-want +got):\n%s", problem, err, diff)
			}
			longer := f
			longer.Bytes++
			if problem, err := scan(longer); !strings.Contains(problem, "bytes") || err != nil {
				t.Errorf("of a file that was cut: problem %q, error %v", problem, err)
			}
			mustPut(t, l.Store(), f.Key, strings.Repeat("x", int(f.Bytes)))
			if problem, err := scan(f); !strings.Contains(problem, "damaged") || err != nil {
				t.Errorf("of a damaged file: problem %q, error %v", problem, err)
			}
			if err := l.store.Delete(t.Context(), f.Key); err != nil {
				t.Fatal(err)
			}
			if problem, err := scan(f); problem != "the file is missing" || err != nil {
				t.Errorf("of a missing file: problem %q, error %v", problem, err)
			}
			down := errors.New("no route to host")
			if _, err := Over(failing{l.store, f.Key, down}, Config{}, nil).Scan(t.Context(), f, Query{Columns: []string{"step"}}, func(Row) {}); !errors.Is(err, down) {
				t.Errorf("error %v, want that of a store that is down", err)
			}
		})
	}
}

func TestLeftoversSayWhoseTheyAre(t *testing.T) {
	l := openFolder(t)
	shard := may("acme")
	mustPut(t, l.Store(), stagingFolder(shard, 12)+"page-0001", "staged")
	mustPut(t, l.Store(), stagingFolder(may("other"), 1)+"page", "x")
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

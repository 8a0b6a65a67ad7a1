package ledger

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hiding is a store whose lists omit some keys, although they can be read.
type hiding struct {
	Store
	hides func(key string) bool
}

func (h hiding) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for object, err := range h.Store.List(ctx, prefix) {
			if (err != nil || !h.hides(object.Key)) && !yield(object, err) {
				return
			}
		}
	}
}

// generationsOf commits this many generations of a shard.
func generationsOf(t *testing.T, l *Ledger, account string, n int) (records []Record) {
	t.Helper()
	for i := range n {
		spec := string(rune('a' + i))
		_, r := commit(t, l, Record{Shard: may(account), SpecDigest: spec},
			"provider=chatwoot/account="+account+"/stream=created/month=2026-05/"+may(account).Window.String()+"-000"+spec+"-0123456789abcdef.parquet")
		records = append(records, r)
	}
	return records
}

// reads are all functions that list the ledger.
var reads = map[string]func(context.Context, *Ledger) error{
	"Latest": func(ctx context.Context, l *Ledger) error {
		_, err := l.Latest(ctx, may("acme"))
		return err
	},
	"Current": func(ctx context.Context, l *Ledger) error {
		_, err := l.Current(ctx, Filter{})
		return err
	},
	"Ledger": func(ctx context.Context, l *Ledger) error {
		_, err := l.Entries(ctx, Filter{})
		return err
	},
	"Orphans": func(ctx context.Context, l *Ledger) error {
		for _, err := range l.Orphans(ctx, Filter{}) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"Sweep": func(ctx context.Context, l *Ledger) error {
		_, err := l.Sweep(ctx, "", true)
		return err
	},
}

func TestRecordsThatAreNotListedAreErrors(t *testing.T) {
	all := slices.Collect(func(yield func(string) bool) {
		for name := range reads {
			if !yield(name) {
				return
			}
		}
	})
	for what, test := range map[string]struct {
		hidden []string
		fails  []string
	}{
		"the newest generation":   {[]string{ledgerKey(may("acme"), 3)}, all},
		"the newest two":          {[]string{ledgerKey(may("acme"), 3), ledgerKey(may("acme"), 2)}, all},
		"an older generation":     {[]string{ledgerKey(may("acme"), 2)}, []string{"Ledger", "Orphans", "Sweep"}},
		"a shard, beside another": {[]string{ledgerKey(may("acme"), 1), ledgerKey(may("acme"), 2), ledgerKey(may("acme"), 3)}, []string{"Latest", "Orphans", "Sweep"}},
	} {
		for name, read := range reads {
			t.Run(what+"/"+name, func(t *testing.T) {
				l := openFolder(t)
				records := append(generationsOf(t, l, "acme", 3), generationsOf(t, l, "other", 1)...)
				sound := l.store
				l.store = hiding{sound, func(key string) bool { return slices.Contains(test.hidden, key) }}
				l.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
				err := read(t.Context(), l)
				if fails := slices.Contains(test.fails, name); fails != errors.Is(err, ErrIncompleteList) || !fails && err != nil {
					t.Errorf("%v, want ErrIncompleteList: %v", err, fails)
				}
				for _, r := range records {
					if _, err := sound.Stat(t.Context(), r.Files[0].Key); err != nil {
						t.Errorf("a file that generation %d names is gone: %v", r.Generation, err)
					}
				}
			})
		}
	}
}

// A record that is committed while the ledger is being listed is not an error of the store, and it counts.
func TestRecordsThatComeWhileTheLedgerIsListed(t *testing.T) {
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			l := openFolder(t)
			records := generationsOf(t, l, "acme", 2)
			lists := 0
			sound := l.store
			l.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
			l.store = hiding{sound, func(key string) bool {
				late := key == ledgerKey(may("acme"), 2)
				if late {
					lists++
				}
				return late && lists == 1
			}}
			if err := read(t.Context(), l); err != nil {
				t.Error(err)
			}
			if _, err := sound.Stat(t.Context(), records[1].Files[0].Key); err != nil {
				t.Error(err)
			}
		})
	}
	l := openFolder(t)
	generationsOf(t, l, "acme", 2)
	l.store = hiding{l.store, func() func(string) bool {
		seen := false
		return func(key string) bool {
			hide := key == ledgerKey(may("acme"), 2) && !seen
			seen = seen || hide
			return hide
		}
	}()}
	if current, err := l.Current(t.Context(), Filter{}); err != nil || len(current) != 1 || current[0].Generation != 2 {
		t.Errorf("%+v, error %v; want generation 2", current, err)
	}
}

func TestSweepStopsWhereARecordIsGone(t *testing.T) {
	l := openFolder(t)
	records := generationsOf(t, l, "acme", 3)
	if err := l.store.Delete(t.Context(), ledgerKey(may("acme"), 2)); err != nil {
		t.Fatal(err)
	}
	l.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	swept, err := l.Sweep(t.Context(), "", true)
	if err == nil || !strings.Contains(err.Error(), ledgerKey(may("acme"), 2)) || swept.Files > 0 {
		t.Errorf("swept %+v, error %v; want an error that names the record", swept, err)
	}
	if _, err := l.store.Stat(t.Context(), records[1].Files[0].Key); err != nil {
		t.Errorf("the file of the record that is gone: %v", err)
	}
}

// listedAt is a store whose lists return another modification time.
type listedAt struct {
	Store
	at time.Time
}

func (s listedAt) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for object, err := range s.Store.List(ctx, prefix) {
			object.ModifiedAt = s.at
			if !yield(object, err) {
				return
			}
		}
	}
}

func TestSweepAsksForTheAgeOfWhatItRemoves(t *testing.T) {
	l := openFolder(t)
	orphan := fileFolder("messages", may("acme")) + may("acme").Window.String() + "-0001-aaaaaaaaaaaaaaaa.parquet"
	mustPut(t, l.store, orphan, "x")
	mustPut(t, l.store, "data/notes.txt", "x")
	mustPut(t, l.store, "_staging/acme/created/20260601T000000Z~20260701T000000Z/g0001/page", "x")
	l.store = listedAt{l.store, time.Now().AddDate(-1, 0, 0)}
	for _, test := range []struct {
		what string
		at   time.Time
		now  time.Time
		want Swept
	}{
		{"new, and listed as old", time.Now().AddDate(-1, 0, 0), time.Now(), Swept{Young: 1, Open: 1, Foreign: 1}},
		{"listed without a time", time.Time{}, time.Now().AddDate(1, 0, 0), Swept{Young: 1, Open: 1, Foreign: 1}},
		// Milliseconds here, whole seconds there.
		{"listed at another moment of its second", time.Now(), time.Now().AddDate(1, 0, 0), Swept{Staged: 1, Files: 1, Bytes: 2, Foreign: 1}},
	} {
		l.store = listedAt{l.store.(listedAt).Store, test.at}
		l.now = func() time.Time { return test.now }
		got, err := l.Sweep(t.Context(), "", true)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.what, diff)
		}
	}
}

func TestWhatExportsFoundIsNotForgotten(t *testing.T) {
	type named struct {
		Shard      string `json:"shard"`
		Generation int    `json:"generation"`
	}
	promise := func(l *Ledger, export string, provider string, shards ...named) {
		t.Helper()
		if _, err := l.PutManifest(t.Context(), "acme", export, map[string]any{"provider": provider, "shards": shards}); err != nil {
			t.Fatal(err)
		}
	}
	other := may("acme")
	other.Stream = "reports"
	for name, test := range map[string]struct {
		spoil func(l *Ledger)
		want  []Forgotten
		fails bool
		found int
	}{
		"nothing is": {func(*Ledger) {}, nil, false, 0},
		"a shard": {func(l *Ledger) { promise(l, "b", "chatwoot", named{other.String(), 1}) },
			[]Forgotten{{"_exports/acme/b/manifest.json", other, 1, 0}}, false, 0},
		"a shard, by an earlier build": {func(l *Ledger) { promise(l, "b", "", named{other.String(), 1}) },
			[]Forgotten{{"_exports/acme/b/manifest.json", other, 1, 0}}, false, 0},
		"a generation, by two exports": {func(l *Ledger) {
			promise(l, "b", "chatwoot", named{may("acme").String(), 3})
			promise(l, "c", "chatwoot", named{may("acme").String(), 3})
		}, []Forgotten{{"_exports/acme/b/manifest.json", may("acme"), 3, 2}}, false, 0},
		"a list lacks the shard": {func(l *Ledger) {
			l.store = hiding{l.store, func(key string) bool { return strings.HasPrefix(key, ledgerRoot) }}
		}, nil, true, 0},
		"a manifest is damaged": {func(l *Ledger) { mustPut(t, l.store, "_exports/acme/b/manifest.json", "{") }, nil, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := openFolder(t)
			generationsOf(t, l, "acme", 2)
			promise(l, "a", "chatwoot", named{may("acme").String(), 2})
			test.spoil(l)
			entries, err := l.Entries(t.Context(), Filter{})
			if err != nil {
				t.Fatal(err)
			}
			got, findings, err := l.Forgotten(t.Context(), "acme", entries)
			if test.fails != errors.Is(err, ErrIncompleteList) || !test.fails && err != nil {
				t.Fatalf("%v, want ErrIncompleteList: %v", err, test.fails)
			}
			if diff := cmp.Diff(test.want, got); diff != "" || len(findings) != test.found {
				t.Errorf("findings %v; forgotten (-want +got):\n%s", findings, diff)
			}
		})
	}
}

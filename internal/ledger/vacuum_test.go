package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/ledger/s3test"
)

// generation commits the next generation of a shard with files that have these names, and writes those that are not there.
func (l *Ledger) nextWith(t *testing.T, shard Shard, contents ...string) Record {
	t.Helper()
	latest, err := l.Latest(t.Context(), shard)
	if err != nil {
		t.Fatal(err)
	}
	r := Record{Shard: shard, Generation: 1}
	if latest != nil {
		r.Generation, r.Rewrites = latest.Generation+1, latest.Digest
	}
	r.SpecDigest = fmt.Sprint(r.Generation)
	for _, content := range contents {
		f := File{Table: "messages", Bytes: int64(len(content)), Key: FileKey("messages", shard, 1, content+strings.Repeat("0", 16))}
		if _, err := l.store.Stat(t.Context(), f.Key); errors.Is(err, ErrNotExist) {
			if err := l.store.Put(t.Context(), f.Key, strings.NewReader(content), f.Bytes, false); err != nil {
				t.Fatal(err)
			}
		}
		r.Files = append(r.Files, f)
	}
	_, r, err = l.Commit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// names are the contents of the data files in a store, sorted.
func names(t *testing.T, l *Ledger) (all []string) {
	t.Helper()
	for object, err := range l.store.List(t.Context(), dataRoot) {
		if err != nil {
			t.Fatal(err)
		}
		_, digest, _ := strings.Cut(strings.TrimSuffix(object.Key, ".parquet"), "-000")
		all = append(all, strings.Trim(strings.SplitN(digest, "-", 2)[1], "0"))
	}
	slices.Sort(all)
	return all
}

func TestVacuum(t *testing.T) {
	const day = 24 * time.Hour
	l := openFolder(t)
	begun := time.Now()
	at := func(d time.Duration) { l.now = func() time.Time { return begun.Add(d) } }
	june := may("acme")
	june.Window.From, june.Window.To = may("acme").Window.To, may("acme").Window.To.AddDate(0, 1, 0)
	l.nextWith(t, may("acme"), "a", "b")
	l.nextWith(t, june, "x")
	l.nextWith(t, may("beta"), "other")
	at(3 * day)
	l.nextWith(t, may("acme"), "a", "c")
	l.nextWith(t, may("beta"))
	at(5 * day)
	l.nextWith(t, may("acme"), "b", "d") // b again, which the first generation names as well
	l.nextWith(t, june)
	at(9 * day)
	l.nextWith(t, may("acme"), "a") // a again
	steps := []struct {
		name          string
		now, grace    time.Duration
		remove        bool
		want          Vacuumed
		left          []string
		staged, clear bool
	}{
		{name: "within the grace period", now: 9 * day, grace: 7 * day, remove: true, want: Vacuumed{Recent: 4}, left: []string{"a", "b", "c", "d", "other", "x"}},
		{name: "only looked at", now: 13 * day, grace: 7 * day, want: Vacuumed{Files: 2, Bytes: 2, Recent: 2}, left: []string{"a", "b", "c", "d", "other", "x"}},
		{name: "while a draft is staged", now: 13 * day, grace: 7 * day, remove: true, staged: true, want: Vacuumed{Files: 1, Bytes: 1, Open: 3}, left: []string{"a", "b", "c", "d", "other"}},
		{name: "after the grace period of two", now: 13 * day, grace: 7 * day, remove: true, clear: true, want: Vacuumed{Files: 1, Bytes: 1, Recent: 2}, left: []string{"a", "b", "d", "other"}},
		{name: "of all, but not what counts", now: 20 * day, grace: 7 * day, remove: true, want: Vacuumed{Files: 2, Bytes: 2}, left: []string{"a", "other"}},
		{name: "nothing is left to do", now: 20 * day, grace: 7 * day, remove: true, left: []string{"a", "other"}},
	}
	draft := shardStaging(may("acme")) + "g0005/draft-1-aaaa"
	for _, step := range steps {
		at(step.now)
		if step.staged {
			if err := l.store.Put(t.Context(), draft, strings.NewReader("{}"), 2, false); err != nil {
				t.Fatal(err)
			}
		}
		if step.clear {
			if err := l.store.Delete(t.Context(), draft); err != nil {
				t.Fatal(err)
			}
		}
		got, err := l.Vacuum(t.Context(), "acme", step.grace, step.remove)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.left, names(t, l)); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", step.name, diff)
		}
	}
	for _, shard := range []Shard{may("acme"), june} {
		if records, err := l.generations(t.Context(), shard, 1); err != nil || len(records) < 2 {
			t.Errorf("%d records of %s are left, %v; want all", len(records), shard, err)
		}
	}
	entries, err := l.Entries(t.Context(), Filter{Account: "acme"})
	if err != nil || len(entries) != 6 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
}

// TestVacuumLeavesYoungFiles whatever the grace period is: a seal that has not committed yet may use them.
func TestVacuumLeavesYoungFiles(t *testing.T) {
	l := openFolder(t)
	begun := time.Now()
	l.nextWith(t, may("acme"), "a")
	l.nextWith(t, may("acme"), "b")
	for _, age := range []time.Duration{time.Hour, ReuseWithin + time.Hour, vacuumKept - time.Minute} {
		l.now = func() time.Time { return begun.Add(age) }
		if got, err := l.Vacuum(t.Context(), "acme", 0, true); err != nil || got != (Vacuumed{Recent: 1}) {
			t.Errorf("after %s: %+v, %v; want the file kept", age, got, err)
		}
	}
}

// intruder does something before an object is read, as another process would.
type intruder struct {
	Store
	before func(key string)
}

func (s intruder) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	body, err := s.Store.Get(ctx, key, offset, length)
	s.before(key) // after the answer was given
	return body, err
}

// TestVacuumWhileOthersSeal: a file that a running seal writes again, or that a record names by now, is not removed.
func TestVacuumWhileOthersSeal(t *testing.T) {
	for name, act := range map[string]func(t *testing.T, l *Ledger, key string){
		"a seal writes the file again": func(t *testing.T, l *Ledger, key string) {
			if err := l.store.Put(t.Context(), key, strings.NewReader("a"), 1, false); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(l.Location(key), l.now(), l.now()); err != nil {
				t.Fatal(err)
			}
		},
		"a record names it again": func(t *testing.T, l *Ledger, _ string) { l.nextWith(t, may("acme"), "a") },
		"a draft is staged": func(t *testing.T, l *Ledger, _ string) {
			if err := l.store.Put(t.Context(), shardStaging(may("acme"))+"g0003/draft-1-aaaa", strings.NewReader("{}"), 2, false); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := openFolder(t)
			old := l.nextWith(t, may("acme"), "a")
			l.nextWith(t, may("acme"), "b")
			begun := time.Now()
			l.now = func() time.Time { return begun.AddDate(0, 0, 10) }
			inner, done := l.store, false
			other := New(inner, l.root, l.now)
			l.store = intruder{inner, func(key string) {
				if key == ledgerKey(may("acme"), 3) && !done { // the ledger was listed, and the end of the list is checked
					done = true
					act(t, other, old.Files[0].Key)
				}
			}}
			if got, err := l.Vacuum(t.Context(), "acme", 7*24*time.Hour, true); err != nil || got.Files > 0 || !done {
				t.Errorf("%+v, %v; want nothing removed", got, err)
			}
			if _, err := inner.Stat(t.Context(), old.Files[0].Key); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestVacuumStopsAtWhatItCannotRead before it removes anything.
func TestVacuumStopsAtWhatItCannotRead(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, l *Ledger){
		"a damaged record": func(t *testing.T, l *Ledger) {
			if err := l.store.Put(t.Context(), ledgerKey(may("acme"), 2), strings.NewReader("{"), 1, false); err != nil {
				t.Fatal(err)
			}
		},
		"a record that is gone": func(t *testing.T, l *Ledger) {
			if err := l.store.Delete(t.Context(), ledgerKey(may("acme"), 1)); err != nil {
				t.Fatal(err)
			}
		},
	} {
		l := openFolder(t)
		l.nextWith(t, may("acme"), "a")
		l.nextWith(t, may("acme"), "b")
		spoil(t, l)
		l.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
		if got, err := l.Vacuum(t.Context(), "", 0, true); err == nil || !strings.Contains(err.Error(), "vacuum") || got.Files != 0 || len(names(t, l)) != 2 {
			t.Errorf("%s: %+v, error %v; want an error and nothing removed", name, got, err)
		}
	}
}

func openFake(t *testing.T, fake *s3test.Fake) *Ledger {
	t.Helper()
	server := fake.Start(t)
	l, err := Open(t.Context(), Config{
		URL: "s3://" + server.Bucket + "/lake", Endpoint: server.Endpoint, Region: server.Region, PathStyle: true, AccessKey: server.AccessKey, SecretKey: server.SecretKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestVacuumDoesNotTrustAList: the newest record, which names the file again, is not listed.
func TestVacuumDoesNotTrustAList(t *testing.T) {
	fake := &s3test.Fake{}
	l := openFake(t, fake)
	l.nextWith(t, may("acme"), "a")
	l.nextWith(t, may("acme"), "b")
	l.nextWith(t, may("acme"), "a")
	fake.Unlisted = func(key string) bool { return strings.HasSuffix(key, "g0003.json") }
	l.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
	if got, err := l.Vacuum(t.Context(), "", 0, true); !errors.Is(err, ErrIncompleteList) || got.Files != 0 {
		t.Errorf("%+v, error %v; want an incomplete list", got, err)
	}
}

// TestVacuumRemovesVersions of a bucket that keeps them, the current one last.
func TestVacuumRemovesVersions(t *testing.T) {
	for status, want := range map[string]Vacuumed{
		"Enabled": {Files: 1, Bytes: 1, Versions: 2},
		"":        {Files: 1, Bytes: 1},
	} {
		var removed []string
		fake := &s3test.Fake{}
		fake.Intercept = func(w http.ResponseWriter, r *http.Request) bool {
			q := r.URL.Query()
			switch {
			case q.Has("versioning"):
				fmt.Fprintf(w, `<VersioningConfiguration><Status>%s</Status></VersioningConfiguration>`, status)
			case q.Has("versions"):
				key := q.Get("prefix")
				fmt.Fprintf(w, `<ListVersionsResult><IsTruncated>false</IsTruncated><Version><Key>%s</Key><VersionId>new</VersionId><IsLatest>true</IsLatest></Version>`+
					`<Version><Key>%s</Key><VersionId>old</VersionId><IsLatest>false</IsLatest></Version>`+
					`<Version><Key>%s2</Key><VersionId>foreign</VersionId><IsLatest>true</IsLatest></Version>`+
					`<DeleteMarker><Key>%s</Key><VersionId>marker</VersionId><IsLatest>false</IsLatest></DeleteMarker></ListVersionsResult>`, key, key, key, key)
			case r.Method == http.MethodDelete && q.Has("versionId"):
				removed = append(removed, q.Get("versionId"))
				w.WriteHeader(http.StatusNoContent)
			default:
				return false
			}
			return true
		}
		l := openFake(t, fake)
		l.nextWith(t, may("acme"), "a")
		l.nextWith(t, may("acme"), "b")
		l.now = func() time.Time { return time.Now().AddDate(1, 0, 0) }
		got, err := l.Vacuum(t.Context(), "", 0, true)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("status %q: %v (-want +got):\n%s", status, err, diff)
		}
		if wanted := map[string][]string{"Enabled": {"old", "marker", "new"}}[status]; !slices.Equal(removed, wanted) {
			t.Errorf("status %q: removed the versions %v, want %v", status, removed, wanted)
		}
	}
}

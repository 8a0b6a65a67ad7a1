package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

func openFolder(t *testing.T) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), Config{URL: "file:" + t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func may(account string) Shard {
	return Shard{Provider: "chatwoot", Account: account, Stream: "created", Window: schemas.Window{
		From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
	}}
}

func TestLedgerKeysThereAndBack(t *testing.T) {
	shard := may("acme")
	key := ledgerKey(shard, 12)
	if want := "_ledger/v1/provider=chatwoot/account=acme/stream=created/20260501T000000Z~20260601T000000Z/g0012.json"; key != want {
		t.Errorf("key %s, want %s", key, want)
	}
	got, generation, err := parseLedgerKey(key)
	if err != nil || generation != 12 || !cmp.Equal(got, shard) {
		t.Errorf("parsed %v generation %d, error %v", got, generation, err)
	}
	for _, bad := range []string{"", "_ledger/v1/x", strings.Replace(key, "provider=", "p=", 1), strings.Replace(key, "g0012", "g12", 1), strings.Replace(key, "20260601", "20260401", 1)} {
		if _, _, err := parseLedgerKey(bad); err == nil {
			t.Errorf("ledger key %q was accepted", bad)
		}
	}
}

// commit commits a record with one small file.
func commit(t *testing.T, l *Ledger, r Record, content string) (Outcome, Record) {
	t.Helper()
	key := "data/messages/" + content
	if err := l.store.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), false); err != nil {
		t.Fatal(err)
	}
	r.Files = []File{{Table: "messages", Key: key, Bytes: int64(len(content)), Rows: 1}}
	outcome, existing, err := l.Commit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return outcome, existing
}

// life makes every kind of request that a lake makes: it writes an object of large incompressible bytes, reads it back whole and
// in part, commits a record with it, reads the ledger, and removes the object.
func life(ctx context.Context, l *Ledger, large int64) error {
	key := fileFolder("messages", may("acme")) + "large"
	if err := l.store.Put(ctx, key, pattern(1).body(large), large, false); err != nil {
		return err
	}
	for _, part := range []struct{ offset, length, bytes int64 }{{0, -1, large}, {large / 2, large / 4, large / 4}} {
		body, err := l.store.Get(ctx, key, part.offset, part.length)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(body)
		if err = errors.Join(err, body.Close()); err != nil {
			return err
		}
		want := make([]byte, part.bytes)
		if _, err := pattern(1).ReadAt(want, part.offset); err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("%d bytes from %d on are others than were written", part.bytes, part.offset)
		}
	}
	r := Record{Shard: may("acme"), SpecDigest: "spec", Files: []File{{Table: "messages", Key: key, Bytes: large, Rows: 1}}}
	if outcome, _, err := l.Commit(ctx, r); err != nil || outcome != Committed {
		return fmt.Errorf("the commit was %q: %w", outcome, err)
	}
	if current, err := l.Current(ctx, Filter{}); err != nil || len(current) != 1 || current[0].Files[0].Key != key {
		return fmt.Errorf("current is %+v: %w", current, err)
	}
	return l.store.Delete(ctx, key)
}

func TestCommitOutcomes(t *testing.T) {
	l := openFolder(t)
	shard := may("acme")
	first := Record{Shard: shard, Generation: 1, SpecDigest: "spec", Counts: Counts{Listed: 3}}
	outcome, existing := commit(t, l, first, "one")
	if outcome != Committed || existing.Generation != 1 || existing.Digest == "" || existing.CommittedAt.IsZero() {
		t.Fatalf("%s %+v, want committed as generation 1", outcome, existing)
	}
	t.Run("the same again, by another run", func(t *testing.T) {
		again := first
		again.RunID = "another"
		if outcome, now := commit(t, l, again, "one"); outcome != Committed || now.RunID != "" || now.Generation != 1 {
			t.Errorf("%s %+v, want committed, with the first record", outcome, now)
		}
	})
	t.Run("same spec, other files", func(t *testing.T) {
		if outcome, now := commit(t, l, first, "other"); outcome != Adopted || now.Files[0].Key != existing.Files[0].Key {
			t.Errorf("%s %+v, want the existing record adopted", outcome, now)
		}
	})
	t.Run("another spec", func(t *testing.T) {
		other := first
		other.SpecDigest = "more"
		outcome, now := commit(t, l, other, "two")
		if outcome != Committed || now.Generation != 2 || now.Supersedes != 1 {
			t.Errorf("%s %+v, want committed as generation 2 after 1", outcome, now)
		}
		latest, err := l.Latest(t.Context(), shard)
		if err != nil || latest == nil || latest.SpecDigest != "more" {
			t.Errorf("latest %+v, error %v; want generation 2", latest, err)
		}
	})
	t.Run("a file is missing", func(t *testing.T) {
		bad := first
		bad.Files = []File{{Key: "data/nowhere"}}
		if _, _, err := l.Commit(t.Context(), bad); !errors.Is(err, ErrFilesLost) {
			t.Errorf("error %v, want ErrFilesLost", err)
		}
	})
}

// lossy is a store whose writes get no response, whether they succeed or not.
type lossy struct {
	Store
	lost int  // conditional writes whose response is lost
	none bool // and that are not executed
}

var errTimeout = errors.New("no answer")

func (s *lossy) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error {
	if !ifAbsent || s.lost == 0 {
		return s.Store.Put(ctx, key, body, size, ifAbsent)
	}
	s.lost--
	if s.none {
		return errTimeout
	}
	return errors.Join(s.Store.Put(ctx, key, body, size, ifAbsent), errTimeout)
}

func TestCommitWhoseAnswerWasLost(t *testing.T) {
	for _, test := range []struct {
		what     string
		existing string // spec of an existing record
		none     bool
		err      error
		outcome  Outcome
		ours     bool // the record is then this commit's
	}{
		{"written", "", false, nil, Committed, true},
		{"not written", "", true, errTimeout, "", false},
		{"another to the same spec stands", "spec", true, nil, Adopted, false},
		{"another spec stands", "other", true, nil, Committed, true},
	} {
		t.Run(test.what, func(t *testing.T) {
			l := openFolder(t)
			if test.existing != "" {
				commit(t, l, Record{Shard: may("acme"), SpecDigest: test.existing}, "standing")
			}
			l.store = &lossy{Store: l.store, lost: 1, none: test.none}
			r := Record{Shard: may("acme"), SpecDigest: "spec"}
			outcome, now, err := l.Commit(t.Context(), r)
			if !errors.Is(err, test.err) || outcome != test.outcome || (now.SpecDigest == "spec" && now.Files == nil) != test.ours {
				t.Fatalf("%s %+v, error %v", outcome, now, err)
			}
			if outcome, _, err := l.Commit(t.Context(), r); err != nil || test.outcome != Adopted && outcome != Committed {
				t.Errorf("again: %s, error %v", outcome, err)
			}
		})
	}
}

func TestRacingCommitsHaveOneWinner(t *testing.T) {
	l := openFolder(t)
	var wg sync.WaitGroup
	outcomes := make([]Outcome, 16)
	for i := range outcomes {
		wg.Go(func() {
			r := Record{Shard: may("acme"), SpecDigest: "spec", Counts: Counts{Listed: int64(i)}}
			var err error
			if outcomes[i], _, err = l.Commit(context.Background(), r); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	winners := 0
	for _, o := range outcomes {
		if o == Committed {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d winners of 16, want 1", winners)
	}
}

func TestCurrentIsTheHighestGenerationOfEachShard(t *testing.T) {
	l := openFolder(t)
	june := may("acme")
	june.Window = schemas.Window{From: june.Window.To, To: june.Window.To.AddDate(0, 1, 0)}
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "1")
	for _, spec := range []string{"b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} { // more than nine, where text order would be wrong
		commit(t, l, Record{Shard: may("acme"), SpecDigest: spec}, spec)
	}
	commit(t, l, Record{Shard: june, SpecDigest: "a"}, "june")
	commit(t, l, Record{Shard: may("other"), SpecDigest: "a"}, "other")
	for _, test := range []struct {
		filter Filter
		want   []string
	}{
		{Filter{}, []string{"k", "june", "other"}},
		{Filter{Account: "acme"}, []string{"k", "june"}},
		{Filter{Provider: "chatwoot", Account: "acme", Window: schemas.Window{To: june.Window.From}}, []string{"k"}},
		{Filter{Window: schemas.Window{From: june.Window.From}}, []string{"june"}},
		{Filter{Provider: "giosg"}, nil},
	} {
		records, err := l.Current(t.Context(), test.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records {
			got = append(got, strings.TrimPrefix(r.Files[0].Key, "data/messages/"))
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test.filter, diff)
		}
	}
}

func TestPartsAreTheShorterWindowsWithin(t *testing.T) {
	l := openFolder(t)
	whole := may("acme")
	left, right, _ := whole.Window.Halve()
	other := func(w schemas.Window, change func(*Shard)) {
		shard := may("acme")
		shard.Window = w
		change(&shard)
		commit(t, l, Record{Shard: shard, SpecDigest: shard.String()}, strings.ReplaceAll(shard.Provider+shard.String(), "/", "-"))
	}
	same := func(*Shard) {}
	day := schemas.Window{From: whole.Window.To.AddDate(0, 0, -1), To: whole.Window.To}
	other(whole.Window, same)
	other(right, same)
	other(left, same)
	other(day, same)
	other(day, func(s *Shard) { s.Provider = "giosg" })
	other(schemas.Window{From: day.From, To: day.To.AddDate(0, 0, 1)}, same)
	other(left, func(s *Shard) { s.Account = "acme2" })
	other(left, func(s *Shard) { s.Stream = "reports" })
	again := whole
	again.Window = right
	commit(t, l, Record{Shard: again, SpecDigest: "other"}, "again") // the next generation
	parts, err := l.Parts(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]schemas.Window{left, right, day}, parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
}

func TestRecordsOfAnotherFormatAreRefused(t *testing.T) {
	l := openFolder(t)
	key := ledgerKey(may("acme"), 1)
	for content, want := range map[string]string{
		`{"format_version": 2}`: "newer build", `{`: "damaged", `{"format_version": 1, "generation": 2}`: "damaged",
	} {
		if err := l.store.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), false); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Latest(t.Context(), may("acme")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("record %s: error %v, want one containing %q", content, err, want)
		}
	}
}

func TestProbe(t *testing.T) {
	for _, test := range []struct {
		what  string
		store func(Store) Store
		want  string
	}{
		{"sound", func(s Store) Store { return s }, ""},
		{"first answer lost", func(s Store) Store { return &repeating{Store: s} }, ""},
		{"conditions ignored", func(s Store) Store { return forgetful{s} }, "ignores conditional writes"},
		{"conditions answered, and ignored", func(s Store) Store { return liar{s} }, "ignores conditional writes"},
		{"lists that lag", func(s Store) Store { return blind{s} }, "does not list"},
	} {
		t.Run(test.what, func(t *testing.T) {
			l := openFolder(t)
			sound := l.store
			l.store = test.store(sound)
			err := l.Probe(t.Context())
			if (test.want == "") != (err == nil) || err != nil && (!strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), l.root)) {
				t.Errorf("error %v, want one containing %q", err, test.want)
			}
			for object := range sound.List(t.Context(), "") {
				t.Errorf("the probe left %s", object.Key)
			}
		})
	}
}

// forgetful is a store that ignores conditions.
type forgetful struct{ Store }

func (s forgetful) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, _ bool) error {
	return s.Store.Put(ctx, key, body, size, false)
}

// liar reports that a key is taken, but overwrites it.
type liar struct{ Store }

func (s liar) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, _ bool) error {
	_, err := s.Stat(ctx, key)
	if putErr := s.Store.Put(ctx, key, body, size, false); putErr != nil || err != nil {
		return putErr
	}
	return ErrExists
}

// repeating sends every write twice, as a client does that got no response, and returns the result of the second.
type repeating struct{ Store }

func (s *repeating) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, ifAbsent bool) error {
	_ = s.Store.Put(ctx, key, body, size, ifAbsent)
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.Store.Put(ctx, key, body, size, ifAbsent)
}

// blind lists nothing.
type blind struct{ Store }

func (blind) List(context.Context, string) iter.Seq2[Object, error] {
	return func(func(Object, error) bool) {}
}

func TestLakeURLs(t *testing.T) {
	for _, bad := range []string{"", "lake", "http://x", "s3:", "s3:///x"} {
		if _, err := Open(t.Context(), Config{URL: bad}); err == nil {
			t.Errorf("lake URL %q was accepted", bad)
		}
	}
}

func TestManifestIsWrittenOnce(t *testing.T) {
	l := openFolder(t)
	var keys []string
	for _, v := range []string{"a", "a", "b", "a", "b"} {
		key, err := l.PutManifest(t.Context(), "acme", "year", v)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, filepath.Base(key))
	}
	want := []string{"manifest.json", "manifest.json", "manifest-0002.json", "manifest.json", "manifest-0002.json"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestOrphansAreFilesThatNoGenerationNames(t *testing.T) {
	l := openFolder(t)
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "a"}, "old")
	commit(t, l, Record{Shard: may("acme"), SpecDigest: "b"}, "new")
	orphan := "data/messages/provider=chatwoot/account=acme/stream=created/month=2026-05/x.parquet"
	if err := l.store.Put(t.Context(), orphan, strings.NewReader(""), 0, false); err != nil {
		t.Fatal(err)
	}
	for _, filter := range []Filter{{}, {Account: "acme"}, {Account: "other"}} {
		var got []string
		for object, err := range l.Orphans(t.Context(), filter) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, object.Key)
		}
		want := []string{orphan}
		if filter.Account == "other" {
			want = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("orphans of %+v (-want +got):\n%s", filter, diff)
		}
	}
}

package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFolderKeepsThePromisesOfAStore(t *testing.T) {
	storeSuite(t, func(t *testing.T) Store {
		store, err := newFolder(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return store
	})
}

// storeSuite tests the contract of Store. Every call of open must return an empty store.
func storeSuite(t *testing.T, open func(*testing.T) Store) {
	for _, part := range []struct {
		name  string
		prove func(*testing.T, Store)
	}{
		{"put, get, stat and delete", proveRoundTrip},
		{"what is not there", proveAbsence},
		{"ranges", proveRanges},
		{"keys of the layout", proveKeys},
		{"order and prefix of lists", proveListing},
		{"a list of more than one page", proveLongList},
		{"a list that is left early", proveShortWalk},
		{"overwriting", proveOverwrite},
		{"a key that is taken", proveTaken},
		{"a body of another size", proveSize},
		{"a body that is read from its middle", proveMiddle},
		{"racing conditional writes", proveRace},
		{"racing conditional writes of large objects", proveLargeRace},
		{"neighbours that come and go", proveNeighbours},
		{"a large object", proveLarge},
		{"a cancelled context", proveCancel},
	} {
		t.Run(part.name, func(t *testing.T) { part.prove(t, open(t)) })
	}
}

func put(t *testing.T, s Store, key, content string, ifAbsent bool) error {
	t.Helper()
	return s.Put(t.Context(), key, strings.NewReader(content), int64(len(content)), ifAbsent)
}

func mustPut(t *testing.T, s Store, key, content string) {
	t.Helper()
	if err := put(t, s, key, content, false); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s Store, key string, offset, length int64) string {
	t.Helper()
	body, err := s.Get(t.Context(), key, offset, length)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func keys(t *testing.T, s Store, prefix string) []string {
	t.Helper()
	var found []string
	for object, err := range s.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, object.Key)
	}
	return found
}

func proveRoundTrip(t *testing.T, s Store) {
	for _, content := range []string{"", "x", strings.Repeat("0123456789", 100_000)} {
		key := fmt.Sprintf("data/%d.bin", len(content))
		mustPut(t, s, key, content)
		if got := get(t, s, key, 0, -1); got != content {
			t.Errorf("%s reads back as %d other bytes", key, len(got))
		}
		object, err := s.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if age := time.Since(object.ModifiedAt); object.Key != key || object.Bytes != int64(len(content)) || age < -time.Minute || age > time.Hour {
			t.Errorf("stat says %+v of %s of %d bytes", object, key, len(content))
		}
		for listed, err := range s.List(t.Context(), key) {
			if err != nil || listed.Key != key || listed.Bytes != int64(len(content)) || listed.ModifiedAt.IsZero() {
				t.Errorf("list says %+v, error %v, of %s of %d bytes", listed, err, key, len(content))
			}
		}
		for range 2 { // deleting a missing object is not an error
			if err := s.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, ErrNotExist) {
			t.Errorf("stat of the deleted %s: %v, want ErrNotExist", key, err)
		}
	}
	if found := keys(t, s, ""); found != nil {
		t.Errorf("left: %v", found)
	}
}

func proveAbsence(t *testing.T, s Store) {
	mustPut(t, s, "a/b/c", "content")
	for _, key := range []string{"nothing", "a", "a/b", "a/b/c2", "a/x/y"} {
		if body, err := s.Get(t.Context(), key, 0, 0); !errors.Is(err, ErrNotExist) {
			t.Errorf("get no bytes of %s: %v, %v, want ErrNotExist", key, body, err)
		}
		if _, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, ErrNotExist) {
			t.Errorf("get %s: %v, want ErrNotExist", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, ErrNotExist) {
			t.Errorf("stat %s: %v, want ErrNotExist", key, err)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("delete %s: %v", key, err)
		}
	}
	if got := get(t, s, "a/b/c", 0, -1); got != "content" {
		t.Errorf("a/b/c has become %q", got)
	}
}

func proveRanges(t *testing.T, s Store) {
	mustPut(t, s, "k", "0123456789")
	mustPut(t, s, "empty", "")
	for _, test := range []struct {
		key            string
		offset, length int64
		want           string
	}{
		{"k", 0, -1, "0123456789"},
		{"k", 4, -1, "456789"},
		{"k", 0, 3, "012"},
		{"k", 9, 1, "9"},
		{"k", 8, 100, "89"},
		{"k", 5, 0, ""},
		{"k", 10, -1, ""},
		{"k", 10, 5, ""},
		{"empty", 0, -1, ""},
		{"empty", 0, 10, ""},
	} {
		if got := get(t, s, test.key, test.offset, test.length); got != test.want {
			t.Errorf("%s from %d, %d bytes: %q, want %q", test.key, test.offset, test.length, got, test.want)
		}
	}
}

func proveKeys(t *testing.T, s Store) {
	want := []string{
		"_exports/year/manifest.json",
		"_ledger/v1/provider=chatwoot/account=acme/stream=created/20260501T000000Z~20260601T000000Z/g0001.json",
		"_staging/acme/created/20260501T000000Z~20260601T000000Z/g0001/page-00000-0a1b2c3d4e5f6071",
		"data/messages/provider=chatwoot/account=acme/stream=created/month=2026-05/20260501T000000Z~20260601T000000Z-0000-0123456789abcdef.parquet",
		"data/odd/a b+c%20&d'(é)!.@,;$",
	}
	for _, key := range want {
		mustPut(t, s, key, key)
	}
	if diff := cmp.Diff(want, keys(t, s, "")); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for _, key := range want {
		if got := get(t, s, key, 0, -1); got != key {
			t.Errorf("%s holds %q", key, got)
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
}

func proveListing(t *testing.T, s Store) {
	// A slash sorts after a hyphen and a dot, and before digits and letters.
	ordered := []string{"a-/x", "a.b", "a/b-c/d", "a/b.c", "a/b/c", "a/b0", "a0", "ba", "é/1"}
	for _, i := range rand.Perm(len(ordered)) {
		mustPut(t, s, ordered[i], "x")
	}
	for prefix, want := range map[string][]string{
		"":      ordered,
		"a":     ordered[:len(ordered)-2],
		"a/":    {"a/b-c/d", "a/b.c", "a/b/c", "a/b0"},
		"a/b":   {"a/b-c/d", "a/b.c", "a/b/c", "a/b0"},
		"a/b/":  {"a/b/c"},
		"a/b-":  {"a/b-c/d"},
		"a-/x":  {"a-/x"},
		"a-/xy": nil,
		"c/d":   nil,
		"é":     {"é/1"},
	} {
		if diff := cmp.Diff(want, keys(t, s, prefix)); diff != "" {
			t.Errorf("list of %q (-want +got):\n%s", prefix, diff)
		}
	}
}

func proveLongList(t *testing.T, s Store) {
	const n = 1100 // a page of S3 has 1000
	want := make([]string, n)
	var group sync.WaitGroup
	next := atomic.Int64{}
	for i := range want {
		want[i] = fmt.Sprintf("many/%d/%04d", i/400, i)
	}
	for range 8 {
		group.Go(func() {
			for i := next.Add(1) - 1; i < n; i = next.Add(1) - 1 {
				if err := s.Put(t.Context(), want[i], strings.NewReader("x"), 1, false); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(want, keys(t, s, "many/")); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func proveShortWalk(t *testing.T, s Store) {
	mustPut(t, s, "a", "x")
	mustPut(t, s, "b", "x")
	for object, err := range s.List(t.Context(), "") {
		if err != nil || object.Key != "a" {
			t.Errorf("first is %+v, error %v", object, err)
		}
		break
	}
}

func proveOverwrite(t *testing.T, s Store) {
	mustPut(t, s, "k", "a longer content")
	mustPut(t, s, "k", "new")
	if got := get(t, s, "k", 0, -1); got != "new" {
		t.Errorf("content %q, want new", got)
	}
}

func proveTaken(t *testing.T, s Store) {
	for _, first := range []bool{true, false} {
		key := fmt.Sprint("k", first)
		if err := put(t, s, key, "first", first); err != nil {
			t.Fatal(err)
		}
		for _, content := range []string{"second", "first", "", strings.Repeat("x", onePutBytes+1)} {
			if err := put(t, s, key, content, true); !errors.Is(err, ErrExists) {
				t.Errorf("put %d bytes over a taken key: %v, want ErrExists", len(content), err)
			}
		}
		if got := get(t, s, key, 0, -1); got != "first" {
			t.Errorf("content has become %d other bytes", len(got))
		}
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if err := put(t, s, key, "third", true); err != nil {
			t.Errorf("put on a key that is free again: %v", err)
		}
	}
}

func proveSize(t *testing.T, s Store) {
	for _, size := range []int64{0, 4, 6, onePutBytes + 1} {
		if err := s.Put(t.Context(), "k", strings.NewReader("12345"), size, false); err == nil {
			t.Errorf("5 bytes were taken for %d", size)
		}
	}
	if _, err := s.Stat(t.Context(), "k"); !errors.Is(err, ErrNotExist) {
		t.Errorf("stat: %v, want ErrNotExist", err)
	}
}

func proveMiddle(t *testing.T, s Store) {
	body := strings.NewReader("headbody")
	if _, err := body.Seek(4, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "k", body, 4, false); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "k", 0, -1); got != "body" {
		t.Errorf("content %q, want body", got)
	}
}

func proveRace(t *testing.T, s Store) {
	for round := range 10 {
		race(t, s, fmt.Sprintf("race/%d", round), 16, 100)
	}
}

func proveLargeRace(t *testing.T, s Store) {
	race(t, s, "race", 16, onePutBytes+1)
}

// race has racers write one key at the same moment, each with its own content: one must win, and its content must remain.
func race(t *testing.T, s Store, key string, racers int, size int64) {
	t.Helper()
	begin := make(chan struct{})
	results := make([]error, racers)
	var group sync.WaitGroup
	for i := range racers {
		group.Go(func() {
			<-begin
			results[i] = s.Put(t.Context(), key, pattern(i<<32).body(size), size, true)
		})
	}
	close(begin)
	group.Wait()
	winner := -1
	for i, err := range results {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%s: %d and %d have both won", key, winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, ErrExists):
			t.Errorf("%s: %d got %v, want ErrExists", key, i, err)
		}
	}
	if winner < 0 {
		t.Fatalf("%s: no racer has won", key)
	}
	if stored(t, s, key) != sum(t, pattern(winner<<32).body(size)) {
		t.Errorf("%s does not have what the winner wrote", key)
	}
}

// proveNeighbours creates and deletes objects in one folder, so the folder becomes empty again and again while others write into
// it.
func proveNeighbours(t *testing.T, s Store) {
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			key := fmt.Sprintf("deep/er/%d", i)
			for range 25 {
				if err := s.Put(t.Context(), key, strings.NewReader("x"), 1, i%2 == 0); err != nil {
					t.Errorf("put %s: %v", key, err)
					return
				}
				if _, err := s.Stat(t.Context(), key); err != nil {
					t.Errorf("stat %s: %v", key, err)
				}
				if err := s.Delete(t.Context(), key); err != nil {
					t.Errorf("delete %s: %v", key, err)
				}
			}
		})
	}
	group.Wait()
}

func proveLarge(t *testing.T, s Store) {
	const size = 40 << 20
	large := pattern(1)
	if err := s.Put(t.Context(), "large", large.body(size), size, false); err != nil {
		t.Fatal(err)
	}
	if stored(t, s, "large") != sum(t, large.body(size)) {
		t.Error("40 MiB read back as others")
	}
	if object, err := s.Stat(t.Context(), "large"); err != nil || object.Bytes != size {
		t.Errorf("stat %+v, error %v", object, err)
	}
	want := make([]byte, 3)
	if _, err := large.ReadAt(want, size/2); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "large", size/2, 3); got != string(want) {
		t.Errorf("from the middle: %q, want %q", got, want)
	}
}

func stored(t *testing.T, s Store, key string) [sha256.Size]byte {
	t.Helper()
	body, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	return sum(t, body)
}

func sum(t *testing.T, r io.Reader) [sha256.Size]byte {
	t.Helper()
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// pattern is content that needs no memory: every byte depends on the seed and its offset.
type pattern uint64

func (p pattern) ReadAt(b []byte, offset int64) (int, error) {
	for i := range b {
		b[i] = byte((uint64(p) + uint64(offset) + uint64(i)) * 0x9e3779b97f4a7c15 >> 56)
	}
	return len(b), nil
}

// body reads the first size bytes.
func (p pattern) body(size int64) *io.SectionReader { return io.NewSectionReader(p, 0, size) }

func proveCancel(t *testing.T, s Store) {
	mustPut(t, s, "k", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, size := range []int{1, onePutBytes + 1} {
		err := s.Put(ctx, "late", bytes.NewReader(make([]byte, size)), int64(size), true)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("put of %d bytes: %v, want context.Canceled", size, err)
		}
	}
	var last error
	for _, err := range s.List(ctx, "") {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("list ended with %v, want context.Canceled", last)
	}
	if _, err := s.Stat(t.Context(), "late"); !errors.Is(err, ErrNotExist) {
		t.Errorf("stat of what was cancelled: %v, want ErrNotExist", err)
	}
}

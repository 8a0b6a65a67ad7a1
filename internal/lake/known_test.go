package lake

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// held is what a shard has of a conversation.
type held struct {
	id           string
	version      string
	source       int64 // 0 means none
	observed     int   // minutes after epoch
	created      int   // hours after epoch
	closed       bool
	gone, dead   bool
	rowless      bool
	documents    int
	documentSize int
}

var epoch = time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)

// commit commits a generation of a shard.
func commit(t testing.TB, l *Lake, shard ledger.Shard, generation int, all ...held) ledger.Record {
	t.Helper()
	s, err := l.Seal(t.Context(), shard)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	for _, h := range all {
		observed, created := epoch.Add(time.Duration(h.observed)*time.Minute), epoch.Add(time.Duration(h.created)*time.Hour)
		row := schemas.Conversation{ConversationID: h.id, ObservedAt: observed, CreatedAt: &created, State: new("open"), ContentSHA256: digestOf(h.id + h.version), StatedMessages: new(int64(h.documents))}
		if h.version != "" {
			row.ListedVersion = &h.version
		}
		if h.source != 0 {
			row.SourceVersion = &h.source
		}
		if h.closed {
			row.State = new("closed")
		}
		var errs []error
		if h.gone {
			row.GoneAt = &observed
			errs = append(errs, s.Tombstone(schemas.Tombstone{ConversationID: h.id, ObservedAt: observed, Reason: "gone"}))
		}
		if h.dead {
			errs = append(errs, s.DeadLetter(schemas.DeadLetter{ConversationID: h.id, ObservedAt: observed, Step: "FetchMessages"}))
		}
		if !h.rowless {
			errs = append(errs, s.Thread(schemas.Thread{Conversation: row}))
		}
		for i := range h.documents {
			errs = append(errs, s.Document(schemas.Document{
				Kind: "messages", ConversationID: h.id, Sequence: int64(i), Status: 200, ObservedAt: observed, Body: body(h, i),
			}))
		}
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	files, err := s.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, r, err := l.CommitNext(t.Context(), ledger.Record{Shard: shard, Generation: generation, SchemaVersion: schemas.Version, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func digestOf(content string) string { return fmt.Sprintf("v2:%064x", content[:min(len(content), 32)]) }

// body is a document that is like no other one and does not compress.
func body(h held, i int) []byte {
	random := rand.New(rand.NewPCG(uint64(len(h.id)), uint64(i)))
	b := []byte(fmt.Sprint(h.id, " ", h.version, " ", i, " "))
	for len(b) < h.documentSize {
		b = append(b, byte(random.Uint32()))
	}
	return b
}

func changesOf(account string, from, to int) ledger.Shard {
	return ledger.Shard{Provider: "chatwoot", Account: account, Stream: schemas.StreamChanges, Window: schemas.Window{
		From: epoch.Add(time.Duration(from) * time.Hour), To: epoch.Add(time.Duration(to) * time.Hour),
	}}
}

// hashes are hash functions that must not make a difference.
func hashes(l *Lake) map[string]func(string) uint64 {
	return map[string]func(string) uint64{
		"as it is":      l.hash,
		"all the same":  func(string) uint64 { return 7 },
		"of the length": func(id string) uint64 { return uint64(len(id)) },
	}
}

func knownOf(t *testing.T, l *Lake, account string) *Known {
	t.Helper()
	l.indexes = newIndexes()
	k, err := l.Known(t.Context(), changesOf(account, 0, 1), 1)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestKnown finds the version that readers take, whatever the hashes of ids.
func TestKnown(t *testing.T) {
	l := openFolder(t)
	month := may("acme")
	commit(t, l, month, 1, held{id: "old", version: "1", created: 1})
	commit(t, l, month, 2,
		held{id: "a", version: "1", source: 1, observed: 1, created: 1, documents: 1},
		held{id: "b", version: "1", observed: 1, created: 2, documents: 1, closed: true},
		held{id: "c", version: "1", source: 5, observed: 1, created: 3, documents: 1},
		held{id: "gone", version: "1", observed: 1, created: 4, gone: true, documents: 2},
		held{id: "never", observed: 1, gone: true, rowless: true, documents: 1},
		held{id: "dead", observed: 1, dead: true, rowless: true},
		held{id: "kept", version: "1", observed: 1, created: 5, dead: true, documents: 1},
	)
	commit(t, l, changesOf("acme", 100, 101), 1,
		held{id: "a", version: "2", source: 2, observed: 0, created: 1, documents: 2},
		held{id: "b", version: "2", observed: 2, created: 2, documents: 1},
		held{id: "c", version: "0", source: 4, observed: 9, created: 3, documents: 1},
		held{id: "dead", version: "1", observed: 1, created: 6, documents: 1},
		held{id: "june", version: "1", observed: 1, created: 24 * 40, documents: 1},
		held{id: "gone", observed: 9, gone: true, rowless: true, documents: 1},
	)
	commit(t, l, may("other"), 1, held{id: "a", version: "9", source: 9, created: 1})
	for name, hash := range hashes(l) {
		t.Run(name, func(t *testing.T) {
			l.hash = hash
			k := knownOf(t, l, "acme")
			want := map[string]string{
				"a": "changes 2", "b": "changes 2", "c": "created 1", "gone": "created 1 gone", "never": "created  gone, no row",
				"dead": "changes 1", "kept": "created 1 dead", "june": "changes 1", "old": "", "nobody": "", "": "",
			}
			for _, id := range slices.Sorted(maps.Keys(want)) {
				v, found, err := k.Find(t.Context(), id, time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				if got := tell(v, found); got != want[id] {
					t.Errorf("%s is %q, want %q", id, got, want[id])
				}
			}
			if v, _, _ := k.Find(t.Context(), "a", epoch.Add(time.Hour)); v.Stated == nil || *v.Stated != 2 || *v.Source != 2 || v.Content != ContentKey(digestOf("a2")) || !v.CreatedAt.Equal(epoch.Add(time.Hour)) {
				t.Errorf("a is %+v", v)
			}
			if v, found, _ := k.Find(t.Context(), "c", epoch.AddDate(0, 3, 0)); !found || v.Listed != "0" {
				t.Errorf("of a time that no window has, c is %+v, want what changed", v)
			}
			var open []string
			for v, err := range k.Open(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, v.ID)
			}
			if want := []string{"a", "b", "c", "kept", "dead", "june"}; !slices.Equal(open, want) {
				t.Errorf("open are %v, want %v", open, want)
			}
			var seen []string
			for v, err := range k.Seen(t.Context(), epoch.Add(time.Minute)) {
				if err != nil {
					t.Fatal(err)
				}
				seen = append(seen, v.ID+v.Listed)
			}
			if want := []string{"b2", "c1", "kept1", "dead1", "june1"}; !slices.Equal(seen, want) {
				t.Errorf("read since then are %v, want %v", seen, want)
			}
			for listed, want := range map[string][]string{
				"":                             {"never", "a", "b", "c", "gone", "kept", "dead"},
				"a gone nobody":                {"never", "b", "c", "kept", "dead"},
				"a b c dead gone kept never a": nil,
			} {
				unlisted, err := k.Unlisted(t.Context(), month.Window, each(strings.Fields(listed)))
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, v := range unlisted {
					got = append(got, v.ID)
				}
				if !slices.Equal(got, want) {
					t.Errorf("beside %q, %v are not listed, want %v", listed, got, want)
				}
			}
		})
	}
}

func tell(v Version, found bool) string {
	if !found {
		return ""
	}
	text := string(v.Shard.Stream) + " " + v.Listed
	for _, f := range []struct {
		set  bool
		text string
	}{{v.Gone, " gone"}, {v.Dead, " dead"}, {!v.Row, ", no row"}} {
		if f.set {
			text += f.text
		}
	}
	return text
}

func each(ids []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// TestExtractReadsTheRowGroupsOfAConversation: documents may continue in the next row group and in the next file.
func TestExtractReadsTheRowGroupsOfAConversation(t *testing.T) {
	l := openFolder(t)
	l.fileBytes = 256 << 10
	var all []held
	for i := range 60 {
		all = append(all, held{id: fmt.Sprint("c", i), version: "1", created: i, documents: 1 + i%5, documentSize: 7 << 10})
	}
	r := commit(t, l, may("acme"), 1, all...)
	files, groups := 0, 0
	for _, f := range r.Files {
		if f.Table == schemas.Documents.Table {
			files, groups = files+1, groups+f.RowGroups
		}
	}
	if files < 3 || groups < 10 {
		t.Fatalf("%d files with %d row groups, want several", files, groups)
	}
	k := knownOf(t, l, "acme")
	split := 0
	for _, h := range slices.Backward(all) {
		v, _, err := k.Find(t.Context(), h.id, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		docs, err := l.Extract(t.Context(), h.id, v.Extent)
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Extent.Groups) > 1 {
			split++
		}
		for i, doc := range docs {
			if doc.ConversationID != h.id || doc.Sequence != int64(i) || string(doc.Body) != string(body(h, i)) {
				t.Errorf("document %d of %s is %s %d", i, h.id, doc.ConversationID, doc.Sequence)
			}
		}
		if len(docs) != h.documents {
			t.Errorf("%s has %d documents, want %d", h.id, len(docs), h.documents)
		}
		if _, err := l.Extract(t.Context(), "nobody", v.Extent); !errors.Is(err, ErrDamaged) {
			t.Errorf("another conversation there: %v, want ErrDamaged", err)
		}
	}
	if split < 5 {
		t.Errorf("%d conversations are in several row groups, want more", split)
	}
}

// TestUnlistedNeedsAllIds: if a file that says which conversations a window has is damaged, nobody can say what is not listed.
func TestUnlistedNeedsAllIds(t *testing.T) {
	l := openFolder(t)
	r := commit(t, l, may("acme"), 1, held{id: "a", version: "1", created: 1, documents: 1})
	for _, f := range r.Files {
		if f.Table == schemas.Conversations.Table {
			if err := os.Remove(l.Location(f.Key)); err != nil {
				t.Fatal(err)
			}
		}
	}
	k := knownOf(t, l, "acme")
	if _, found, err := k.Find(t.Context(), "a", time.Time{}); found || err != nil {
		t.Errorf("found %t, %v, want nothing", found, err)
	}
	if _, err := k.Unlisted(t.Context(), may("acme").Window, each(nil)); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v, want ErrDamaged", err)
	}
}

// TestKnownHasWhatWasCommittedBefore: what a generation is made from was committed before it began, and is read again after a minute.
func TestKnownHasWhatWasCommittedBefore(t *testing.T) {
	l := openFolder(t)
	has := func(shard ledger.Shard, generation int, id string) bool {
		k, err := l.Known(t.Context(), shard, generation)
		if err != nil {
			t.Fatal(err)
		}
		_, found, err := k.Find(t.Context(), id, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if has(may("acme"), 1, "a") {
		t.Error("an empty lake has a")
	}
	commit(t, l, changesOf("acme", 0, 1), 1, held{id: "a", version: "1"})
	if has(may("acme"), 1, "a") {
		t.Error("the lake was read again for the next page")
	}
	if !has(changesOf("acme", 1, 2), 1, "a") {
		t.Error("another shard does not see what was committed before")
	}
	if _, err := l.Known(t.Context(), may("acme"), 3); !errors.Is(err, ledger.ErrIncompleteList) {
		t.Errorf("error %v, want ErrIncompleteList: generation 2 is not listed", err)
	}
}

func TestSpillReadsWhatWasWritten(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, size := range []int{0, 10, spillBytes - 1, spillBytes, 5*spillBytes + 3} {
		s := &Spill{scratch: t.TempDir()}
		var want []byte
		for len(want) < size {
			part := make([]byte, min(1+random.IntN(20_000), size-len(want)))
			for i := range part {
				part[i] = byte(random.Uint32())
			}
			want = append(want, part...)
			if _, err := s.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		for range 200 {
			from := random.IntN(size + 1)
			got := make([]byte, random.IntN(size-from+1))
			if n, err := s.ReadAt(got, int64(from)); err != nil || n != len(got) || string(got) != string(want[from:from+n]) {
				t.Fatalf("size %d, %d bytes at %d: %d, %v", size, len(got), from, n, err)
			}
		}
		if n, err := s.ReadAt(make([]byte, 2), int64(max(1, size)-1)); n != min(1, size) || err == nil {
			t.Errorf("size %d: read %d bytes over the end, %v", size, n, err)
		}
		s.Close()
	}
}

// many are conversations with ids and versions as platforms have them.
func many(n int) []held {
	all := make([]held, n)
	for i := range all {
		all[i] = held{id: fmt.Sprintf("%08x-7f3a-4c1d-9e2b-%012x", i*7919, i), version: fmt.Sprintf("2026-05-%02dT%02d:%02d:%02d.000Z", 1+i%28, i%24, i%60, i%60), source: int64(i), created: i % 700, documents: 1}
	}
	return all
}

// TestIndexTakesNoMemory: what an index keeps does not grow with the conversations.
func TestIndexTakesNoMemory(t *testing.T) {
	l := openFolder(t)
	commit(t, l, may("acme"), 1, many(20_000)...)
	k := knownOf(t, l, "acme")
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // pools
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	if _, err := l.buildIndex(t.Context(), k.records[0]); err != nil { // fills pools
		t.Fatal(err)
	}
	before := memory()
	var all []*index
	for range 4 {
		x, err := l.buildIndex(t.Context(), k.records[0])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	if kept := int64(memory()) - int64(before); kept > 1<<20 || all[0].entries != 20_000 {
		t.Errorf("4 indexes of %d entries keep %d bytes, want less than 1 MiB", all[0].entries, kept)
	}
	runtime.KeepAlive(all)
}

// TestIndexesAreDropped: only so many are kept.
func TestIndexesAreDropped(t *testing.T) {
	x := newIndexes()
	for i := range 2000 {
		x.put(fmt.Sprint(i), &index{data: &Spill{tail: make([]byte, spillBytes)}})
		x.get("0")
	}
	if x.memory > indexMemory || len(x.of) < 1000 || x.get("0") == nil || x.get("1") != nil {
		t.Errorf("%d indexes of %d bytes, want the last ones and the one in use", len(x.of), x.memory)
	}
}

// BenchmarkIndex reports what the index of a record takes.
func BenchmarkIndex(b *testing.B) {
	for _, n := range []int{200_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { benchmarkIndex(b, n) })
	}
}

func benchmarkIndex(b *testing.B, n int) {
	l := New(mustLedger(b), Config{Scratch: b.TempDir(), Writer: "test"})
	commit(b, l, may("acme"), 1, many(n)...)
	k, err := l.Known(b.Context(), may("acme"), 2)
	if err != nil {
		b.Fatal(err)
	}
	var x *index
	for b.Loop() {
		if x, err = l.buildIndex(b.Context(), k.records[0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(x.data.Size())/float64(n), "scratch-B/conversation")
	b.ReportMetric(float64(cap(x.data.tail)+8*cap(x.fences)), "kept-B")
	some := many(n)[:10_000]
	start := time.Now()
	for _, h := range some {
		if _, found, err := x.find(h.id, l.hash(h.id)); !found || err != nil {
			b.Fatal(h.id, found, err)
		}
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/10_000, "ns/find")
}

func mustLedger(b *testing.B) *ledger.Ledger {
	l, err := ledger.Open(b.Context(), ledger.Config{URL: "file:" + b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

// TestUnlistedBelongsWhereItWasListed: the time in a row may be another one than that of the list, at the edge of a window.
func TestUnlistedBelongsWhereItWasListed(t *testing.T) {
	l := openFolder(t)
	june := may("acme")
	june.Window = schemas.Window{From: june.Window.To, To: june.Window.To.AddDate(0, 1, 0)}
	commit(t, l, may("acme"), 1, held{id: "edge", version: "1", created: 24*31 + 1, documents: 1})
	commit(t, l, june, 1, held{id: "own", version: "1", created: 24 * 40, documents: 1})
	commit(t, l, changesOf("acme", 1000, 1001), 1,
		held{id: "edge", version: "2", created: 24*31 + 1, documents: 1}, held{id: "changed", version: "1", created: 24*31 + 2, documents: 1})
	k := knownOf(t, l, "acme")
	for window, want := range map[schemas.Window][]string{may("acme").Window: {"edge"}, june.Window: {"changed", "own"}} {
		unlisted, err := k.Unlisted(t.Context(), window, each(nil))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, v := range unlisted {
			got = append(got, v.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: not listed are %v, want %v", window, got, want)
		}
	}
}

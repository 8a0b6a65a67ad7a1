package lake

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
)

// TestIndexOfManyRuns makes an index from several runs, with ids that share hashes, and compares all of it with what was committed.
func TestIndexOfManyRuns(t *testing.T) {
	const n = 30_000
	all := many(n)
	for i := range all {
		all[i].dead, all[i].gone = i%11 == 0, i%7 == 0
		all[i].rowless = i%13 == 0
		all[i].documents = i % 4
	}
	l := openFolder(t)
	hash := l.hash
	l.hash = func(id string) uint64 { return hash(id) % (n / 3) }
	commit(t, l, may("acme"), 1, all...)
	x, err := l.buildIndex(t.Context(), knownOf(t, l, "acme").records[0])
	if err != nil {
		t.Fatal(err)
	}
	if runs := 2 * n / runEntries; runs < 2 {
		t.Fatalf("%d runs", runs)
	}
	there := 0
	for _, h := range all {
		e, found, err := x.find(h.id, l.hash(h.id))
		if err != nil {
			t.Fatal(err)
		}
		want := !h.rowless || h.dead || h.gone
		if found != want {
			t.Fatalf("%+v is in the index: %v", h, found)
		}
		if !found {
			continue
		}
		there++
		if row, gone, dead := e.Flags&hasRow != 0, e.Flags&isGone != 0, e.Flags&isDead != 0; row == h.rowless || gone != h.gone || dead != h.dead {
			t.Errorf("%+v has the flags %b", h, e.Flags)
		}
		if int(e.Documents) != h.documents {
			t.Errorf("%+v has %d documents", h, e.Documents)
		}
		if _, listed, _, err := x.texts(e); err != nil || !h.rowless && listed != h.version {
			t.Errorf("%+v has the listed version %s, error %v", h, listed, err)
		}
	}
	var hashes []uint64
	if err := x.all(func(_ int, e entry) error { hashes = append(hashes, e.Hash); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(hashes) != there || x.entries != there || !slices.IsSorted(hashes) {
		t.Errorf("%d entries of %d conversations, or they are not sorted", len(hashes), there)
	}
}

// TestDocumentsThatAreNotTogether: they cannot be named, in however many places they are.
func TestDocumentsThatAreNotTogether(t *testing.T) {
	for places := 1; places <= 4; places++ {
		l := openFolder(t)
		x := &indexer{hash: l.hash, data: l.NewSpill(), runs: l.NewSpill()}
		p := placing{indexer: x}
		if err := x.add("a", "", "", entry{Flags: hasRow}); err != nil {
			t.Fatal(err)
		}
		for range places {
			for _, id := range []string{"a", "b"} {
				if err := p.document(0, []Cell{{Text: id}}, 0); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.end(); err != nil {
			t.Fatal(err)
		}
		done, err := x.index()
		if err != nil {
			t.Fatal(err)
		}
		want := uint32(0)
		if places == 1 {
			want = 1
		}
		if e, found, err := done.find("a", l.hash("a")); !found || err != nil || e.Documents != want {
			t.Errorf("documents in %d places: %d are named, want %d; found %v, error %v", places, e.Documents, want, found, err)
		}
		if _, found, err := done.find("b", l.hash("b")); found || err != nil {
			t.Errorf("a conversation without rows is in the index, error %v", err)
		}
	}
}

func TestEntriesAreReadAsWritten(t *testing.T) {
	var e entry
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.CanInt() {
			f.SetInt(-1 - int64(i))
		} else {
			f.SetUint((0xf1f2f3f4f5f6f7f8 + uint64(i)) & (1<<f.Type().Bits() - 1))
		}
	}
	b := e.appendTo(nil)
	if got := decoded(b); len(b) != entryBytes || got != e {
		t.Errorf("%d bytes, %+v, want %d, %+v", len(b), got, entryBytes, e)
	}
}

// TestMakingAnIndexTakesNoMemory adds the entries of a million conversations.
func TestMakingAnIndexTakesNoMemory(t *testing.T) {
	const n, most = 1_000_000, 8 << 20
	l := openFolder(t)
	live := func() int64 {
		runtime.GC()
		s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64())
	}
	x := &indexer{hash: l.hash, data: l.NewSpill(), runs: l.NewSpill()}
	before, peak := live(), int64(0)
	for i := range n {
		if err := x.add(fmt.Sprint(i), "", "", entry{Flags: hasRow}); err != nil {
			t.Fatal(err)
		}
		if i%100_000 == 0 {
			peak = max(peak, live()-before)
		}
	}
	done, err := x.index()
	if err != nil {
		t.Fatal(err)
	}
	peak = max(peak, live()-before)
	t.Logf("at most %d KB in use", peak>>10)
	if done.entries != n || peak > most {
		t.Errorf("%d entries, want %d; %d KB in use, want less than %d", done.entries, n, peak>>10, most>>10)
	}
	runtime.KeepAlive(x)
}

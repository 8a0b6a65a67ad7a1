package activities

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// newScratch returns activities on an empty lake.
func newScratch(t *testing.T) *Activities {
	t.Helper()
	l, err := lake.Open(t.Context(), ledger.Config{URL: "file:" + t.TempDir()}, lake.Config{Scratch: t.TempDir(), Writer: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return &Activities{Lake: l}
}

// TestWinnersHoldNoWindow chooses the winners of a window of a million conversations with 62,500 receipts of chunks. In memory, the
// receipts would take 20 MB, and the hashes of the ids 8 MB and as much again while they are sorted.
func TestWinnersHoldNoWindow(t *testing.T) {
	const conversations = 1_000_000
	// Afterwards, and meanwhile; the latter has what is allocated during a collection, which counts as in use.
	const mostHeld, mostPeak = 6 << 20, 20 << 20
	held, peak := memoryOfWinners(t, conversations)
	t.Logf("%d KB are held of %d conversations, and at most %d KB meanwhile", held>>10, conversations, peak>>10)
	if held > mostHeld || peak > mostPeak {
		t.Errorf("the winners of %d conversations hold %d KB, and held %d KB meanwhile", conversations, held>>10, peak>>10)
	}
}

// memoryOfWinners returns how much more memory is in use than before when the winners of n conversations are chosen, and the most
// meanwhile.
func memoryOfWinners(t *testing.T, n int) (held, peak int64) {
	t.Helper()
	a := newScratch(t)
	receipts := stageReceipts(t, a, n)
	stop, most := make(chan struct{}), make(chan int64)
	before := live()
	go func() {
		peak := int64(0)
		for {
			select {
			case <-stop:
				most <- peak
				return
			case <-time.After(10 * time.Millisecond):
				peak = max(peak, live()-before)
			}
		}
	}()
	all, err := a.shelve(t.Context(), receipts)
	if err != nil {
		t.Fatal(err)
	}
	defer all.close()
	w, err := newWinners(t.Context(), a.Lake, nil, all, true)
	if err != nil {
		t.Fatal(err)
	}
	held = live() - before
	close(stop)
	peak = <-most
	if w.listed != int64(n) {
		t.Errorf("%d conversations are listed, want %d", w.listed, n)
	}
	runtime.KeepAlive(w)
	return held, peak
}

// live is how much memory is in use.
func live() int64 {
	runtime.GC()
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64())
}

// stageReceipts stages the pages of a window of n conversations and saves receipts of chunks of them, which it does not stage.
func stageReceipts(t *testing.T, a *Activities, n int) (receipts Receipts) {
	t.Helper()
	const page, part, saved = 1000, 32, 1000
	window := schemas.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)}
	target := Target{Shard: ledger.Shard{Provider: "crowd", Account: "acme", Stream: schemas.StreamCreated, Window: window}, Generation: 1}
	var chunks Receipts
	for number := 0; number*page < n; number++ {
		var header pageHeader
		for i := number * page; i < min((number+1)*page, n); i++ {
			header.Refs = append(header.Refs, providers.Ref{ID: fmt.Sprint(i), CreatedAt: window.From.Add(time.Duration(i) * time.Second)})
		}
		staged, err := a.stagePage(t.Context(), target, number, header, nil)
		if err != nil {
			t.Fatal(err)
		}
		receipts.Pages = append(receipts.Pages, staged)
		for low := 0; low < len(header.Refs); low += part {
			of := ledger.Staged{Key: strings.Repeat("k", 170), SHA256: fmt.Sprintf("%064d", low), Bytes: 1, Documents: 1}
			receipt := ChunkReceipt{Staged: of, Page: number, Low: low, High: min(low+part, len(header.Refs))}
			chunks.Messages, chunks.Metadata = append(chunks.Messages, receipt), append(chunks.Metadata, receipt)
		}
		if last := (number+1)*page >= n; len(chunks.Messages) >= saved || last {
			out, err := a.SaveReceipts(t.Context(), SaveReceiptsInput{Target: target, Receipts: chunks})
			if err != nil {
				t.Fatal(err)
			}
			receipts.Saved, chunks = append(receipts.Saved, out.Saved), Receipts{}
		}
	}
	return receipts
}

// TestHashes compares the hashes on disk with maps, in one share and in several.
func TestHashes(t *testing.T) {
	a := newScratch(t)
	for _, n := range []int{0, 1, 5, 1000, 2*hashesAtOnce + 7} {
		all, others := &hashes{data: a.Lake.NewSpill()}, &hashes{data: a.Lake.NewSpill()}
		times, theirs := map[uint64]int{}, map[uint64]bool{}
		for i := range n {
			own, other := uint64(i*i%(n+1))*0x9e3779b97f4a7c15, uint64(i%3*i)*0x9e3779b97f4a7c15
			times[own]++
			theirs[other] = true
			if err := all.add(own); err != nil {
				t.Fatal(err)
			}
			if err := others.add(other); err != nil {
				t.Fatal(err)
			}
		}
		again, err := all.repeated()
		if err != nil {
			t.Fatal(err)
		}
		distinct := int64(0)
		for hash, count := range times {
			if again[hash] != (count > 1) {
				t.Errorf("of %d hashes, %x occurs %d times, and repeated says %v", n, hash, count, again[hash])
			}
			if !theirs[hash] {
				distinct++
			}
		}
		if got, err := all.distinctFrom(others); got != distinct || err != nil {
			t.Errorf("of %d hashes, %d are not among others, want %d, error %v", n, got, distinct, err)
		}
		if got, err := all.between(0, n); len(got) != n || err != nil || n > 1 && slices.Index(got, 1%uint64(n+1)*0x9e3779b97f4a7c15) < 0 {
			t.Errorf("%d hashes are read back of %d, error %v", len(got), n, err)
		}
		all.data.Close()
		others.data.Close()
	}
}

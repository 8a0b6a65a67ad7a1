package activities_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// crowd is a simulated provider with any number of conversations, each with some kilobytes of unique text.
type crowd struct {
	platform
	n int
}

const (
	crowdPage  = 500
	crowdBytes = 4_000 // of each conversation
)

var crowdShard = ledger.Shard{
	Provider: "crowd", Account: "acme", Stream: schemas.StreamCreated, Window: schemas.Window{From: epoch, To: epoch.AddDate(0, 1, 0)},
}

func (c *crowd) Conversations(_ context.Context, _ schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		from := 0
		_, _ = fmt.Sscan(string(at), &from)
		var page providers.Page
		for i := from; i < min(from+crowdPage, c.n); i++ {
			page.Refs = append(page.Refs, providers.Ref{ID: fmt.Sprintf("%08d", i), CreatedAt: epoch.Add(time.Duration(i) * time.Second)})
		}
		if from+crowdPage < c.n {
			page.Next = providers.Cursor(fmt.Sprint(from + crowdPage))
		}
		yield(page, nil)
	}
}

func (c *crowd) Messages(_ context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			doc := document("messages", ref.ID)
			doc.Body = make([]byte, crowdBytes)
			_, _ = rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%32s", ref.ID)))).Read(doc.Body) // never fails
			if !yield(doc, nil) {
				return
			}
		}
	}
}

// fetchCrowd fetches a shard of n conversations and returns the input that seals it.
func fetchCrowd(t *testing.T, n int) (*activities.Activities, activities.SealShardInput) {
	t.Helper()
	l, err := lake.Open(t.Context(), ledger.Config{URL: "file:" + t.TempDir()}, lake.Config{Scratch: t.TempDir(), Writer: "test", FileBytes: 8 << 20})
	if err != nil {
		t.Fatal(err)
	}
	a := &activities.Activities{Lake: l, Account: func(context.Context, string) (activities.Account, error) {
		return activities.Account{Reader: providertest.Reads(&crowd{n: n}), Mapper: providertest.Maps(&crowd{n: n}), Name: "crowd", Costs: providers.Costs{MessageRequests: 1}}, nil
	}}
	in := activities.SealShardInput{Target: activities.Target{Shard: crowdShard, Generation: 1}}
	r := &in.Receipts
	for next, number := providers.Cursor(""), 0; number == 0 || next != ""; number++ {
		page, err := a.ListPage(t.Context(), activities.ListPageInput{Target: in.Target, Number: number, Cursor: next, Limit: crowdPage})
		if err != nil {
			t.Fatal(err)
		}
		next, r.Pages = page.Next, append(r.Pages, page.Page)
		chunk, err := a.FetchMessages(t.Context(), activities.FetchInput{Target: in.Target, Page: page.Page, High: page.Page.Refs})
		if err != nil {
			t.Fatal(err)
		}
		r.Messages = append(r.Messages, chunk.Parts...)
	}
	return a, in
}

// peakOfSeal returns how much more memory is in use while a shard of n conversations is sealed than before.
func peakOfSeal(t *testing.T, n int) uint64 {
	t.Helper()
	a, in := fetchCrowd(t, n)
	return peakOf(t, func() error {
		out, err := a.SealShard(t.Context(), in)
		if err == nil && out.Counts.Conversations != int64(n) {
			err = fmt.Errorf("%d conversations were sealed of %d", out.Counts.Conversations, n)
		}
		return err
	})
}

// peakOfRemap returns the same for a remap that writes all rows of a committed shard again.
func peakOfRemap(t *testing.T, n int) uint64 {
	t.Helper()
	a, in := fetchCrowd(t, n)
	sealed, err := a.SealShard(t.Context(), in)
	if err == nil {
		_, err = a.CommitShard(t.Context(), activities.CommitShardInput{Target: in.Target, Draft: sealed.Draft})
	}
	if err != nil {
		t.Fatal(err)
	}
	a.Account = func(context.Context, string) (activities.Account, error) {
		return activities.Account{Mapper: providertest.Maps(crooked{&crowd{n: n}, nil}), Name: "crowd"}, nil
	}
	return peakOf(t, func() error {
		out, err := a.RemapShard(t.Context(), activities.RemapShardInput{Shard: crowdShard})
		if err == nil && (out.Outcome != activities.Rewritten || out.Commit.Counts.Conversations != int64(n)) {
			err = fmt.Errorf("the shard of %d conversations is %s, with %d", n, out.Outcome, out.Commit.Counts.Conversations)
		}
		return err
	})
}

// peakOf returns how much more memory is in use while work runs than before.
func peakOf(t *testing.T, work func() error) uint64 {
	t.Helper()
	inUse := func() uint64 {
		runtime.GC()
		// The live heap at the last collection, without later allocations: on a busy machine the seal continues meanwhile.
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(live)
		return live[0].Value.Uint64()
	}
	before, peak := inUse(), uint64(0)
	done := make(chan error)
	go func() { done <- work() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			return peak
		case <-time.After(50 * time.Millisecond):
			peak = max(peak, max(inUse(), before)-before)
		}
	}
}

// TestSealAndRemapHoldNoShard seals and remaps two shards, one five times as large as the other. Only the ids may be in memory.
func TestSealAndRemapHoldNoShard(t *testing.T) {
	for name, peak := range map[string]func(*testing.T, int) uint64{"a seal": peakOfSeal, "a remap": peakOfRemap} {
		holdsNoShard(t, name, peak)
	}
}

func holdsNoShard(t *testing.T, what string, peak func(*testing.T, int) uint64) {
	t.Helper()
	const few, many = 4_000, 20_000
	const ids, slack = 200, 16 << 20 // bytes: of an id with its place, and what differs by chance
	less, more := int64(peak(t, few)), int64(peak(t, many))
	t.Logf("%s: at most %d MB of %d, %d MB of %d", what, less>>20, few*crowdBytes>>20, more>>20, many*crowdBytes>>20)
	if most := less + (many-few)*ids + slack; more > most {
		t.Errorf("%s of %d conversations held %d MB, one of %d held %d MB: more than ids", what, many, more>>20, few, less>>20)
	}
}

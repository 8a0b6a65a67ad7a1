package activities_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
)

// finish is the input of FinishShard for a window that was collected.
func (b *bench) finish(r activities.Receipts) activities.FinishShardInput {
	open := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec"})
	return activities.FinishShardInput{
		Seal:    activities.SealShardInput{Target: b.Target, SpecDigest: open.SpecDigest, Receipts: r, TotalBefore: open.Total, OpenedAt: open.OpenedAt},
		Guarded: true,
	}
}

func shop() *platform {
	return &platform{n: 23, twice: true, counts: 23, gone: map[string]bool{"4": true}, malformed: map[string]bool{"9": true}}
}

// TestFinishShardIsTheStepsOneAfterTheOther compares the record with the one that the steps make.
func TestFinishShardIsTheStepsOneAfterTheOther(t *testing.T) {
	steps, once := newBench(t, shop()), newBench(t, shop())
	in := steps.finish(steps.collect())
	sealed := must(steps, steps.do.SealShard, in.Seal)
	verified := must(steps, steps.do.VerifyShard, activities.VerifyShardInput{Target: steps.Target, Draft: sealed.Draft})
	must(steps, steps.do.CommitShard, activities.CommitShardInput{Target: steps.Target, Draft: sealed.Draft, TotalAfter: verified.Total, Guarded: true})

	out := must(once, once.do.FinishShard, once.finish(once.collect()))
	if out.Commit == nil || out.Commit.Outcome != "committed" || out.Commit.Counts != sealed.Counts {
		t.Fatalf("%+v, want it committed with %+v", out, sealed.Counts)
	}
	want, got := steps.record(), once.record()
	if diff := cmp.Diff(rows(want), rows(got)); diff != "" {
		t.Errorf("rows (-steps +at once):\n%s", diff)
	}
	if want.SpecDigest != got.SpecDigest || *want.TotalAfter != *got.TotalAfter || !slices.Equal(want.Flags, got.Flags) {
		t.Errorf("the record is %+v, want %+v", got, want)
	}
	if removed := must(once, once.do.Cleanup, activities.CleanupInput{Target: once.Target}).Removed; removed != 0 {
		t.Errorf("%d staged objects are left", removed)
	}
}

// TestFinishShardCommitsNothingInDoubt: counts and files that differ are for the workflow to decide about.
func TestFinishShardCommitsNothingInDoubt(t *testing.T) {
	p := shop()
	b := newBench(t, p)
	in := b.finish(b.collect())
	p.counts = 25
	out := must(b, b.do.FinishShard, in)
	if out.Commit != nil || out.Verified.Missing != 2 || out.Sealed.Draft.Key == "" {
		t.Errorf("%+v, want a draft, 2 missing and no commit", out)
	}
	if record, err := b.do.Lake.Latest(t.Context(), b.Shard); record != nil || err != nil {
		t.Errorf("the ledger has %v, %v; want nothing", record, err)
	}
}

// TestFinishShardFindsWhatAnEarlierAttemptCommitted: the attempt died after its commit, and its staging is gone.
func TestFinishShardFindsWhatAnEarlierAttemptCommitted(t *testing.T) {
	b := newBench(t, shop())
	in := b.finish(b.collect())
	first := must(b, b.do.FinishShard, in)
	again := must(b, b.do.FinishShard, in)
	if diff := cmp.Diff(first.Commit, again.Commit); diff != "" {
		t.Errorf("another attempt (-first +again):\n%s", diff)
	}
	if record := b.record(); record.Generation != 1 {
		t.Errorf("generation %d, want 1", record.Generation)
	}
}

// TestFinishShardGivesWayToAnother: a record of another run is not this run's, whatever it has in common with it.
func TestFinishShardGivesWayToAnother(t *testing.T) {
	b := newBench(t, shop())
	in := b.finish(b.collect())
	other := ledger.Record{Shard: b.Shard, Generation: 1, SpecDigest: in.Seal.SpecDigest, OpenedAt: in.Seal.OpenedAt, RunID: "another"}
	if _, _, err := b.do.Lake.Commit(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	if _, err := try(b, b.do.FinishShard, in); kindOf(err) != activities.Superseded {
		t.Errorf("%v, want %s", err, activities.Superseded)
	}
	later := in
	later.Seal.OpenedAt = new(in.Seal.OpenedAt.Add(time.Hour))
	if _, err := try(b, b.do.FinishShard, later); kindOf(err) != activities.Superseded {
		t.Errorf("opened at another time: %v, want %s", err, activities.Superseded)
	}
}

// TestListPageFetchesFewAtOnce compares what the listing fetches with what the chunks do.
func TestListPageFetchesFewAtOnce(t *testing.T) {
	chunks, once := newBench(t, shop()), newBench(t, shop())
	want := chunks.seal(chunks.collect())
	list := func(b *bench, at activities.AtOnce) activities.ListPageOutput {
		return must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 500, AtOnce: &at})
	}
	out := list(once, activities.AtOnce{Requests: 46, Messages: 1, Metadata: 1})
	if out.Next != "" || len(out.Fetched.Messages) == 0 || len(out.Fetched.Metadata) == 0 {
		t.Fatalf("%+v, want all of it", out)
	}
	sealed := once.seal(activities.Receipts{Pages: []activities.PageReceipt{out.Page}, Messages: out.Fetched.Messages, Metadata: out.Fetched.Metadata})
	sealed.Counts.Duplicates = want.Counts.Duplicates // of the list, page by page
	if sealed.Counts != want.Counts {
		t.Errorf("counts %+v, want %+v", sealed.Counts, want.Counts)
	}
	if out := list(newBench(t, shop()), activities.AtOnce{Requests: 45, Messages: 1, Metadata: 1}); len(out.Fetched.Messages) > 0 {
		t.Errorf("46 requests were made where 45 may be: %+v", out.Fetched)
	}
	if out := list(newBench(t, shop()), activities.AtOnce{Requests: 46, Messages: 1}); len(out.Fetched.Messages) == 0 || len(out.Fetched.Metadata) > 0 {
		t.Errorf("without metadata: %+v", out.Fetched)
	}
}

// TestListPageLeavesWhatFailsToChunks: the page is staged, and nobody lists it again because a conversation cannot be fetched.
func TestListPageLeavesWhatFailsToChunks(t *testing.T) {
	p := shop()
	b := newBench(t, p)
	p.failing = map[string]bool{"7": true}
	out := must(b, b.do.ListPage, activities.ListPageInput{Target: b.Target, Limit: 500, AtOnce: &activities.AtOnce{Requests: 80, Messages: 1, Metadata: 1}})
	if out.Page.Refs != 23 || len(out.Fetched.Messages) > 0 {
		t.Errorf("%+v, want the page alone", out)
	}
}

// TestFreshListIsNotCountedAgain: a list that was read a moment ago, and counts as many conversations as it has, is not counted before it
// or after it. One that was read earlier is.
func TestFreshListIsNotCountedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		ago    time.Duration
		total  *int64
		counts int
	}{
		"read a moment ago":        {time.Second, new(int64(23)), 0},
		"read earlier":             {time.Minute, new(int64(23)), 1},
		"no count of its own":      {time.Second, nil, 1},
		"another count of its own": {time.Second, new(int64(24)), 1},
	} {
		p := shop()
		b := newBench(t, p)
		open := must(b, b.do.OpenShard, activities.OpenShardInput{Shard: b.Shard, Spec: "spec", Uncounted: true})
		if open.Total != nil || p.counted != 0 {
			t.Fatalf("%s: counted %d times before the list", name, p.counted)
		}
		r := b.collect()
		r.Pages[len(r.Pages)-1].Total = test.total
		in := activities.FinishShardInput{
			Seal: activities.SealShardInput{
				Target: b.Target, SpecDigest: open.SpecDigest, Receipts: r, OpenedAt: open.OpenedAt, ListedAt: new(time.Now().Add(-test.ago)),
			},
			Guarded: true, Uncounted: true,
		}
		if out := must(b, b.do.FinishShard, in); out.Commit == nil || p.counted != test.counts {
			t.Errorf("%s: counted %d times, want %d; %+v", name, p.counted, test.counts, out)
		}
	}
}

package workflows_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// small is a window whose conversations are fetched by the activity that lists them.
func small() workflows.ShardInput {
	in := may()
	in.ChunkSize, in.Policy = 0, workflows.NewPolicy()
	return in
}

// TestSmallShardTakesThreeActivities: each one costs a round through Temporal, which takes longer than the rest of a small window.
func TestSmallShardTakesThreeActivities(t *testing.T) {
	w := &world{conversations: 20, pageSize: 500, fetchesAtOnce: true}
	runShard(t, environment(t, w), small())
	if w.calls["OpenShard"] != 1 || w.calls["ListPage"] != 1 || w.calls["FinishShard"] != 1 || w.calls["FetchMessages"]+w.calls["FetchMetadata"] > 0 {
		t.Errorf("calls %v", w.calls)
	}
	covered(t, w.receipts(), w.receipts().Messages, "FetchMessages")
	covered(t, w.receipts(), w.receipts().Metadata, "FetchMetadata")
}

// TestChunksFetchWhatTheListDidNot: the metadata could not be fetched with the list.
func TestChunksFetchWhatTheListDidNot(t *testing.T) {
	w := &world{conversations: 20, pageSize: 500, fetchesAtOnce: true, withoutMetadata: true}
	runShard(t, environment(t, w), small())
	if w.calls["FetchMessages"] != 0 || w.calls["FetchMetadata"] == 0 {
		t.Errorf("calls %v", w.calls)
	}
	covered(t, w.receipts(), w.receipts().Messages, "FetchMessages")
	covered(t, w.receipts(), w.receipts().Metadata, "FetchMetadata")
}

// TestOnlyTheOnlyPageIsFetchedAtOnce: later pages, configured chunks and windows without a policy for it are fetched in chunks. How much
// is asked for follows the lease.
func TestOnlyTheOnlyPageIsFetchedAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		change func(in *workflows.ShardInput)
		pages  int
		want   []int // of each list
	}{
		"no limit":              {func(*workflows.ShardInput) {}, 2, []int{80, 0}},
		"a lease":               {func(in *workflows.ShardInput) { in.RequestsPerSecond = 10 }, 1, []int{80}},
		"the end of the export": {func(in *workflows.ShardInput) { in.RequestsPerSecond, in.Last = 10, true }, 1, []int{80}},
		"the end, no growth": {func(in *workflows.ShardInput) {
			in.RequestsPerSecond, in.Last, in.Policy.LeaseLook = 10, true, 0
		}, 1, []int{5}},
		"a small lease":          {func(in *workflows.ShardInput) { in.RequestsPerSecond = 0.1 }, 1, []int{0}},
		"a configured chunk":     {func(in *workflows.ShardInput) { in.ChunkSize = 25 }, 1, []int{0}},
		"a run of before":        {func(in *workflows.ShardInput) { in.Policy.FetchAtOnce = 0 }, 1, []int{0}},
		"a snapshot of contacts": {func(in *workflows.ShardInput) { in.Shard.Stream = "directory" }, 1, []int{0}},
	} {
		w := &world{conversations: 20, pageSize: 20 / test.pages}
		in := small()
		test.change(&in)
		runShard(t, environment(t, w), in)
		for i, list := range w.lists {
			got := 0
			if list.AtOnce != nil {
				got = list.AtOnce.Requests
			}
			if i >= len(test.want) || got != test.want[i] {
				t.Errorf("%s: list %d may fetch with %d requests, want %v", name, i, got, test.want)
			}
		}
	}
}

// TestLargeShardIsFinishedInSteps: sealing it takes long, and is not repeated because a file or a count is read again.
func TestLargeShardIsFinishedInSteps(t *testing.T) {
	for conversations, once := range map[int]int{workflows.NewPolicy().FinishAtOnce: 1, workflows.NewPolicy().FinishAtOnce + 1: 0} {
		w := &world{conversations: conversations, pageSize: 500}
		runShard(t, environment(t, w), small())
		if w.calls["FinishShard"] != once || w.calls["CommitShard"] != 1 {
			t.Errorf("%d conversations: calls %v", conversations, w.calls)
		}
	}
}

// TestLargeShardIsCountedWhileItIsSealed: afterwards there may be nothing else to ask for, and the budget would be idle. If that fails, or
// the count differs, it is counted again after the seal.
func TestLargeShardIsCountedWhileItIsSealed(t *testing.T) {
	total, more := int64(2000), int64(2001)
	for name, test := range map[string]struct {
		total   *int64
		fails   bool
		counted *activities.Counted
		calls   int
	}{
		"alike":    {&total, false, &activities.Counted{Total: &total}, 1},
		"fails":    {&total, true, nil, 1},
		"no count": {nil, false, nil, 0},
		"differs":  {&more, false, nil, 2}, // it is listed again, and then counted after waits
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{conversations: 2000, pageSize: 500, total: test.total}
			w.fail = func(step string, _, _ int) error {
				if step == "CountAhead" && test.fails {
					return kindError(providers.Denied)
				}
				return nil
			}
			in := small()
			in.Flag = true
			runShard(t, environment(t, w), in)
			if w.calls["CountAhead"] != test.calls || w.calls["CommitShard"] != 1 {
				t.Errorf("calls %v, want %d counts ahead", w.calls, test.calls)
			}
			if diff := cmp.Diff(test.counted, w.counted); diff != "" {
				t.Error("the last verification was told: ", diff)
			}
		})
	}
}

// TestSmallShardIsInDoubtAsALargeOne: what differs is decided by the workflow, as after each step.
func TestSmallShardIsInDoubtAsALargeOne(t *testing.T) {
	t.Run("files", func(t *testing.T) {
		w := &world{conversations: 20, pageSize: 500, badFiles: 1}
		runShard(t, environment(t, w), small())
		if w.calls["FinishShard"] != 1 || w.calls["SealShard"] != 2 || w.calls["CommitShard"] != 1 {
			t.Errorf("calls %v, want it sealed again, in steps", w.calls)
		}
	})
	t.Run("counts", func(t *testing.T) {
		total := int64(21)
		w := &world{conversations: 20, pageSize: 500, total: &total}
		in := small()
		in.Flag = true
		out := runShard(t, environment(t, w), in)
		if w.calls["FinishShard"] != 2 || len(out.Commit.Flags) != 1 || w.calls["ListPage"] != 2 {
			t.Errorf("calls %v, flags %v; want it listed again, and then flagged", w.calls, out.Commit.Flags)
		}
	})
	t.Run("superseded", func(t *testing.T) {
		w := &world{conversations: 20, pageSize: 500}
		w.fail = func(step string, _, _ int) error {
			if step == "CommitShard" && w.calls[step] == 1 {
				return temporal.NewNonRetryableApplicationError("another record", activities.Superseded, nil)
			}
			return nil
		}
		runShard(t, environment(t, w), small())
		if w.calls["OpenShard"] != 2 || w.calls["FinishShard"] != 2 {
			t.Errorf("calls %v, want it opened again", w.calls)
		}
	})
	t.Run("staging lost", func(t *testing.T) {
		w := &world{conversations: 20, pageSize: 500}
		w.fail = func(step string, _, _ int) error {
			if step == "SealShard" && w.calls[step] == 1 {
				return temporal.NewNonRetryableApplicationError("gone", activities.StagingLost, nil)
			}
			return nil
		}
		runShard(t, environment(t, w), small())
		if w.calls["ListPage"] != 2 || w.calls["FinishShard"] != 2 {
			t.Errorf("calls %v, want it listed and fetched again", w.calls)
		}
		if w.lists[0].OmitNothing || !w.lists[1].OmitNothing {
			t.Errorf("%+v, want nothing left out of the second list", w.lists)
		}
	})
}

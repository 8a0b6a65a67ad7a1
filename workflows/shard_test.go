package workflows_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

func runShard(t *testing.T, env *testsuite.TestWorkflowEnvironment, in workflows.ShardInput) workflows.ShardOutput {
	t.Helper()
	env.ExecuteWorkflow(workflows.Shard, in)
	if !env.IsWorkflowCompleted() {
		t.Fatal("the shard has not ended")
	}
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var out workflows.ShardOutput
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func shardProgress(t *testing.T, env *testsuite.TestWorkflowEnvironment) workflows.ShardProgress {
	t.Helper()
	value, err := env.QueryWorkflow(workflows.ProgressQuery)
	if err != nil {
		t.Fatal(err)
	}
	var p workflows.ShardProgress
	if err := value.Get(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

// update sends an update whose outcome the test does not wait for.
func update(t *testing.T, env *testsuite.TestWorkflowEnvironment, name string, args ...any) {
	env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnReject:   func(err error) { t.Errorf("update %s was rejected: %v", name, err) },
		OnAccept:   func() {},
		OnComplete: func(any, error) {},
	}, args...)
}

func TestShardCoversEveryConversationOnce(t *testing.T) {
	w := &world{conversations: 610, pageSize: 250}
	out := runShard(t, environment(t, w), may())
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
	covered(t, r, r.Metadata, "FetchMetadata")
	if out.Commit.Counts.Listed != 610 || w.calls["CommitShard"] != 1 || w.calls["Cleanup"] != 1 {
		t.Errorf("committed %d of 610 conversations, %d commits, %d cleanups", out.Commit.Counts.Listed, w.calls["CommitShard"], w.calls["Cleanup"])
	}
	if w.most > 4 {
		t.Errorf("%d activities were in flight at once, want at most 4", w.most)
	}
	if out.Usage.Requests == 0 {
		t.Error("no request was counted")
	}
}

func TestShardAdoptsWhatIsCommitted(t *testing.T) {
	w := &world{adopted: &activities.Commit{Outcome: "adopted", Generation: 3}}
	out := runShard(t, environment(t, w), may())
	if out.Commit.Outcome != "adopted" || w.calls["ListPage"] != 0 {
		t.Errorf("outcome %q after %d lists, want adopted after none", out.Commit.Outcome, w.calls["ListPage"])
	}
}

func TestShardBisectsDownToTheOneAtFault(t *testing.T) {
	for _, kind := range []string{"malformed", "panic"} {
		t.Run(kind, func(t *testing.T) {
			w := &world{conversations: 60, pageSize: 60}
			w.fail = func(step string, low, high int) error {
				if step != "FetchMessages" || low > 33 || high <= 33 {
					return nil
				}
				if kind == "panic" {
					panic("a defect")
				}
				return kindError(providers.Malformed)
			}
			runShard(t, environment(t, w), may())
			r := w.receipts()
			covered(t, r, r.Messages, "FetchMessages")
			covered(t, r, r.Metadata, "FetchMetadata")
			if len(r.Dead) != 1 || r.Dead[0].Index != 33 || r.Dead[0].Step != "FetchMessages" {
				t.Errorf("dead letters %+v, want conversation 33 alone", r.Dead)
			}
		})
	}
}

// TestChunksAreGivenOutAgainAsSuch checks that a repeated fetch knows that parts of it may be staged.
func TestChunksAreGivenOutAgainAsSuch(t *testing.T) {
	w := &world{conversations: 60, pageSize: 60}
	w.fail = func(step string, low, high int) error {
		if step == "FetchMetadata" && low <= 33 && high > 33 {
			return kindError(providers.Malformed)
		}
		return nil
	}
	in := may()
	in.ChunkSize, in.MetadataRequests = 60, 4
	runShard(t, environment(t, w), in)
	again := 0
	for _, f := range w.fetches {
		if want := f.Low > 0 || f.High < 60; f.Again != want {
			t.Errorf("[%d, %d) was given out again: %t", f.Low, f.High, f.Again)
		}
		if f.Again {
			again++
		}
		if f.Part != 64 && f.Part != 16 {
			t.Errorf("[%d, %d) is staged in parts of %d conversations", f.Low, f.High, f.Part)
		}
	}
	if again < 6 {
		t.Errorf("%d fetches were given out again", again)
	}
}

func TestShardWaitsForAPersonWhenDenied(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50}
	denied := true
	w.fail = func(step string, _, _ int) error {
		if denied && step == "FetchMetadata" {
			return kindError(providers.Denied)
		}
		return nil
	}
	env := environment(t, w)
	env.RegisterDelayedCallback(func() {
		p := shardProgress(t, env)
		if p.State != workflows.StateBlocked || p.Blocked == nil || p.Blocked.Kind != "Denied" {
			t.Errorf("after an hour the shard is %+v, want blocked: Denied", p)
		}
		if w.calls["CommitShard"] != 0 {
			t.Error("a blocked shard was committed")
		}
		denied = false
		update(t, env, workflows.RetryBlockedUpdate)
	}, time.Hour)
	runShard(t, env, may())
	r := w.receipts()
	covered(t, r, r.Metadata, "FetchMetadata")
	if len(r.Dead) != 0 {
		t.Errorf("dead letters %+v, want none", r.Dead)
	}
}

func TestShardWaitsOutAProviderThatIsDown(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50}
	env := environment(t, w)
	began := env.Now()
	w.fail = func(step string, _, _ int) error {
		if step != "OpenShard" && env.Now().Sub(began) < 6*time.Hour {
			return kindError(providers.Transient)
		}
		return nil
	}
	env.RegisterDelayedCallback(func() {
		if p := shardProgress(t, env); p.State != workflows.StateWaiting || p.WaitingUntil == nil {
			t.Errorf("while the provider is down the shard is %+v, want waiting", p)
		}
	}, 3*time.Hour)
	runShard(t, env, may())
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
	if took := env.Now().Sub(began); took > 7*time.Hour {
		t.Errorf("went on %s after the provider was back, want at most 15 minutes", took-6*time.Hour)
	}
	if n := w.calls["ListPage"]; n > 40 {
		t.Errorf("asked a provider that is down %d times in six hours", n)
	}
}

func TestShardAsksForASplitWindow(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "ListPage" {
			return kindError(providers.WindowTooDense)
		}
		return nil
	}
	out := runShard(t, environment(t, w), may())
	if !out.Split || w.calls["CommitShard"] != 0 || w.calls["Cleanup"] != 1 {
		t.Errorf("split %v, %d commits, %d cleanups; want a split, nothing committed, cleaned", out.Split, w.calls["CommitShard"], w.calls["Cleanup"])
	}
}

func TestShardSealsWhatItWasRefreshedFor(t *testing.T) {
	w := &world{conversations: 1, pageSize: 50}
	in := may()
	in.Refresh = "monday"
	runShard(t, environment(t, w), in)
	if w.sealed.Refresh != in.Refresh {
		t.Errorf("sealed with refresh %q, want %q: the ledger could not be held against the settings", w.sealed.Refresh, in.Refresh)
	}
}

func TestShardThatTheLedgerHasInHalvesIsSplitAtOnce(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50, halved: true}
	out := runShard(t, environment(t, w), may())
	if !out.Split || w.calls["OpenShard"] != 1 || len(w.calls) != 1 {
		t.Errorf("split %v after %v; want a split after OpenShard alone", out.Split, w.calls)
	}
}

func TestShardListsAgainWhenTheCursorExpires(t *testing.T) {
	w := &world{conversations: 200, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "ListPage" && w.calls["ListPage"] == 3 {
			return kindError(providers.CursorExpired)
		}
		return nil
	}
	runShard(t, environment(t, w), may())
	again := w.lists[2]
	if again.Cursor != "" || again.Known == nil || len(again.Known.Pages) != 2 {
		t.Errorf("listed again with cursor %q knowing %+v, want from the beginning knowing 2 pages", again.Cursor, again.Known)
	}
}

func TestShardVerifiesAgainWithoutSealingAgain(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "VerifyShard" && w.calls["VerifyShard"] <= 7 { // more than an activity is repeated for
			return temporal.NewApplicationError("the store is down", activities.Unavailable)
		}
		return nil
	}
	runShard(t, environment(t, w), may())
	if w.calls["SealShard"] != 1 || w.calls["VerifyShard"] != 8 {
		t.Errorf("calls %v, want one seal, verified until it went well", w.calls)
	}
}

func TestShardSealsAgainWhenItsFilesAreLost(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "CommitShard" && w.calls["CommitShard"] <= 2 {
			return temporal.NewNonRetryableApplicationError("a file is gone", activities.FilesLost, nil)
		}
		return nil
	}
	runShard(t, environment(t, w), may())
	if w.calls["SealShard"] != 3 || w.calls["ListPage"] != 2 || w.calls["CommitShard"] != 3 {
		t.Errorf("calls %v, want what is staged sealed three times, and listed once", w.calls)
	}
}

func TestShardWhoseFilesVanishAsksAPerson(t *testing.T) {
	w := &world{conversations: 10, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "CommitShard" && w.calls["CommitShard"] <= 4 {
			return temporal.NewNonRetryableApplicationError("a file is gone", activities.FilesLost, nil)
		}
		return nil
	}
	env := environment(t, w)
	var blocked workflows.ShardProgress
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(workflows.ProgressQuery)
		if err != nil || value.Get(&blocked) != nil {
			t.Error(err)
		}
		env.UpdateWorkflowNoRejection(workflows.RetryBlockedUpdate, "", t)
	}, time.Hour)
	runShard(t, env, may())
	if blocked.Blocked == nil || blocked.Blocked.Kind != activities.FilesLost || !strings.Contains(blocked.Blocked.Detail, "below data") {
		t.Errorf("progress %+v, want it blocked, and what to look for", blocked)
	}
}

func TestShardReconcilesTheProvidersCount(t *testing.T) {
	more := int64(101)
	t.Run("flagged by policy", func(t *testing.T) {
		w := &world{conversations: 100, pageSize: 50, total: &more}
		in := may()
		in.Flag = true
		out := runShard(t, environment(t, w), in)
		if len(out.Commit.Flags) != 1 || out.Commit.Flags[0] != "count_mismatch" {
			t.Errorf("flags %v, want count_mismatch", out.Commit.Flags)
		}
		if w.calls["SealShard"] != 2 {
			t.Errorf("sealed %d times, want twice: the window is listed once more first", w.calls["SealShard"])
		}
	})
	t.Run("blocked by default", func(t *testing.T) {
		w := &world{conversations: 100, pageSize: 50, total: &more}
		env := environment(t, w)
		env.RegisterDelayedCallback(func() {
			if p := shardProgress(t, env); p.Blocked == nil || p.Blocked.Kind != workflows.CountMismatch {
				t.Errorf("the shard is %+v, want blocked: CountMismatch", p)
			}
			w.total = nil
			update(t, env, workflows.RetryBlockedUpdate)
		}, time.Hour)
		out := runShard(t, env, may())
		if len(out.Commit.Flags) != 0 {
			t.Errorf("flags %v, want none", out.Commit.Flags)
		}
	})
	t.Run("messages", func(t *testing.T) {
		w := &world{conversations: 100, pageSize: 50, mismatches: 2}
		out := runShard(t, environment(t, w), may())
		if len(out.Commit.Flags) != 1 || out.Commit.Flags[0] != "message_count_mismatch" {
			t.Errorf("flags %v, want message_count_mismatch", out.Commit.Flags)
		}
	})
}

func TestShardContinuesAsNewWithoutLosingReceipts(t *testing.T) {
	w := &world{conversations: 60_000, pageSize: 250}
	in := may()
	runs := 0
	for {
		env := environment(t, w)
		env.ExecuteWorkflow(workflows.Shard, in)
		err := env.GetWorkflowError()
		runs++
		var next *workflow.ContinueAsNewError
		if !errors.As(err, &next) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		if size := len(next.Input.Payloads[0].Data); size > 8<<10 {
			t.Errorf("run %d carries %d bytes on, want a few thousand", runs, size)
		}
		in = workflows.ShardInput{}
		if err := convert(next, &in); err != nil {
			t.Fatal(err)
		}
	}
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
	covered(t, r, r.Metadata, "FetchMetadata")
	if runs < 3 || len(r.Pages) != 240 {
		t.Errorf("%d runs and %d pages, want at least 3 and 240", runs, len(r.Pages))
	}
}

// TestShardHoldsFewReceipts fetches conversations of one part each.
func TestShardHoldsFewReceipts(t *testing.T) {
	w := &world{conversations: 3000, pageSize: 500}
	in := may()
	in.ChunkSize, in.MessageRequests, in.MetadataRequests = 0, 80, 80
	runShard(t, environment(t, w), in)
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
	covered(t, r, r.Metadata, "FetchMetadata")
	if held := w.sealed.Receipts; len(held.Pages)+len(held.Messages)+len(held.Metadata) > 1200 || len(held.Saved) < 5 {
		t.Errorf("%d + %d + %d receipts are sealed, and %d are staged", len(held.Pages), len(held.Messages), len(held.Metadata), len(held.Saved))
	}
	if len(r.Messages) != 3000 || len(r.Metadata) != 3000 {
		t.Errorf("%d and %d receipts of 3,000 conversations", len(r.Messages), len(r.Metadata))
	}
}

func TestShardBeginsAnewWhenStagingIsLost(t *testing.T) {
	w := &world{conversations: 100, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "SealShard" && w.calls[step] == 1 || step == "FetchMessages" && w.calls[step] == 2 {
			return lost()
		}
		return nil
	}
	runShard(t, environment(t, w), may())
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
	covered(t, r, r.Metadata, "FetchMetadata")
	if len(r.Pages) != 2 {
		t.Errorf("sealed %d pages, want the 2 of the last beginning", len(r.Pages))
	}
}

func TestShardPausesAndGoesOn(t *testing.T) {
	w := &world{conversations: 500, pageSize: 50}
	env := environment(t, w)
	in := may()
	in.Paused = true
	env.RegisterDelayedCallback(func() {
		if p := shardProgress(t, env); p.State != workflows.StatePaused || w.calls["ListPage"] != 0 {
			t.Errorf("a paused shard is %s after %d lists", p.State, w.calls["ListPage"])
		}
		update(t, env, workflows.ResumeUpdate)
	}, time.Hour)
	runShard(t, env, in)
}

func TestShardCleansUpWhenCancelled(t *testing.T) {
	w := &world{conversations: 500, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "FetchMessages" {
			return kindError(providers.Denied)
		}
		return nil
	}
	env := environment(t, w)
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	env.ExecuteWorkflow(workflows.Shard, may())
	if err := env.GetWorkflowError(); err == nil {
		t.Error("a cancelled shard ended without an error")
	}
	if w.calls["Cleanup"] != 1 || w.calls["CommitShard"] != 0 {
		t.Errorf("%d cleanups and %d commits, want 1 and 0", w.calls["Cleanup"], w.calls["CommitShard"])
	}
}

func TestShardNeverLeasesMoreThanItsRate(t *testing.T) {
	w := &world{conversations: 2000, pageSize: 250}
	in := may()
	in.RequestsPerSecond = 8
	runShard(t, environment(t, w), in)
	if first := w.lists[0].Lease.RequestsPerSecond; first != 8 {
		t.Errorf("a list that works alone has %v requests a second, want all 8", first)
	}
	if w.mostLeased > 8.000001 || w.mostLeased < 7.9 {
		t.Errorf("at most %v requests a second were leased at once, want the rate of 8", w.mostLeased)
	}
	r := w.receipts()
	covered(t, r, r.Messages, "FetchMessages")
}

func TestShardKeepsFewerInFlightWhenThrottled(t *testing.T) {
	w := &world{conversations: 2000, pageSize: 250, throttled: true}
	runShard(t, environment(t, w), may())
	if first, last := w.inFlightAt[0], w.inFlightAt[len(w.inFlightAt)-1]; last != 1 {
		t.Errorf("%d in flight at first and %d at last, want 1 at last: every answer was \"too many requests\"", first, last)
	}
}

func TestShardWithoutMetadata(t *testing.T) {
	w := &world{conversations: 60, pageSize: 50}
	env := environment(t, w)
	in := may()
	in.MetadataRequests = 0
	env.ExecuteWorkflow(workflows.Shard, in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	covered(t, w.receipts(), w.receipts().Messages, "FetchMessages")
	if n := w.calls["FetchMetadata"]; n != 0 {
		t.Errorf("metadata was fetched %d times, and there is none", n)
	}
}

// TestPendingListIsAskedAgain: waiting for a report does not delay the fetches.
func TestPendingListIsAskedAgain(t *testing.T) {
	w := &world{conversations: 60, pageSize: 50}
	w.fail = func(step string, _, _ int) error {
		if step == "ListPage" && w.calls["ListPage"] > 1 && w.calls["ListPage"] < 9 {
			return kindError(providers.Pending)
		}
		return nil
	}
	env := environment(t, w)
	began := env.Now()
	env.ExecuteWorkflow(workflows.Shard, may())
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	covered(t, w.receipts(), w.receipts().Messages, "FetchMessages")
	if took := env.Now().Sub(began); took >= time.Minute {
		t.Errorf("the shard waited %s besides the activity's own waits", took)
	}
}

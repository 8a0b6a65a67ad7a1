package workflows_test

import (
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// For each kind of error that blocks a shard, in each step: the shard stays blocked while the cause lasts, however often it is
// tried again. The first try after the cause is gone commits it.
func TestBlockedShardsEndWhenTheirAdviceIsFollowed(t *testing.T) {
	tests := []struct{ step, kind string }{
		{"OpenShard", "Denied"}, {"ListPage", "Denied"}, {"FetchMessages", "Denied"}, {"VerifyShard", "Denied"},
		{"ListPage", "NotFound"}, {"FetchMessages", "Stopped"}, {"ListPage", "Failed"}, {"ListPage", "Malformed"}, {"OpenShard", "Malformed"},
		{"ListPage", "Panic"}, {"SealShard", "Panic"}, {"SealShard", activities.StagingLost}, {"CommitShard", activities.FilesLost},
		{"ListPage", "WindowTooDense"}, {"VerifyShard", workflows.CountMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.step+" "+tt.kind, func(t *testing.T) {
			t.Parallel()
			w := &world{conversations: 10, pageSize: 5}
			broken, more := true, int64(11)
			if tt.kind == workflows.CountMismatch {
				w.total = &more
			}
			w.fail = func(step string, _, _ int) error {
				switch {
				case step != tt.step || !broken || tt.kind == workflows.CountMismatch:
					return nil
				case tt.kind == "Panic":
					panic("a defect")
				}
				return temporal.NewNonRetryableApplicationError("as the provider said", tt.kind, nil)
			}
			in := may()
			if tt.kind == "WindowTooDense" {
				in.Shard.Window.To = in.Shard.Window.From.Add(1e9) // too short to be cut
			}
			env := environment(t, w)
			for i := range 3 {
				env.RegisterDelayedCallback(func() {
					if p := shardProgress(t, env); p.Blocked == nil || p.Blocked.Kind != tt.kind {
						t.Errorf("before try %d it is %+v, want blocked by %s", i+1, p, tt.kind)
					}
					if i == 2 {
						broken, w.total = false, nil
					}
					update(t, env, workflows.RetryBlockedUpdate)
				}, time.Duration(i+1)*4*time.Hour)
			}
			if out := runShard(t, env, in); out.Commit.Outcome != "committed" {
				t.Errorf("it ends with %+v, want a commit", out)
			}
		})
	}
}

// The advice for a blocked count, on_mismatch: flag, also works for a shard that began without it.
func TestOnMismatchReachesABlockedShard(t *testing.T) {
	more := int64(101)
	w := &world{conversations: 100, pageSize: 50, total: &more}
	env := environment(t, w)
	env.RegisterDelayedCallback(func() {
		w.flag = true
		update(t, env, workflows.RetryBlockedUpdate)
	}, time.Hour)
	if out := runShard(t, env, may()); !slices.Equal(out.Commit.Flags, []string{"count_mismatch"}) {
		t.Errorf("flags %v, want count_mismatch", out.Commit.Flags)
	}
}

// TestListWaitsAgainAfterRetry: a blocked list that fails again after a person's order waits as if it failed first.
func TestListWaitsAgainAfterRetry(t *testing.T) {
	w := &world{conversations: 15, pageSize: 5}
	w.fail = func(step string, _, _ int) error {
		if n := w.calls[step]; step == "ListPage" && n >= 2 && n <= 6 { // 4 until it blocks, and one after the retry
			return kindError(providers.Malformed)
		}
		return nil
	}
	env := environment(t, w)
	env.RegisterDelayedCallback(func() { update(t, env, workflows.RetryBlockedUpdate) }, time.Hour)
	runShard(t, env, may())
	if r := w.receipts(); len(r.Pages) != 3 || len(r.Dead) != 0 {
		t.Errorf("%d pages and %d dead letters, want 3 and none", len(r.Pages), len(r.Dead))
	}
}

// The first list after a person's order knows of the order, so that the counters in its cursor start over.
func TestListIsToldOfRetry(t *testing.T) {
	w := &world{conversations: 15, pageSize: 5}
	w.fail = func(step string, _, _ int) error {
		if n := w.calls[step]; step == "ListPage" && (n == 2 || n == 3) {
			return kindError(providers.Failed)
		}
		return nil
	}
	env := environment(t, w)
	for i := range 2 {
		env.RegisterDelayedCallback(func() { update(t, env, workflows.RetryBlockedUpdate) }, time.Duration(i+1)*time.Hour)
	}
	runShard(t, env, may())
	var retries []bool
	for _, in := range w.lists { // those that did not fail
		retries = append(retries, in.Retry)
	}
	if want := []bool{false, true, false}; !slices.Equal(retries, want) {
		t.Errorf("Retry was %v, want %v", retries, want)
	}
}

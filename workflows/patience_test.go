package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// garbled is a world in which the first answers to some steps cannot be read.
func garbled(answers int, steps ...string) *world {
	w := &world{conversations: 10, pageSize: 5}
	w.fail = func(step string, _, _ int) error {
		for _, s := range steps {
			if s == step && w.calls[step] <= answers {
				return kindError(providers.Malformed)
			}
		}
		return nil
	}
	return w
}

// TestGarbledAnswersAreWaitedFor: in every step, an unreadable answer is requested again for minutes before a person is asked.
func TestGarbledAnswersAreWaitedFor(t *testing.T) {
	for _, step := range []string{"OpenShard", "ListPage", "VerifyShard"} {
		t.Run(step, func(t *testing.T) {
			env := environment(t, garbled(3, step))
			env.RegisterDelayedCallback(func() {
				if p := shardProgress(t, env); p.State != workflows.StateWaiting {
					t.Errorf("after half a minute the shard is %+v, want waiting", p)
				}
			}, 30*time.Second)
			began := env.Now()
			runShard(t, env, may())
			if took := env.Now().Sub(began); took < 7*time.Minute {
				t.Errorf("it took %s, want 1, 2 and 4 minutes", took)
			}
		})
		t.Run(step+" until a person acts", func(t *testing.T) {
			env := environment(t, garbled(4, step))
			env.RegisterDelayedCallback(func() {
				if p := shardProgress(t, env); p.Blocked == nil || p.Blocked.Kind != "Malformed" {
					t.Errorf("after ten minutes the shard is %+v, want blocked", p)
				}
				update(t, env, workflows.RetryBlockedUpdate)
			}, 10*time.Minute)
			runShard(t, env, may())
		})
	}
	t.Run("OpenExport", func(t *testing.T) {
		env := environment(t, &world{})
		env.SetStartTime(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
		var a *activities.Activities
		calls := 0
		env.OnActivity(a.OpenExport, mock.Anything, mock.Anything).Return(
			func(context.Context, activities.OpenExportInput) (activities.OpenExportOutput, error) {
				if calls++; calls <= 3 {
					return activities.OpenExportOutput{}, kindError(providers.Malformed)
				}
				return activities.OpenExportOutput{Provider: "chatwoot", Spec: "spec"}, nil
			})
		env.OnActivity(a.CloseExport, mock.Anything, mock.Anything).Return(
			func(context.Context, activities.CloseExportInput) (activities.CloseExportOutput, error) {
				return activities.CloseExportOutput{}, nil
			})
		env.OnWorkflow(workflows.Shard, mock.Anything, mock.Anything).Return(
			func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) { return committed(1), nil })
		if out := runExport(t, env, year()); out.Totals.Shards != 12 {
			t.Errorf("%+v, want 12 shards", out)
		}
	})
}

// TestAnOutageLeavesTries: after hours in which a platform was down, an unreadable answer or a worker that dies blocks nothing.
func TestAnOutageLeavesTries(t *testing.T) {
	for _, step := range []string{"OpenShard", "ListPage", "VerifyShard"} {
		for name, err := range map[string]error{
			"unreadable answers": kindError(providers.Malformed),
			"dead workers":       temporal.NewNonRetryableApplicationError("the worker is gone", "PanicError", temporal.NewTimeoutError(enums.TIMEOUT_TYPE_HEARTBEAT, nil)),
		} {
			w := &world{conversations: 10, pageSize: 5}
			w.fail = func(s string, _, _ int) error {
				switch n := w.calls[step]; {
				case s != step || n > 16:
					return nil
				case n%8 < 6:
					return kindError(providers.Transient)
				}
				return err
			}
			env := environment(t, w)
			env.RegisterDelayedCallback(func() {
				if p := shardProgress(t, env); p.Blocked != nil {
					t.Errorf("%s after an outage, at %s: blocked by %s", name, step, p.Blocked.Kind)
					update(t, env, workflows.RetryBlockedUpdate)
				}
			}, 12*time.Hour)
			runShard(t, env, may())
		}
	}
}

// TestConversationsAreNotGivenUpWhileNothingCanBeRead: a proxy that answers everything with an HTML page for some minutes costs no
// dead letters. A conversation whose answer cannot be read while others can becomes one at once.
func TestConversationsAreNotGivenUpWhileNothingCanBeRead(t *testing.T) {
	for _, step := range []string{"FetchMessages", "FetchMetadata"} {
		w := &world{conversations: 60, pageSize: 60}
		env := environment(t, w)
		well := env.Now().Add(5 * time.Minute)
		w.fail = func(s string, _, _ int) error {
			if s == step && env.Now().Before(well) {
				return kindError(providers.Malformed)
			}
			return nil
		}
		in := may()
		if step == "FetchMessages" {
			in.MetadataRequests = 0
		}
		runShard(t, env, in)
		r := w.receipts()
		covered(t, r, r.Messages, "FetchMessages")
		if len(r.Dead) != 0 {
			t.Errorf("%s: %d dead letters, want none", step, len(r.Dead))
		}
	}
	w := &world{conversations: 60, pageSize: 60}
	w.fail = func(step string, low, high int) error {
		if step == "FetchMessages" && low <= 33 && high > 33 {
			return kindError(providers.Malformed)
		}
		return nil
	}
	env := environment(t, w)
	began := env.Now()
	runShard(t, env, may())
	if r := w.receipts(); len(r.Dead) != 1 || r.Dead[0].Index != 33 {
		t.Errorf("dead letters %+v, want conversation 33", r.Dead)
	}
	if took := env.Now().Sub(began); took > 10*time.Minute {
		t.Errorf("the conversation held the shard up for %s", took)
	}
}

// counting is a world whose provider counts differently each time.
func counting(counts ...int64) *world {
	w := &world{}
	w.fail = func(step string, _, _ int) error {
		if n := w.calls[step]; step == "VerifyShard" && n <= len(counts) {
			w.total = &counts[n-1]
		}
		return nil
	}
	return w
}

// TestCountIsAskedForAgainBeforeAPersonIs: while conversations are being deleted, a count is soon wrong. A person is asked only if
// it stays wrong.
func TestCountIsAskedForAgainBeforeAPersonIs(t *testing.T) {
	for name, test := range map[string]struct {
		counts  []int64
		lists   int
		blocked bool
	}{
		"the list was right":             {[]int64{2, 2, 0}, 2, false},
		"the count goes on changing":     {[]int64{40, 20, 10, 5, 0}, 3, false},
		"the count stays":                {[]int64{2, 2, 2, 0}, 3, true},
		"the count changes for too long": {[]int64{9, 8, 7, 6, 5, 4, 3, 2, 0}, 6, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := counting(test.counts...)
			env := environment(t, w)
			blocked := false
			env.RegisterDelayedCallback(func() {
				if blocked = shardProgress(t, env).Blocked != nil; blocked {
					update(t, env, workflows.RetryBlockedUpdate)
				}
			}, time.Hour)
			runShard(t, env, may())
			if blocked != test.blocked || w.calls["ListPage"] != test.lists {
				t.Errorf("blocked %t after %d lists, want %t after %d", blocked, w.calls["ListPage"], test.blocked, test.lists)
			}
		})
	}
	flagged := environment(t, counting(2, 2, 2))
	in := may()
	in.Flag = true
	if out := shardResult(t, flagged, in); len(out.Commit.Flags) != 1 {
		t.Errorf("flags %v, want one", out.Commit.Flags)
	}
}

func shardResult(t *testing.T, env *testsuite.TestWorkflowEnvironment, in workflows.ShardInput) (out workflows.ShardOutput) {
	t.Helper()
	env.ExecuteWorkflow(workflows.Shard, in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

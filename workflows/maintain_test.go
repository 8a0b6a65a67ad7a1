package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// maintain runs a Maintain to its end, through the runs that continue it.
func maintain(t *testing.T, w *world, in workflows.MaintainInput, act func(*testsuite.TestWorkflowEnvironment)) (out workflows.MaintainOutput, err error) {
	t.Helper()
	for {
		env := workflows.NewTestEnvironment()
		env.RegisterActivityWithOptions(w.PlanMaintain, activity.RegisterOptions{Name: "PlanMaintain"})
		env.RegisterActivityWithOptions(w.MergeShards, activity.RegisterOptions{Name: "MergeShards"})
		env.RegisterActivityWithOptions(w.AbsorbShards, activity.RegisterOptions{Name: "AbsorbShards"})
		if act != nil {
			act(env)
		}
		env.ExecuteWorkflow(workflows.Maintain, in)
		err := env.GetWorkflowError()
		var next *workflow.ContinueAsNewError
		if errors.As(err, &next) {
			in = workflows.MaintainInput{}
			if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err == nil {
			err = env.GetWorkflowResult(&out)
		}
		return out, err
	}
}

// stumbling is a world in which the calls of a step from the first up to the last fail.
func stumbling(step string, first, last int, err error) *world {
	w := &world{}
	w.fail = func(s string, _, _ int) error {
		if n := w.calls[s]; s == step && first <= n && n <= last {
			return err
		}
		return nil
	}
	return w
}

// TestMaintainDoesEveryStepOnce also where it continues as new between months, and where the lake is down for a while.
func TestMaintainDoesEveryStepOnce(t *testing.T) {
	for _, perRun := range []int{200, 1} {
		w := stumbling("AbsorbShards", 2, 8, kindError(activities.Unavailable))
		in := maintained()
		in.Policy.ShardsPerRun = perRun
		out, err := maintain(t, w, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := workflows.MaintainOutput{
			Totals: workflows.MaintainTotals{Steps: 4, Merged: 2, Absorbed: 40, Files: 280, Bytes: 2800, Kept: 1},
			Kept:   []workflows.KeptShard{{Shard: committedShard(2), Why: "a gap"}},
		}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("%d steps a run (-want +got):\n%s", perRun, diff)
		}
		if w.calls["MergeShards"] != 3 || w.calls["AbsorbShards"] != 4+7 || w.calls["PlanMaintain"] != 3 {
			t.Errorf("%d steps a run: calls %v", perRun, w.calls)
		}
	}
}

// TestMaintainWaitsForAPerson where a mapping secret cannot be resolved.
func TestMaintainWaitsForAPerson(t *testing.T) {
	w := stumbling("MergeShards", 1, 1, kindError(providers.Denied))
	var seen workflows.MaintainProgress
	out, err := maintain(t, w, maintained(), func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() {
			value, err := env.QueryWorkflow(workflows.ProgressQuery)
			if err == nil {
				err = value.Get(&seen)
			}
			if err != nil {
				t.Error(err)
			}
			env.UpdateWorkflow(workflows.RetryBlockedUpdate, "retry", &testsuite.TestUpdateCallback{
				OnAccept: func() {}, OnReject: func(err error) { t.Error(err) }, OnComplete: func(any, error) {},
			})
		}, time.Hour)
	})
	if err != nil || out.Totals.Steps != 4 {
		t.Errorf("%+v, %v", out, err)
	}
	if seen.State != workflows.StateBlocked || seen.Blocked == nil || seen.Shard != committedShard(1).String() {
		t.Errorf("while it was blocked: %+v", seen)
	}
}

func TestMaintainRefuses(t *testing.T) {
	in := maintained()
	in.Account = "No account"
	if _, err := maintain(t, &world{}, in, nil); err == nil {
		t.Error("an account of an impossible name was maintained")
	}
}

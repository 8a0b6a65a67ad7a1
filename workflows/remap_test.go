package workflows_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// remap runs a Remap to its end, through the runs that continue it.
func remap(t *testing.T, w *world, in workflows.RemapInput, act func(*testsuite.TestWorkflowEnvironment)) (workflows.RemapOutput, error) {
	t.Helper()
	for {
		env := workflows.NewTestEnvironment()
		env.RegisterActivityWithOptions(w.ListCommitted, activity.RegisterOptions{Name: "ListCommitted"})
		env.RegisterActivityWithOptions(w.RemapShard, activity.RegisterOptions{Name: "RemapShard"})
		if act != nil {
			act(env)
		}
		env.ExecuteWorkflow(workflows.Remap, in)
		err := env.GetWorkflowError()
		var next *workflow.ContinueAsNewError
		if errors.As(err, &next) {
			in = workflows.RemapInput{}
			if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var out workflows.RemapOutput
		if err == nil {
			err = env.GetWorkflowResult(&out)
		}
		return out, err
	}
}

// TestRemapGoesThroughEveryShardOnce also where it continues as new between them.
func TestRemapGoesThroughEveryShardOnce(t *testing.T) {
	for _, perRun := range []int{200, 2} {
		policy := *workflows.NewPolicy()
		policy.ShardsPerRun = perRun
		in := remappedYear()
		in.Policy = &policy
		w := &world{}
		out, err := remap(t, w, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := workflows.RemapOutput{
			Totals: workflows.RemapTotals{Shards: 5, Rewritten: 3, Unchanged: 1, Kept: 1, Conversations: 30, Messages: 90, Dead: 3},
			Kept:   []workflows.KeptShard{{Shard: committedShard(4), Why: "4 conversations"}},
		}
		if diff := cmp.Diff(want, out); diff != "" {
			t.Errorf("%d shards a run (-want +got):\n%s", perRun, diff)
		}
		if months := []time.Month{1, 2, 3, 4, 5}; !slices.Equal(w.remapped, months) {
			t.Errorf("%d shards a run: remapped %v, want each once", perRun, w.remapped)
		}
	}
}

// TestRemapWaitsForAPerson where a mapping secret cannot be resolved.
func TestRemapWaitsForAPerson(t *testing.T) {
	w := &world{}
	w.fail = func(step string, month, _ int) error {
		if step == "RemapShard" && month == 2 && w.calls[step] == 2 {
			return kindError(providers.Denied)
		}
		return nil
	}
	var seen workflows.RemapProgress
	out, err := remap(t, w, remappedYear(), func(env *testsuite.TestWorkflowEnvironment) {
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
	if err != nil || out.Totals.Rewritten != 3 {
		t.Errorf("%+v, %v", out, err)
	}
	if seen.State != workflows.StateBlocked || seen.Blocked == nil || seen.Blocked.Kind != string(providers.Denied) || seen.Totals.Rewritten != 1 {
		t.Errorf("while it was blocked: %+v", seen)
	}
}

func TestRemapRefuses(t *testing.T) {
	in := remappedYear()
	in.To = in.From
	if _, err := remap(t, &world{}, in, nil); err == nil {
		t.Error("an empty range was remapped")
	}
}

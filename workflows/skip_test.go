package workflows_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// order sends an update after a time, and returns how it went.
func order(env *testsuite.TestWorkflowEnvironment, after time.Duration, update string) *error {
	result := new(error)
	*result = errors.New("nobody has answered")
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(update, update, &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { *result = err }, OnComplete: func(_ any, err error) { *result = err },
		})
	}, after)
	return result
}

// TestSkip: a blocked shard that a person gives up commits nothing, removes its staging and ends well. One that is not blocked is not given up.
func TestSkip(t *testing.T) {
	for step, cleaned := range map[string]int{"OpenShard": 0, "ListPage": 1, "FetchMessages": 1, "SealShard": 1, "VerifyShard": 1, "CommitShard": 1} {
		w := failing0(step, kindError(providers.Denied))
		env := environment(t, w)
		went := order(env, time.Hour, workflows.SkipUpdate)
		env.ExecuteWorkflow(workflows.Shard, may())
		var out workflows.ShardOutput
		if err := env.GetWorkflowResult(&out); err != nil || !out.Skipped || *went != nil {
			t.Errorf("%s: %+v, error %v, the update %v", step, out, err, *went)
		}
		if w.calls["Cleanup"] != cleaned || w.committed.Draft.Key != "" || w.inFlight != 0 {
			t.Errorf("%s: calls %v, %d in flight", step, w.calls, w.inFlight)
		}
	}
	in := may()
	in.Paused = true
	env := environment(t, &world{conversations: 10, pageSize: 5})
	went := order(env, time.Hour, workflows.SkipUpdate)
	resumed := order(env, 2*time.Hour, workflows.ResumeUpdate)
	env.ExecuteWorkflow(workflows.Shard, in)
	var out workflows.ShardOutput
	if err := env.GetWorkflowResult(&out); err != nil || out.Skipped || out.Commit.Outcome != "committed" || *resumed != nil {
		t.Errorf("a paused shard: %+v, error %v, resumed %v", out, err, *resumed)
	}
	var refused *temporal.ApplicationError
	if !errors.As(*went, &refused) || refused.Type() != workflows.NotBlocked {
		t.Errorf("skipping a shard that is not blocked: %v", *went)
	}
}

// failing0 is a world in which every call of a step fails.
func failing0(step string, err error) *world {
	w := &world{conversations: 10, pageSize: 5}
	w.fail = func(s string, _, _ int) error {
		if s == step {
			return err
		}
		return nil
	}
	return w
}

// TestRunWithASkippedShardIsNotComplete: an export and a sync do the others, and name the one that was given up.
func TestRunWithASkippedShardIsNotComplete(t *testing.T) {
	skipped := "shard/acme/created/20250201T000000Z~20250301T000000Z"
	shard := func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		if workflows.ShardID(in.Shard) == skipped {
			return workflows.ShardOutput{Skipped: true, Usage: activities.Usage{Requests: 5}}, nil
		}
		return committed(1), nil
	}
	env := exporting(t, activities.OpenExportOutput{Shards: 1}, shard)
	in := year()
	in.To = in.From.AddDate(0, 3, 0)
	env.ExecuteWorkflow(workflows.Export, in)
	var out workflows.ExportOutput
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	if out.Complete || out.Totals.Shards != 2 || out.Totals.Skipped != 1 || out.Totals.Requests < 5 || !slices.Equal(out.Skipped, []string{skipped}) {
		t.Errorf("%+v", out)
	}
	skipped = workflows.ShardID(syncPlan()[1].Shard)
	env = exporting(t, activities.OpenExportOutput{Shards: 1, Plan: syncPlan()}, shard)
	env.RegisterWorkflow(workflows.Sync)
	env.ExecuteWorkflow(workflows.Sync, workflows.SyncInput{Account: "acme", Policy: workflows.NewPolicy()})
	var synced workflows.SyncOutput
	if err := env.GetWorkflowResult(&synced); err != nil {
		t.Fatal(err)
	}
	if synced.Complete || synced.Totals.Skipped != 1 || !slices.Equal(synced.Skipped, []string{skipped}) {
		t.Errorf("%+v, want %s skipped", synced, skipped)
	}
}

// TestSettleStartsAMaintenance only if it has committed something.
func TestSettleStartsAMaintenance(t *testing.T) {
	for name, test := range map[string]struct {
		run   any
		out   workflows.ShardOutput
		older bool
		want  int
	}{
		"a settle":                       {run: workflows.Settle, out: committed(1), want: 1},
		"a settle of what was there":     {run: workflows.Settle, out: workflows.ShardOutput{Commit: activities.Commit{Outcome: "adopted"}}},
		"a settle without results":       {run: workflows.Settle, out: workflows.ShardOutput{Skipped: true}},
		"a sync":                         {run: workflows.Sync, out: committed(1)},
		"a settle of an older behaviour": {run: workflows.Settle, out: committed(1), older: true},
	} {
		env := exporting(t, activities.OpenExportOutput{Shards: 1, Plan: syncPlan()[1:]}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
			return test.out, nil
		})
		w := &world{}
		env.OnActivity((*activities.Activities)(nil).StartMaintain, mock.Anything, mock.Anything).Return(w.StartMaintain).Maybe()
		env.RegisterWorkflow(test.run)
		in := workflows.SyncInput{Account: "acme", Policy: workflows.NewPolicy()}
		if test.older {
			in.Policy.Behaviour = 1
		}
		env.ExecuteWorkflow(test.run, in)
		if err := env.GetWorkflowError(); err != nil || w.calls["StartMaintain"] != test.want {
			t.Errorf("%s: started %d, want %d, error %v", name, w.calls["StartMaintain"], test.want, err)
		}
	}
}

// TestStateIsToldOnceForEachChange: while a step fails again and again, the attribute says waiting, and no event is spent on each try.
func TestStateIsToldOnceForEachChange(t *testing.T) {
	for name, want := range map[string][]string{
		"sync-tells-waits":          {"state waiting", "state running", "state complete"},
		"sync-tells":                {"state blocked", "state running", "state complete"},
		"sync-tells-skipped":        {"state blocked", "state incomplete"},
		"export-tells-continues":    nil,
		"export-tells-continues-on": {"state complete"},
		"sync":                      nil, // it began without attributes
	} {
		var got []string
		for _, word := range trace(corpus(t, inDevelopment)[name]) {
			if strings.HasPrefix(word, "state ") {
				got = append(got, word)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

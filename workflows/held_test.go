package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// elsewhere replaces the shards that the export under test did not start.
type elsewhere struct {
	// The test environment calls from its own goroutines.
	reports, retried, cancelled atomic.Int64 // reports are those that the export asked for
}

// report is what a shard signals to an export.
type report struct {
	Shard   string                  `json:"shard"`
	Parent  string                  `json:"parent,omitempty"`
	State   workflows.State         `json:"state,omitempty"`
	Blocked *workflows.BlockedShard `json:"blocked,omitempty"`
	Ended   bool                    `json:"-"`
	Output  *workflows.ShardOutput  `json:"output,omitempty"`
}

// send signals an export.
func (r report) send(env *testsuite.TestWorkflowEnvironment) {
	switch {
	case r.Ended:
		env.SignalWorkflow("ended", r)
	case r.Blocked != nil:
		r.State = workflows.StateBlocked
		env.SignalWorkflow("state", r)
	default:
		r.State = workflows.StateRunning
		env.SignalWorkflow("state", r)
	}
}

// attach handles the signals that the export sends to shards elsewhere. Answer and retry, if set, are what such a shard reports
// when it is asked, or tried again.
func (o *elsewhere) attach(env *testsuite.TestWorkflowEnvironment, answer func(shard string) report, retry func(shard string) report) {
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
		func(_, shard, _, signal string, in any) error {
			switch signal {
			case "report":
				if o.reports.Add(1); answer != nil {
					answer(shard).send(env)
				}
			case "retry_blocked":
				if o.retried.Add(1); retry != nil {
					retry(shard).send(env)
				}
			}
			return nil
		}).Maybe()
	env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, mock.Anything).Return(func(string, string, string) error {
		o.cancelled.Add(1)
		return nil
	}).Maybe()
}

func exportProgress(t *testing.T, env *testsuite.TestWorkflowEnvironment) (p workflows.ExportProgress) {
	t.Helper()
	value, err := env.QueryWorkflow(workflows.ProgressQuery)
	if err == nil {
		err = value.Get(&p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// blocks is a shard that waits for a person for as long as the test lasts.
func blocks(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
	says(ctx, in, false, &workflows.BlockedShard{Shard: workflows.ShardID(in.Shard), Kind: "Denied", Detail: "status 401"})
	return workflows.ShardOutput{}, workflow.Sleep(ctx, 10*365*24*time.Hour)
}

// days250 is an export of 250 days: it takes two runs.
func days250() workflows.ExportInput {
	in := year()
	in.Window, in.To = "day", in.From.AddDate(0, 0, 250)
	return in
}

// left runs an export with a blocked shard until it continues as new, and returns the input of the next run.
func left(t *testing.T) workflows.ExportInput {
	t.Helper()
	env := sharing(activities.OpenExportOutput{Shards: 4}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		if in.Shard.Window.From.Equal(year().From) {
			return blocks(ctx, in)
		}
		return committed(1), nil
	})
	env.ExecuteWorkflow(workflows.Export, days250())
	return continuesWith(t, env)
}

func continuesWith(t *testing.T, env *testsuite.TestWorkflowEnvironment) (in workflows.ExportInput) {
	t.Helper()
	var next *workflow.ContinueAsNewError
	if !errors.As(env.GetWorkflowError(), &next) {
		t.Fatalf("the export ended with %v, want continue-as-new", env.GetWorkflowError())
	}
	if err := convert(next, &in); err != nil {
		t.Fatal(err)
	}
	return in
}

// TestBlockedShardSurvivesContinueAsNew: the second run shows the shard that the first one left, frees it, and counts what it did.
func TestBlockedShardSurvivesContinueAsNew(t *testing.T) {
	in := left(t)
	if held := in.State.Held; len(held) != 1 || held[0].Blocked == nil || held[0].Blocked.Detail != "status 401" || !held[0].Own {
		t.Fatalf("the export carries %+v, want its blocked shard", held)
	}
	env := sharing(activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
		return committed(1), nil
	})
	var o elsewhere
	o.attach(env, nil, func(shard string) report {
		out := committed(5)
		return report{Shard: shard, Ended: true, Output: &out}
	})
	env.RegisterDelayedCallback(func() {
		p := exportProgress(t, env)
		if p.State != workflows.StateBlocked || len(p.Blocked) != 1 || p.Blocked[0].Detail != "status 401" || p.Done != 249 {
			t.Errorf("the second run shows %+v, want 249 windows done and one blocked", p)
		}
		update(t, env, workflows.RetryBlockedUpdate)
	}, 90*time.Minute)
	out := runExport(t, env, in)
	if out.Totals.Shards != 250 || out.Totals.Conversations != 249+5 || !out.Complete || o.retried.Load() != 1 {
		t.Errorf("%+v after %d orders to the shard, want 250 shards after one", out, o.retried.Load())
	}
}

// TestWaitingExportKeepsItsHistoryShort: an export that waits a month for a person looks at its shards rarely, and continues as
// new.
func TestWaitingExportKeepsItsHistoryShort(t *testing.T) {
	env := sharing(activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
		return committed(1), nil
	})
	var o elsewhere
	o.attach(env, nil, nil)
	timers := 0
	env.SetOnTimerScheduledListener(func(string, time.Duration) { timers++ })
	env.RegisterDelayedCallback(func() {
		if p := exportProgress(t, env); len(p.Blocked) != 1 {
			t.Errorf("after a month the export shows %+v, want a blocked shard", p)
		}
		env.SetContinueAsNewSuggested(true)
	}, 30*24*time.Hour)
	env.ExecuteWorkflow(workflows.Export, left(t))
	if most := 31 * 24; timers > most || o.reports.Load() > int64(most) {
		t.Errorf("a month took %d timers and %d requests, want %d at most", timers, o.reports.Load(), most)
	}
	if held := continuesWith(t, env).State.Held; len(held) != 1 || held[0].Blocked == nil || !held[0].Asked {
		t.Errorf("the export carries %+v, want the blocked shard, which was asked for reports", held)
	}
}

// TestExportOfBlockedShardsContinuesAsNew: blocked children do not keep this run open.
func TestExportOfBlockedShardsContinuesAsNew(t *testing.T) {
	env := sharing(activities.OpenExportOutput{}, blocks)
	env.RegisterDelayedCallback(func() {
		env.SetContinueAsNewSuggested(true)
		update(t, env, workflows.RetryBlockedUpdate)
	}, time.Hour)
	in := year()
	in.To = in.From.AddDate(0, 1, 0)
	env.ExecuteWorkflow(workflows.Export, in)
	if held := continuesWith(t, env).State.Held; len(held) != 1 || !held[0].Own {
		t.Errorf("the export carries %+v, want its blocked shard", held)
	}
}

// TestExportStartsNoMoreWhenManyAreBlocked: a wrong token would block every window of a long range, one after the other.
func TestExportStartsNoMoreWhenManyAreBlocked(t *testing.T) {
	starts := 0
	env := sharing(activities.OpenExportOutput{Shards: 4}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		if starts++; ctx.Err() == nil {
			return blocks(ctx, in)
		}
		return workflows.ShardOutput{}, ctx.Err()
	})
	env.RegisterDelayedCallback(func() {
		if p := exportProgress(t, env); p.State != workflows.StateBlocked || len(p.Blocked) != starts || starts < 100 || starts > 104 {
			t.Errorf("%d shards were started and %d are blocked, state %s; want about 100, blocked", starts, len(p.Blocked), p.State)
		}
		env.CancelWorkflow()
	}, time.Hour)
	env.ExecuteWorkflow(workflows.Export, days250())
}

// TestCancelReachesTheShardsOfEarlierRuns: cancelling an export cancels the shards it started, not those of other exports.
func TestCancelReachesTheShardsOfEarlierRuns(t *testing.T) {
	for name, parent := range map[string]string{"own": "", "another's": "export/acme/other"} {
		in := left(t)
		in.State.Held[0].Own = parent == ""
		env := sharing(activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
			return committed(1), nil
		})
		var o elsewhere
		o.attach(env, func(shard string) report {
			return report{Shard: shard, Parent: parent, Blocked: &workflows.BlockedShard{Shard: shard, Kind: "Denied"}}
		}, nil)
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
		env.ExecuteWorkflow(workflows.Export, in)
		if want := map[string]int64{"own": 1, "another's": 0}[name]; o.cancelled.Load() != want || env.GetWorkflowError() == nil {
			t.Errorf("%s: %d shards were cancelled, want %d", name, o.cancelled.Load(), want)
		}
	}
}

// TestSecondExportShowsAndFreesTheBlockedShardOfTheFirst runs a real shard that another export started and a real export that meets
// it.
func TestSecondExportShowsAndFreesTheBlockedShardOfTheFirst(t *testing.T) {
	w := &world{conversations: 10, pageSize: 5}
	w.fail = func(step string, _, _ int) error {
		if step == "ListPage" && w.calls[step] == 1 {
			return kindError(providers.Denied)
		}
		return nil
	}
	env := environment(t, w)
	var a *activities.Activities
	env.OnActivity(a.OpenExport, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.OpenExportInput) (activities.OpenExportOutput, error) {
			return activities.OpenExportOutput{Provider: "chatwoot", Spec: "spec", Shards: 1, ChunksInFlight: 2, Costs: providers.Costs{MessageRequests: 1}}, nil
		})
	env.OnActivity(a.CloseExport, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.CloseExportInput) (activities.CloseExportOutput, error) {
			return activities.CloseExportOutput{}, nil
		})
	in := year()
	in.To = in.From.AddDate(0, 1, 0)
	shard := may()
	shard.Shard.Window.From, shard.Shard.Window.To = in.From, in.To
	id := workflows.ExportID(in.Account, in.Name)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context) (out workflows.ExportOutput, err error) {
		first := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: workflows.ShardID(shard.Shard)}), workflows.Shard, shard)
		_ = workflow.Sleep(ctx, time.Hour) // until it is blocked
		second := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id}), workflows.Export, in)
		_ = first.Get(ctx, nil)
		return out, second.Get(ctx, &out)
	}, workflow.RegisterOptions{Name: "Both"})
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflowByID(id, workflows.ProgressQuery)
		if err != nil {
			t.Fatal(err)
		}
		var p workflows.ExportProgress
		if err := value.Get(&p); err != nil || p.State != workflows.StateBlocked || len(p.Blocked) != 1 || p.Blocked[0].Kind != "Denied" {
			t.Errorf("the second export shows %+v (%v), want the shard blocked", p, err)
		}
		if err := env.UpdateWorkflowByID(id, workflows.RetryBlockedUpdate, "retry", &testsuite.TestUpdateCallback{
			OnReject: func(err error) { t.Error(err) }, OnAccept: func() {}, OnComplete: func(any, error) {},
		}); err != nil {
			t.Error(err)
		}
	}, 25*time.Hour)
	began := env.Now()
	env.ExecuteWorkflow("Both")
	var out workflows.ExportOutput
	if err := errors.Join(env.GetWorkflowError(), env.GetWorkflowResult(&out)); err != nil || out.Totals.Shards+out.Totals.Adopted != 1 {
		t.Errorf("%+v: %v; want one window", out, err)
	}
	if took := env.Now().Sub(began); took > 25*time.Hour+time.Minute {
		t.Errorf("the second export heard of the end only after %s", took)
	}
}

// TestShardKeepsWhoAskedThroughContinueAsNew: an export that asked once gets reports for as long as the shard is open.
func TestShardKeepsWhoAskedThroughContinueAsNew(t *testing.T) {
	env := environment(t, &world{conversations: 900, pageSize: 50})
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil).Maybe()
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow("report", map[string]string{"export": "export/acme/other"})
		env.SetContinueAsNewSuggested(true)
	}, 0)
	env.ExecuteWorkflow(workflows.Shard, may())
	var next *workflow.ContinueAsNewError
	var in workflows.ShardInput
	if err := env.GetWorkflowError(); !errors.As(err, &next) || convert(next, &in) != nil {
		t.Fatalf("the shard ended with %v, want continue-as-new", err)
	}
	if got := fmt.Sprint(in.State.Waiters); got != "[export/acme/other]" {
		t.Errorf("the next run tells %s, want export/acme/other", got)
	}
}

// TestShardThatIsStartedAgainHasAShare: a shard whose share is not known yet must not start without a limit.
func TestShardThatIsStartedAgainHasAShare(t *testing.T) {
	for _, own := range []bool{true, false} {
		var rates []float64
		env := sharing(activities.OpenExportOutput{RequestsPerSecond: 10}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
			rates = append(rates, in.RequestsPerSecond)
			return committed(1), nil
		})
		var o elsewhere
		o.attach(env, nil, nil)
		in := left(t)
		in.State.RequestsPerSecond, in.State.AccountRequestsPerSecond, in.State.Held[0].Own = 10, 10, own
		env.RegisterDelayedCallback(func() {
			report{Shard: in.State.Held[0].Blocked.Shard, Ended: true}.send(env) // it was cancelled
		}, time.Hour)
		runExport(t, env, in)
		if len(rates) == 0 {
			t.Fatal("nothing was started")
		}
		for _, rate := range rates {
			if rate <= 0 {
				t.Errorf("own %t: the shards have %v requests a second, want all of them limited", own, rates)
			}
		}
	}
}

// TestShardThatIsGoneIsStartedAgainWithFetches: one that an earlier run began is found to be gone, and begins with its number of fetches.
func TestShardThatIsGoneIsStartedAgainWithFetches(t *testing.T) {
	var fetches []int
	env := sharing(activities.OpenExportOutput{}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		fetches = append(fetches, in.ChunksInFlight)
		return committed(1), nil
	})
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(errors.New("not found"))
	in := left(t)
	runExport(t, env, in)
	if slices.Contains(fetches, 0) {
		t.Errorf("the shards have %v fetches in flight, want at least one each", fetches)
	}
}

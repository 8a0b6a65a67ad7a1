package workflows_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// says sends the state of a shard to its export. The shard knows the lease that it was started with.
func says(ctx workflow.Context, in workflows.ShardInput, idle bool, blocked *workflows.BlockedShard) {
	saysKeeping(ctx, in, idle, blocked, 0)
}

// saysKeeping is says; leased is what the activities of a blocked shard still have.
func saysKeeping(ctx workflow.Context, in workflows.ShardInput, idle bool, blocked *workflows.BlockedShard, leased float64) {
	news := map[string]any{"shard": workflows.ShardID(in.Shard), "state": workflows.StateRunning}
	switch {
	case blocked != nil:
		news["state"], news["blocked"], news["keeps"] = workflows.StateBlocked, blocked, leased
	case idle:
		news["state"], news["keeps"] = workflows.StateIdle, 0.02*in.RequestsPerSecond
	default:
		news["keeps"] = in.RequestsPerSecond
	}
	parent := workflow.GetInfo(ctx).ParentWorkflowExecution.ID
	_ = workflow.SignalExternalWorkflow(ctx, parent, "", "state", news).Get(ctx, nil)
}

// told is the rate of the last lease that the export has sent to a shard.
func told(ctx workflow.Context, rate float64) float64 {
	signals := workflow.GetSignalChannel(ctx, "lease")
	for {
		var in providers.Lease
		if !signals.ReceiveAsync(&in) {
			return rate
		}
		rate = in.RequestsPerSecond
	}
}

// sharing is an environment in which shards are the given function, and can be told things.
func sharing(open activities.OpenExportOutput, shard func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error)) *testsuite.TestWorkflowEnvironment {
	env := workflows.NewTestEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetStartTime(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	env.RegisterWorkflow(workflows.Export)
	env.RegisterWorkflowWithOptions(shard, workflow.RegisterOptions{Name: "Shard"})
	open.Provider, open.Spec = "chatwoot", "spec"
	env.RegisterActivityWithOptions(func(context.Context, activities.OpenExportInput) (activities.OpenExportOutput, error) {
		return open, nil
	}, activity.RegisterOptions{Name: "OpenExport"})
	env.RegisterActivityWithOptions(func(context.Context, activities.CloseExportInput) (activities.CloseExportOutput, error) {
		return activities.CloseExportOutput{}, nil
	}, activity.RegisterOptions{Name: "CloseExport"})
	return env
}

// A shard that is being sealed sends no requests: the others get its share, and another shard starts.
func TestExportGivesTheShareOfAnIdleShardToOthers(t *testing.T) {
	open := activities.OpenExportOutput{Shards: 2, RequestsPerSecond: 100}
	rates := map[time.Month]float64{}
	env := sharing(open, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		month := in.Shard.Window.From.Month()
		if month == time.January {
			says(ctx, in, true, nil)
		}
		err := workflow.Sleep(ctx, time.Hour)
		rates[month] = told(ctx, in.RequestsPerSecond)
		return committed(1), err
	})
	in := year()
	in.To = in.From.AddDate(0, 3, 0)
	runExport(t, env, in)
	// January seals and keeps 1 without being told, February and March fetch with the rest.
	if rates[time.January] != 50 || rates[time.February] != 50 || rates[time.March] != 49 {
		t.Errorf("the shares are %v", rates)
	}
}

// A shard that has given out all of its work keeps what it has leased. The others get the rest, and another shard starts.
func TestExportGivesAwayWhatAnEndingShardDoesNotNeed(t *testing.T) {
	rates := map[time.Month]float64{}
	env := sharing(activities.OpenExportOutput{Shards: 2, RequestsPerSecond: 100}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		month := in.Shard.Window.From.Month()
		if month == time.January {
			news := map[string]any{"shard": workflows.ShardID(in.Shard), "state": workflows.StateRunning, "leased": 10, "keeps": 10}
			parent := workflow.GetInfo(ctx).ParentWorkflowExecution.ID
			_ = workflow.SignalExternalWorkflow(ctx, parent, "", "state", news).Get(ctx, nil)
		}
		err := workflow.Sleep(ctx, time.Hour)
		rates[month] = told(ctx, in.RequestsPerSecond)
		return committed(1), err
	})
	in := year()
	in.To = in.From.AddDate(0, 3, 0)
	runExport(t, env, in)
	// January has 10 of what it was told, and nobody is told less: February's activities would keep their leases all the same.
	if rates[time.January] != 50 || rates[time.February] != 50 || rates[time.March] != 40 {
		t.Errorf("the shares are %v", rates)
	}
}

// A directory is listed one request at a time: without a budget two windows begin beside it, with one it has its part.
func TestExportBeginsWindowsBesideADirectory(t *testing.T) {
	for name, tt := range map[string]struct {
		rate float64
		want int
	}{"without a budget": {0, 3}, "with one": {100, 2}} {
		t.Run(name, func(t *testing.T) {
			open := activities.OpenExportOutput{Shards: 2, RequestsPerSecond: tt.rate, HasDirectory: true}
			atWork, most := 0, 0
			env := sharing(open, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
				atWork++
				most = max(most, atWork)
				err := workflow.Sleep(ctx, time.Hour)
				atWork--
				return committed(1), err
			})
			in := year()
			in.To = in.From.AddDate(0, 4, 0)
			if runExport(t, env, in); most != tt.want {
				t.Errorf("%d shards were at work at once, want %d", most, tt.want)
			}
		})
	}
}

// The last window takes over the slots of finished ones. With a budget, rates are split instead, and the number stays.
func TestExportWidensTheLastWindow(t *testing.T) {
	for name, tt := range map[string]struct {
		rate       float64
		begun, now int
	}{"without a budget": {0, 3, 6}, "with one": {100, 3, 0}} {
		t.Run(name, func(t *testing.T) {
			open := activities.OpenExportOutput{Shards: 2, ChunksInFlight: 3, RequestsPerSecond: tt.rate}
			env := sharing(open, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
				long := in.Shard.Window.From.Month() == time.March
				hours := time.Duration(1)
				if long {
					hours = 3
				}
				if err := workflow.Sleep(ctx, hours*time.Hour); err != nil || !long {
					return committed(1), err
				}
				var last struct {
					ChunksInFlight int `json:"chunks"`
				}
				for workflow.GetSignalChannel(ctx, "chunks").ReceiveAsync(&last) {
				}
				if in.ChunksInFlight != tt.begun || last.ChunksInFlight != tt.now {
					t.Errorf("the last window began with %d fetches and was told %d, want %d and %d", in.ChunksInFlight, last.ChunksInFlight, tt.begun, tt.now)
				}
				return committed(1), nil
			})
			in := year()
			in.To = in.From.AddDate(0, 4, 0)
			runExport(t, env, in)
		})
	}
}

// An account that is stopped is stopped for all windows: no other window starts.
func TestExportOfAStoppedAccountBeginsNothingMore(t *testing.T) {
	begun, freed := 0, false
	env := sharing(activities.OpenExportOutput{Shards: 1}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		if begun++; begun == 1 {
			says(ctx, in, false, &workflows.BlockedShard{Shard: workflows.ShardID(in.Shard), Kind: string(providers.Stopped), Detail: "stopped"})
			if err := workflow.Sleep(ctx, 24*time.Hour); err != nil {
				return workflows.ShardOutput{}, err
			}
			if freed = true; begun != 1 {
				t.Errorf("%d shards were begun of an account that is stopped", begun)
			}
			says(ctx, in, false, nil)
		}
		return committed(1), workflow.Sleep(ctx, time.Hour)
	})
	if out := runExport(t, env, year()); !freed || begun != 12 || out.Totals.Shards != 12 {
		t.Errorf("%d shards were begun, %+v", begun, out.Totals)
	}
}

// budgetOf records what an export tells the budget of its account.
func budgetOf(env *testsuite.TestWorkflowEnvironment, answer error) *[]string {
	var mu sync.Mutex
	var told []string
	env.OnSignalExternalWorkflow(mock.Anything, workflows.BudgetID("acme"), mock.Anything, mock.Anything, mock.Anything).Return(
		func(_, _, _, signal string, _ any) error {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, signal)
			return answer
		})
	return &told
}

func TestExportUsesItsPartOfTheBudget(t *testing.T) {
	for name, answer := range map[string]error{"": nil, "a budget that is gone": errors.New("not found")} {
		t.Run(name, func(t *testing.T) {
			open := activities.OpenExportOutput{Shards: 1, RequestsPerSecond: 10, Grant: &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 4, AccountRequestsPerSecond: 10}, After: time.Minute}}
			var rates []float64
			env := sharing(open, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
				if in.AccountRequestsPerSecond != 10 && in.AccountRequestsPerSecond != 20 {
					t.Errorf("the account's budget is said to be %g", in.AccountRequestsPerSecond)
				}
				err := workflow.Sleep(ctx, time.Hour)
				rates = append(rates, told(ctx, in.RequestsPerSecond))
				return committed(1), err
			})
			signals := budgetOf(env, answer)
			env.RegisterDelayedCallback(func() {
				var p workflows.ExportProgress
				value, err := env.QueryWorkflow(workflows.ProgressQuery)
				if err == nil {
					err = value.Get(&p)
				}
				if err != nil || p.State != workflows.StateWaiting || p.WaitingUntil == nil {
					t.Errorf("while it waits for others the progress is %+v, %v", p, err)
				}
			}, 30*time.Second)
			env.RegisterDelayedCallback(func() {
				env.SignalWorkflow("lease", providers.Lease{RequestsPerSecond: 7, AccountRequestsPerSecond: 10})
			}, 30*time.Minute)
			env.RegisterDelayedCallback(func() {
				env.UpdateWorkflow(workflows.SetRateUpdate, "", &testsuite.TestUpdateCallback{
					OnReject: func(err error) { t.Error(err) }, OnAccept: func() {}, OnComplete: func(any, error) {},
				}, workflows.SetRateInput{RequestsPerSecond: 20})
			}, 90*time.Minute)
			in := year()
			in.To = in.From.AddDate(0, 2, 0)
			runExport(t, env, in)
			if len(rates) != 2 || rates[0] != 7 || rates[1] != 14 {
				t.Errorf("the shards had %v requests a second at their ends, want 7 and 14", rates)
			}
			if len(*signals) != 2 || (*signals)[0] != "set_rate" || (*signals)[1] != "leave" {
				t.Errorf("the budget was told %v", *signals)
			}
		})
	}
}

// An export that waits for a person leaves its share to others.
func TestExportLeavesTheBudgetWhileItIsBlocked(t *testing.T) {
	open := activities.OpenExportOutput{Shards: 1, RequestsPerSecond: 10, Grant: &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 10, AccountRequestsPerSecond: 10}}}
	env := sharing(open, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		says(ctx, in, false, &workflows.BlockedShard{Shard: workflows.ShardID(in.Shard), Kind: string(providers.Denied), Detail: "denied"})
		err := workflow.Sleep(ctx, time.Hour)
		says(ctx, in, false, nil)
		return committed(1), errors.Join(err, workflow.Sleep(ctx, time.Hour))
	})
	signals := budgetOf(env, nil)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow("lease", providers.Lease{RequestsPerSecond: 5, AccountRequestsPerSecond: 10})
	}, 30*time.Minute)
	in := year()
	in.To = in.From.AddDate(0, 1, 0)
	runExport(t, env, in)
	// The lease shows that the budget has missed the first leave.
	if got := *signals; !slices.Equal(got, []string{"leave", "leave", "join", "leave"}) {
		t.Errorf("the budget was told %v", got)
	}
}

// TestExportLeavesTheBudgetOnceNothingIsLeased: others must not get the share of a blocked window while activities of it still use it.
func TestExportLeavesTheBudgetOnceNothingIsLeased(t *testing.T) {
	open := activities.OpenExportOutput{Shards: 1, RequestsPerSecond: 10, Grant: &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 10, AccountRequestsPerSecond: 10}}}
	env := sharing(open, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		denied := &workflows.BlockedShard{Shard: workflows.ShardID(in.Shard), Kind: string(providers.Denied), Detail: "denied"}
		saysKeeping(ctx, in, false, denied, 4)
		err := workflow.Sleep(ctx, 10*time.Minute)
		saysKeeping(ctx, in, false, denied, 0)
		return committed(1), errors.Join(err, workflow.Sleep(ctx, time.Hour))
	})
	var told atomic.Int64
	env.OnSignalExternalWorkflow(mock.Anything, workflows.BudgetID("acme"), mock.Anything, mock.Anything, mock.Anything).Return(
		func(_, _, _, signal string, _ any) error {
			told.Add(1)
			return nil
		})
	for at, want := range map[time.Duration]int64{5 * time.Minute: 0, 15 * time.Minute: 1} {
		env.RegisterDelayedCallback(func() {
			if got := told.Load(); got != want {
				t.Errorf("after %s the budget was told %d times, want %d", at, got, want)
			}
		}, at)
	}
	in := year()
	in.To = in.From.AddDate(0, 1, 0)
	runExport(t, env, in)
}

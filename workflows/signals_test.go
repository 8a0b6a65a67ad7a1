package workflows_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// signal is what one workflow tells another.
type signal struct {
	name string
	in   any
}

// policies are those of the runs that may meet while an upgrade is under way.
var policies = map[string]*workflows.Policy{"0.1.0": nil, "next": workflows.NewPolicy()}

// TestShardsTakeTheSignalsOfBothReleases: each signal does the same as a part of the one signal of release 0.1.0.
func TestShardsTakeTheSignalsOfBothReleases(t *testing.T) {
	no := false
	for release, policy := range policies {
		for name, signals := range map[string][]signal{
			"0.1.0": {
				{"control", map[string]any{"requests_per_second": 5, "account_requests_per_second": 7}},
				{"control", map[string]any{"chunks": 1}},
				{"control", map[string]any{"paused": no}},
			},
			"next": {
				{"lease", providers.Lease{RequestsPerSecond: 5, AccountRequestsPerSecond: 7}},
				{"chunks", map[string]any{"chunks": 1}},
				{"pause", map[string]any{"paused": no}},
			},
		} {
			w := &world{conversations: 5, pageSize: 5}
			env := environment(t, w)
			in := may()
			in.Policy, in.Paused, in.RequestsPerSecond, in.ChunksInFlight = policy, true, 10, 2
			env.RegisterDelayedCallback(func() {
				for _, s := range signals {
					env.SignalWorkflow(s.name, s.in)
				}
			}, time.Minute)
			runShard(t, env, in)
			for _, f := range w.fetches {
				if f.Lease.RequestsPerSecond > 5 || f.Lease.AccountRequestsPerSecond != 7 {
					t.Errorf("a run of %s that gets signals of %s leases %+v, want at most 5 of 7", release, name, f.Lease)
				}
			}
		}
	}
}

// TestShardsAreFreedByTheSignalsOfBothReleases blocks a shard and frees it by a signal.
func TestShardsAreFreedByTheSignalsOfBothReleases(t *testing.T) {
	for release, policy := range policies {
		for _, s := range []signal{{"control", map[string]any{"retry_blocked": true}}, {"retry_blocked", map[string]any{}}} {
			w := &world{conversations: 5, pageSize: 5}
			w.fail = func(step string, _, _ int) error {
				if step == "ListPage" && w.calls[step] == 1 {
					return kindError(providers.Denied)
				}
				return nil
			}
			env := environment(t, w)
			in := may()
			in.Policy = policy
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(s.name, s.in) }, time.Hour)
			if out := runShard(t, env, in); out.Commit.Outcome != "committed" {
				t.Errorf("a run of %s that gets %s ends with %+v", release, s.name, out)
			}
		}
	}
}

// TestExportsTakeTheSignalsOfBothReleases: a blocked shard shows, and so does a new lease.
func TestExportsTakeTheSignalsOfBothReleases(t *testing.T) {
	blocked := func(in workflows.ShardInput) *workflows.BlockedShard {
		return &workflows.BlockedShard{Shard: workflows.ShardID(in.Shard), Kind: "Denied", Detail: "status 401"}
	}
	for release, policy := range policies {
		for name, signals := range map[string]struct {
			lease signal
			state func(in workflows.ShardInput, blocked *workflows.BlockedShard) signal
		}{
			"0.1.0": {signal{"share", activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 7, AccountRequestsPerSecond: 9}}},
				func(in workflows.ShardInput, blocked *workflows.BlockedShard) signal {
					return signal{"blocked", map[string]any{"shard": workflows.ShardID(in.Shard), "blocked": blocked, "idle": blocked == nil}}
				}},
			"next": {signal{"lease", providers.Lease{RequestsPerSecond: 7, AccountRequestsPerSecond: 9}},
				func(in workflows.ShardInput, blocked *workflows.BlockedShard) signal {
					if blocked == nil {
						return signal{"state", map[string]any{"shard": workflows.ShardID(in.Shard), "state": "idle"}}
					}
					return signal{"state", map[string]any{"shard": workflows.ShardID(in.Shard), "state": "blocked", "blocked": blocked}}
				}},
		} {
			begun := 0
			env := sharing(activities.OpenExportOutput{Shards: 1, RequestsPerSecond: 10}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
				say := func(blocked *workflows.BlockedShard) {
					s := signals.state(in, blocked)
					_ = workflow.SignalExternalWorkflow(ctx, workflow.GetInfo(ctx).ParentWorkflowExecution.ID, "", s.name, s.in).Get(ctx, nil)
				}
				if begun++; begun == 1 {
					say(blocked(in))
					_ = workflow.Sleep(ctx, 2*time.Hour)
					say(nil)
				}
				return committed(1), workflow.Sleep(ctx, time.Hour)
			})
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(signals.lease.name, signals.lease.in) }, time.Minute)
			env.RegisterDelayedCallback(func() {
				p := exportProgress(t, env)
				if len(p.Blocked) != 1 || p.Lease != (providers.Lease{RequestsPerSecond: 7, AccountRequestsPerSecond: 9}) {
					t.Errorf("a run of %s that gets signals of %s shows %+v, want a blocked shard and 7 of 9 requests a second", release, name, p)
				}
			}, 30*time.Minute)
			in := year()
			in.Policy = policy
			if out := runExport(t, env, in); out.Totals.Shards != 12 {
				t.Errorf("a run of %s that gets signals of %s ends with %+v", release, name, out.Totals)
			}
		}
	}
}

// TestBudgetsTakeTheSignalsOfBothReleases sets the rate of an account that one export uses.
func TestBudgetsTakeTheSignalsOfBothReleases(t *testing.T) {
	for release, policy := range policies {
		for _, name := range []string{"budget", "set_rate"} {
			env := workflows.NewTestEnvironment()
			var mu sync.Mutex
			var told []string
			env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
				func(_, _, _, signal string, _ any) error {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, signal)
					return nil
				})
			env.RegisterDelayedCallback(func() { env.SignalWorkflow("join", workflows.BudgetUser{Workflow: "export/acme/x"}) }, time.Minute)
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(name, workflows.SetRateInput{RequestsPerSecond: 3}) }, 2*time.Minute)
			var grant activities.BudgetGrant
			env.RegisterDelayedCallback(func() {
				env.UpdateWorkflow(workflows.JoinUpdate, "", &testsuite.TestUpdateCallback{
					OnReject: func(err error) { t.Error(err) }, OnAccept: func() {},
					OnComplete: func(out any, _ error) { grant, _ = out.(activities.BudgetGrant) },
				}, activities.BudgetRequest{Workflow: "export/acme/x", RequestsPerSecond: 10, SyncShare: 0.5})
			}, 3*time.Minute)
			env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
			env.ExecuteWorkflow(workflows.Budget, workflows.BudgetInput{Policy: policy})
			if grant.RequestsPerSecond != 3 {
				t.Errorf("a budget of %s that gets %s grants %+v, want 3 requests a second", release, name, grant)
			}
			want := map[string]string{"0.1.0": "share", "next": "lease"}[release]
			if len(told) == 0 || slices.ContainsFunc(told, func(s string) bool { return s != want }) {
				t.Errorf("a budget of %s tells %v, want %s only", release, told, want)
			}
		}
	}
}

// TestRunsSendTheSignalsOfTheirRelease: a run without a policy replays only if it sends what it sent when it began.
func TestRunsSendTheSignalsOfTheirRelease(t *testing.T) {
	for release, want := range map[string]map[string]bool{
		"0.1.0": {"control": true, "blocked": true},
		"next":  {"pause": true, "lease": true, "retry_blocked": true, "state": true},
	} {
		got := map[string]bool{}
		env := sharing(activities.OpenExportOutput{Shards: 1, RequestsPerSecond: 10}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
			err := workflow.Sleep(ctx, 2*time.Hour)
			for _, name := range []string{"control", "lease", "chunks", "pause", "retry_blocked"} {
				got[name] = got[name] || workflow.GetSignalChannel(ctx, name).ReceiveAsync(nil)
			}
			return committed(1), err
		})
		env.RegisterDelayedCallback(func() {
			update(t, env, workflows.PauseUpdate)
			update(t, env, workflows.ResumeUpdate)
			update(t, env, workflows.RetryBlockedUpdate)
			update(t, env, workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: 5})
		}, time.Hour)
		in := year()
		in.Policy, in.To = policies[release], in.From.AddDate(0, 1, 0)
		runExport(t, env, in)

		env = environment(t, &world{conversations: 5, pageSize: 5})
		env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.ShardInput) error {
			shard := workflow.ExecuteChildWorkflow(ctx, workflows.Shard, in)
			err := shard.Get(ctx, nil)
			for _, name := range []string{"blocked", "state"} {
				got[name] = got[name] || workflow.GetSignalChannel(ctx, name).ReceiveAsync(nil)
			}
			return err
		}, workflow.RegisterOptions{Name: "Parent"})
		shard := may()
		shard.Policy = policies[release]
		if env.ExecuteWorkflow("Parent", shard); env.GetWorkflowError() != nil {
			t.Fatal(env.GetWorkflowError())
		}
		for name, sent := range got {
			if sent != want[name] {
				t.Errorf("a run of %s sends %s: %t, want %t", release, name, sent, want[name])
			}
		}
	}
}

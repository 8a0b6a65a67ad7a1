package workflows

import (
	"errors"
	"maps"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// users are exports that share a budget. Each uses the last lease that it was told.
type users struct {
	mu     sync.Mutex // signals are sent beside the test's own routine
	t      *testing.T
	env    *testsuite.TestWorkflowEnvironment
	has    map[string]float64
	after  map[string]time.Duration // how long they have to wait at first
	gone   map[string]bool          // terminated: they cannot be told anything
	budget float64
	tells  int
	told   func(n int) // called when the n-th share is told
}

func newUsers(t *testing.T) *users {
	u := &users{t: t, env: NewTestEnvironment(), has: map[string]float64{}, after: map[string]time.Duration{}, gone: map[string]bool{}}
	u.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
		func(_, id, _, _ string, in any) error {
			u.mu.Lock()
			defer u.mu.Unlock()
			if u.tells++; u.told != nil {
				u.told(u.tells)
			}
			if u.gone[id] {
				return errors.New("no such workflow")
			}
			var lease providers.Lease
			switch in := in.(type) {
			case leaseInput:
				lease = in.Lease
			case shareInput:
				lease = providers.Lease(in.Lease)
			}
			if _, at := u.has[id]; at {
				u.has[id], u.budget = lease.RequestsPerSecond, lease.AccountRequestsPerSecond
			}
			return nil
		})
	return u
}

// join is what OpenExport does for an export.
func (u *users) join(id string, sync bool) {
	u.env.UpdateWorkflow(JoinUpdate, id, &testsuite.TestUpdateCallback{
		OnReject: func(err error) { u.t.Error(err) },
		OnAccept: func() {},
		OnComplete: func(out any, err error) {
			if err != nil {
				u.t.Error(err)
				return
			}
			grant := out.(activities.BudgetGrant)
			u.mu.Lock()
			defer u.mu.Unlock()
			u.has[id], u.budget, u.after[id] = grant.RequestsPerSecond, grant.AccountRequestsPerSecond, grant.After
		},
	}, activities.BudgetRequest{Workflow: id, RequestsPerSecond: 10, SyncShare: 0.4, Sync: sync})
}

func (u *users) leave(id string) {
	u.mu.Lock()
	delete(u.has, id)
	u.mu.Unlock()
	u.env.SignalWorkflow(leaveSignal, leaveInput{id})
}

// share compares what each user has now.
func (u *users) share(step string, want map[string]float64) {
	u.t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	sum := 0.0
	for _, rate := range u.has {
		sum += rate
	}
	same := maps.EqualFunc(u.has, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
	if !same || sum > u.budget+1e-9 {
		u.t.Errorf("%s: they have %v, want %v; the budget is %g", step, u.has, want, u.budget)
	}
}

// TestBudgetKeepsOneThatLeavesAndJoinsAgain: both signals arrive before the budget sees either.
func TestBudgetKeepsOneThatLeavesAndJoinsAgain(t *testing.T) {
	u := newUsers(t)
	for i, step := range []func(){
		func() { u.join("a", false) },
		func() { u.join("b", false) },
		func() {
			u.env.SignalWorkflowSkippingWorkflowTask(leaveSignal, leaveInput{"a"})
			u.env.SignalWorkflow(joinSignal, joinInput{BudgetUser{Workflow: "a"}})
		},
		func() { u.share("two", map[string]float64{"a": 5, "b": 5}) },
		u.env.CancelWorkflow,
	} {
		u.env.RegisterDelayedCallback(step, time.Duration(i+1)*time.Minute)
	}
	u.env.ExecuteWorkflow(Budget, BudgetInput{Policy: NewPolicy()})
}

func TestBudget(t *testing.T) {
	u := newUsers(t)
	steps := []func(){
		func() { u.join("a", false) },
		func() { u.share("alone", map[string]float64{"a": 10}) },
		func() { u.join("b", false) },
		func() {
			u.mu.Lock()
			defer u.mu.Unlock()
			if u.after["a"] != 0 || u.after["b"] != tuned.ChunkLength {
				t.Errorf("the first has to wait for %s, the second for %s", u.after["a"], u.after["b"])
			}
		},
		func() { u.share("two", map[string]float64{"a": 5, "b": 5}) },
		func() { u.join("b", false) }, // the activity was run twice
		func() { u.share("twice", map[string]float64{"a": 5, "b": 5}) },
		func() { u.join("s", true) },
		func() { u.share("with a sync", map[string]float64{"a": 3, "b": 3, "s": 4}) },
		func() { u.env.SignalWorkflow(setRateSignal, SetRateInput{RequestsPerSecond: 20}) },
		func() { u.share("a person has set it", map[string]float64{"a": 6, "b": 6, "s": 8}) },
		func() { u.leave("s") },
		func() { u.share("the sync has ended", map[string]float64{"a": 10, "b": 10}) },
		func() {
			u.mu.Lock()
			defer u.mu.Unlock()
			u.gone["a"] = true
			delete(u.has, "a")
		},
		func() {}, // more than ten minutes
		func() { u.share("one was terminated", map[string]float64{"b": 20}) },
		func() { u.leave("b") },
		func() { u.env.SignalWorkflow(joinSignal, BudgetUser{Workflow: "b"}) },
	}
	for i, step := range steps {
		u.env.RegisterDelayedCallback(step, time.Duration(i+1)*tuned.RollCall)
	}
	u.env.ExecuteWorkflow(Budget, BudgetInput{Policy: NewPolicy()})
	if err := u.env.GetWorkflowError(); err != nil {
		t.Error(err)
	}
}

// Without a limit, nobody has to wait.
func TestBudgetWithoutALimit(t *testing.T) {
	u := newUsers(t)
	u.env.RegisterDelayedCallback(func() {
		for _, id := range []string{"a", "b"} {
			u.env.UpdateWorkflow(JoinUpdate, id, &testsuite.TestUpdateCallback{
				OnReject: func(err error) { t.Error(err) }, OnAccept: func() {},
				OnComplete: func(out any, err error) {
					if grant, _ := out.(activities.BudgetGrant); err != nil || grant != (activities.BudgetGrant{}) {
						t.Errorf("%s: %+v, %v", id, out, err)
					}
				},
			}, activities.BudgetRequest{Workflow: id})
		}
	}, time.Second)
	for i, id := range []string{"a", "b"} {
		u.env.RegisterDelayedCallback(func() { u.leave(id) }, time.Duration(i+2)*time.Second)
	}
	u.env.ExecuteWorkflow(Budget, BudgetInput{Policy: NewPolicy()})
	if err := u.env.GetWorkflowError(); err != nil {
		t.Error(err)
	}
}

// Signals that arrive while a run sends its last leases are not lost.
func TestBudgetContinuesAsNew(t *testing.T) {
	most := tuned.SignalsPerRun
	for _, late := range []int{most - 1, most} {
		u := newUsers(t)
		u.told = func(n int) {
			if n == late {
				u.env.SignalWorkflow(joinSignal, BudgetUser{Workflow: "late"})
			}
		}
		for i := range most {
			u.env.RegisterDelayedCallback(func() {
				u.env.SignalWorkflow(setRateSignal, SetRateInput{RequestsPerSecond: float64(i + 1)})
			}, time.Duration(i+1)*time.Second)
		}
		u.has["a"], u.has["s"] = 0, 0
		u.env.ExecuteWorkflow(Budget, BudgetInput{
			RequestsPerSecond: 10, SyncShare: 0.4, Users: []BudgetUser{{"a", false}, {"s", true}}, Policy: NewPolicy(),
		})
		var next *workflow.ContinueAsNewError
		if err := u.env.GetWorkflowError(); !errors.As(err, &next) {
			t.Fatalf("ended with %v", err)
		}
		var in BudgetInput
		if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
			t.Fatal(err)
		}
		if len(in.Users) != 3 || in.Policy == nil || !in.Set || in.SyncShare != 0.4 {
			t.Errorf("it goes on with %+v", in)
		}
	}
}

// TestBudgetGivesNobodyAShareOfNothing: 0 would be no limit.
func TestBudgetGivesNobodyAShareOfNothing(t *testing.T) {
	for _, share := range []float64{0, 1} {
		b := &budget{policy: tuned, BudgetInput: BudgetInput{RequestsPerSecond: 10, SyncShare: share, Users: []BudgetUser{{"a", false}, {"s", true}}}}
		if syncs, others := b.grant(true).RequestsPerSecond, b.grant(false).RequestsPerSecond; syncs != 5 || others != 5 {
			t.Errorf("with a share of %v, syncs get %v and the others %v, want 5 each", share, syncs, others)
		}
	}
}

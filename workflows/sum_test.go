package workflows_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// longestActivity is the longest activity of TestLeasesNeverAddUpToMoreThanTheBudget, much longer than Policy.ChunkLength.
const longestActivity = 200 * time.Second

// latency is how long signals take there, so that those in opposite directions cross.
const latency = 300 * time.Millisecond

// budgeted is an account of which the sum of leases is watched: from the moment when a workflow gives an activity out, until it hears of
// the end.
type budgeted struct {
	random *rand.Rand
	open   activities.OpenExportOutput
	rates  []rate // that people have set
	leased float64
	wrong  []string
	most   float64 // of the sum, as a part of the budget
	calm   bool    // nothing fails any more
	held   int     // shards that runs of the export left to others
	grown  int     // leases of activities in flight that became larger
}

type rate struct {
	at        time.Time
	perSecond float64
}

// allowed is the budget. A smaller one counts when the activities that have begun before have ended.
func (b *budgeted) allowed(now time.Time) (most float64) {
	for i, r := range b.rates {
		if i == len(b.rates)-1 || now.Sub(b.rates[i+1].at) < longestActivity+10*latency {
			most = max(most, r.perSecond)
		}
	}
	return most
}

func (b *budgeted) begin(now time.Time, activity string, lease float64) {
	if lease <= 0 {
		b.wrong = append(b.wrong, fmt.Sprintf("%s: %s has a lease of %v", now.Format(time.TimeOnly), activity, lease))
	}
	b.lease(now, activity, lease)
}

// lease adds to the sum of leases.
func (b *budgeted) lease(now time.Time, activity string, lease float64) {
	b.leased += lease
	allowed := b.allowed(now)
	b.most = max(b.most, b.leased/allowed)
	if b.leased > allowed*(1+1e-6) {
		b.wrong = append(b.wrong, fmt.Sprintf("%s: with %s, %.3f are leased of %.3f", now.Format(time.TimeOnly), activity, b.leased, allowed))
	}
}

// chance is true once in n times, until the world is calm.
func (b *budgeted) chance(n int) bool { return !b.calm && b.random.IntN(n) == 0 }

// takes is how long an activity takes: some last much longer than a chunk should.
func (b *budgeted) takes() time.Duration {
	most := 40 * time.Second
	if b.chance(10) {
		most = longestActivity
	}
	return time.Duration(1 + b.random.IntN(int(most)))
}

// fail is an error of an activity, now and then: one that blocks its shard, or passes.
func (b *budgeted) fail() error {
	switch {
	case b.chance(40):
		return kindError(providers.Denied)
	case b.chance(40):
		return kindError(providers.Transient)
	}
	return nil
}

// watch counts the leases of activities, and lets signals take a while.
type watch struct {
	interceptor.WorkerInterceptorBase
	b *budgeted
}

func (w *watch) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &watchIn{interceptor.WorkflowInboundInterceptorBase{Next: next}, w.b}
}

type watchIn struct {
	interceptor.WorkflowInboundInterceptorBase
	b *budgeted
}

func (w *watchIn) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	for _, arg := range in.Args {
		if export, ok := arg.(workflows.ExportInput); ok && export.State != nil {
			w.b.held += len(export.State.Held)
		}
	}
	return w.Next.ExecuteWorkflow(ctx, in)
}

func (w *watchIn) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&watchOut{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, b: w.b})
}

type watchOut struct {
	interceptor.WorkflowOutboundInterceptorBase
	b      *budgeted
	leases func(number int) (float64, error) // what a shard answers to activities
}

func (w *watchOut) SetQueryHandler(ctx workflow.Context, query string, handler any) error {
	if leases, ok := handler.(func(int) (float64, error)); ok && query == activities.LeaseQuery {
		w.leases = leases
	}
	return w.Next.SetQueryHandler(ctx, query, handler)
}

// ExecuteActivity plays the activity in the workflow's own time, so that a seed is a run.
func (w *watchOut) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	lease, out, err := w.b.outcome(args[0])
	if lease != nil {
		w.b.begin(workflow.Now(ctx), name, lease.RequestsPerSecond)
	}
	future, settable := workflow.NewFuture(ctx)
	takes, grows := w.b.takes(), growing(args[0])
	workflow.Go(ctx, func(ctx workflow.Context) {
		for takes > 0 {
			step := takes
			if grows != nil {
				step = min(takes, 5*time.Second)
			}
			if canceled := workflow.Sleep(ctx, step); canceled != nil {
				err = canceled
				break
			}
			if takes -= step; takes > 0 {
				if rate, _ := w.leases(grows.Number); rate > lease.RequestsPerSecond {
					w.b.lease(workflow.Now(ctx), name, rate-lease.RequestsPerSecond)
					lease.RequestsPerSecond = rate
					w.b.grown++
				}
			}
		}
		settable.Set(out, err)
	})
	return &leasedFuture{future, func() {
		if lease != nil {
			w.b.leased -= lease.RequestsPerSecond
		}
	}}
}

// growing is how an activity asks for a larger lease, nil if it does not.
func growing(in any) *activities.Growing {
	switch in := in.(type) {
	case activities.ListPageInput:
		return in.Grows
	case activities.FetchInput:
		return in.Grows
	case activities.FinishShardInput:
		return in.Grows
	}
	return nil
}

// outcome is what an activity returns, and the lease that it has, if it asks the platform.
func (b *budgeted) outcome(in any) (*activities.Lease, any, error) {
	total := int64(300)
	switch in := in.(type) {
	case activities.OpenExportInput:
		return nil, b.open, nil
	case activities.OpenShardInput:
		return &in.Lease, activities.OpenShardOutput{SpecDigest: in.Spec, Generation: 1, Total: &total}, b.fail()
	case activities.ListPageInput:
		out := activities.ListPageOutput{Page: activities.PageReceipt{Number: in.Number, Refs: b.random.IntN(200)}}
		if in.Known != nil {
			out.Page.Refs = b.random.IntN(20)
		}
		if b.random.IntN(2) == 0 {
			out.Next = "more"
		}
		return &in.Lease, out, b.fail()
	case activities.FetchInput:
		receipt := activities.ChunkReceipt{Page: in.Page.Number, Low: in.Low, High: in.High}
		return &in.Lease, activities.FetchOutput{Parts: []activities.ChunkReceipt{receipt}, Usage: activities.Usage{Requests: int64(in.High - in.Low)}}, b.fail()
	case activities.VerifyShardInput:
		if in.Counted != nil {
			return nil, activities.VerifyShardOutput{Total: in.Counted.Total}, b.fail()
		}
		out := activities.VerifyShardOutput{Total: &total}
		if b.chance(4) {
			out.Missing = 1
		}
		return &in.Lease, out, b.fail()
	case activities.FinishShardInput:
		out := activities.FinishShardOutput{Verified: activities.VerifyShardOutput{Total: &total}}
		if b.chance(4) {
			out.Verified.Missing = 1
			return &in.Lease, out, b.fail()
		}
		out.Commit = &activities.Commit{Outcome: "committed", Generation: 1}
		return &in.Lease, out, b.fail()
	case activities.CommitShardInput:
		return nil, activities.CommitShardOutput{Commit: activities.Commit{Outcome: "committed", Generation: 1}}, nil
	case activities.SaveReceiptsInput:
		return nil, activities.SaveReceiptsOutput{Saved: ledger.Staged{Key: "saved"}}, nil
	case activities.SealShardInput:
		return nil, activities.SealShardOutput{}, nil
	case activities.CleanupInput:
		return nil, activities.CleanupOutput{}, nil
	case activities.CloseExportInput:
		return nil, activities.CloseExportOutput{}, nil
	}
	panic(fmt.Sprintf("nobody knows what %T leads to", in))
}

type leasedFuture struct {
	workflow.Future
	end func()
}

func (f *leasedFuture) Get(ctx workflow.Context, out any) error {
	err := f.Future.Get(ctx, out)
	f.end()
	return err
}

func (w *watchOut) SignalExternalWorkflow(ctx workflow.Context, id, run, name string, in any) workflow.Future {
	return late(ctx, func(ctx workflow.Context) workflow.Future {
		return w.Next.SignalExternalWorkflow(ctx, id, run, name, in)
	})
}

func (w *watchOut) SignalChildWorkflow(ctx workflow.Context, id, name string, in any) workflow.Future {
	return late(ctx, func(ctx workflow.Context) workflow.Future { return w.Next.SignalChildWorkflow(ctx, id, name, in) })
}

func late(ctx workflow.Context, send func(workflow.Context) workflow.Future) workflow.Future {
	future, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := workflow.Sleep(ctx, latency)
		if err == nil {
			err = send(ctx).Get(ctx, nil)
		}
		settable.SetError(err)
	})
	return future
}

// TestLeasesNeverAddUpToMoreThanTheBudget runs exports with real shards of many seeds, in which windows begin, end, are sealed, listed
// again, blocked and held over runs, people pause and change the rate, and activities take longer than they should. At every moment the
// leases of the activities in flight must not exceed the budget.
func TestLeasesNeverAddUpToMoreThanTheBudget(t *testing.T) {
	held, grown := 0, 0
	for seed := range uint64(*budgetSeeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := &budgeted{random: rand.New(rand.NewPCG(seed, 12))}
			b.run(t)
			grown += b.grown
			if held += b.held; len(b.wrong) > 0 {
				t.Errorf("%d times, for example at %s", len(b.wrong), b.wrong[0])
			}
		})
	}
	if grown == 0 {
		t.Error("no lease has grown, so nothing is known about those")
	}
	if held == 0 {
		t.Error("no run of an export left a shard to another, so nothing is known about those")
	}
}

var budgetSeeds = flag.Int("budget-seeds", 40, "how many seeds TestLeasesNeverAddUpToMoreThanTheBudget has")

func (b *budgeted) run(t *testing.T) {
	env := workflows.NewTestEnvironment()
	env.SetTestTimeout(time.Minute)
	start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	env.SetStartTime(start)
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&watch{b: b}}})
	first := 1 + 50*b.random.Float64()
	b.rates = []rate{{start, first}}
	b.open = activities.OpenExportOutput{
		Provider: "chatwoot", Spec: "spec", RequestsPerSecond: first, Shards: 1 + b.random.IntN(4), ChunksInFlight: 1 + b.random.IntN(3), MostShards: b.random.IntN(12),
		Costs: providers.Costs{MessageRequests: 1, MetadataRequests: float64(b.random.IntN(3))},
	}
	env.RegisterWorkflow(workflows.Export)
	env.RegisterWorkflow(workflows.Shard)
	env.RegisterActivity(&activities.Activities{})

	in := year()
	in.Window, in.To = "day", in.From.AddDate(0, 0, 3+b.random.IntN(8))
	in.Policy.ShardsPerRun, in.Policy.ActivitiesPerRun = 2+b.random.IntN(8), 5+b.random.IntN(50)
	in.Policy.WindowLength, in.Policy.FinishAtOnce = time.Duration(b.random.IntN(60))*time.Second, 1000*b.random.IntN(2)
	id := workflows.ExportID(in.Account, in.Name)
	order := func(name string, args ...any) {
		_ = env.UpdateWorkflowByID(id, name, fmt.Sprint(name, env.Now()), &testsuite.TestUpdateCallback{
			OnReject: func(err error) { t.Error(err) }, OnAccept: func() {}, OnComplete: func(any, error) {},
		}, args...)
	}
	var people func()
	people = func() {
		now := env.Now()
		b.calm = now.Sub(start) > 3*time.Hour
		if now.Sub(start) > 24*time.Hour {
			var p workflows.ExportProgress
			if value, err := env.QueryWorkflowByID(id, workflows.ProgressQuery); err == nil {
				_ = value.Get(&p)
			}
			t.Errorf("the export does not end: %+v", p)
			env.CancelWorkflow()
			return
		}
		switch n := b.random.IntN(8); {
		case b.calm:
			order(workflows.ResumeUpdate)
			order(workflows.RetryBlockedUpdate)
		case n < 2:
			r := b.rates[len(b.rates)-1].perSecond * []float64{0.3, 0.6, 1.5, 2}[b.random.IntN(4)]
			b.rates = append(b.rates, rate{now, r})
			order(workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: r})
		case n == 2:
			order(workflows.PauseUpdate)
		case n < 5:
			order(workflows.ResumeUpdate)
		default:
			order(workflows.RetryBlockedUpdate)
		}
		env.RegisterDelayedCallback(people, time.Duration(1+b.random.IntN(int(6*time.Minute))))
	}
	env.RegisterDelayedCallback(people, time.Minute)
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context) (out workflows.ExportOutput, err error) {
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id})
		return out, workflow.ExecuteChildWorkflow(child, workflows.Export, in).Get(ctx, &out)
	}, workflow.RegisterOptions{Name: "Start"})
	env.ExecuteWorkflow("Start")
	var out workflows.ExportOutput
	if err := env.GetWorkflowError(); err != nil {
		t.Errorf("the export ended with %v", err)
	} else if err := env.GetWorkflowResult(&out); err != nil || out.Totals.Shards != int(in.To.Sub(in.From).Hours()/24) {
		t.Errorf("%+v, %v: want a shard for each day", out, err)
	}
	t.Logf("%d windows in %s, %d rates, %d shards left to another run, %d leases grew; the highest sum is %.6f of the budget", out.Totals.Shards, env.Now().Sub(start), len(b.rates), b.held, b.grown, b.most)
}

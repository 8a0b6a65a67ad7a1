package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// platform answers at once, and every activity asks as fast as its lease allows. So what is not used of the budget is what the workflows
// do not lease.
type platform struct {
	interceptor.WorkerInterceptorBase
	open      activities.OpenExportOutput
	each      int // conversations of a window
	start     time.Time
	listed    map[ledger.Shard]int
	perSecond []float64 // requests
}

const (
	// round is how long Temporal takes from one workflow task to an activity, and back; a signal takes as long.
	round = 10 * time.Millisecond
	// listRequests is what it takes to find the ends of a window in a list and to read it, and sealTime what it takes to write a small one.
	listRequests, sealTime = 5, 60 * time.Millisecond
)

func (p *platform) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &platformIn{interceptor.WorkflowInboundInterceptorBase{Next: next}, p}
}

type platformIn struct {
	interceptor.WorkflowInboundInterceptorBase
	p *platform
}

func (in *platformIn) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return in.Next.Init(&platformOut{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, p: in.p})
}

type platformOut struct {
	interceptor.WorkflowOutboundInterceptorBase
	p      *platform
	leases func(number int) (float64, error)
}

func (out *platformOut) SetQueryHandler(ctx workflow.Context, query string, handler any) error {
	if leases, ok := handler.(func(int) (float64, error)); ok && query == activities.LeaseQuery {
		out.leases = leases
	}
	return out.Next.SetQueryHandler(ctx, query, handler)
}

func (out *platformOut) SignalExternalWorkflow(ctx workflow.Context, id, run, name string, in any) workflow.Future {
	return after(ctx, round, func(ctx workflow.Context) workflow.Future {
		return out.Next.SignalExternalWorkflow(ctx, id, run, name, in)
	})
}

func (out *platformOut) SignalChildWorkflow(ctx workflow.Context, id, name string, in any) workflow.Future {
	return after(ctx, round, func(ctx workflow.Context) workflow.Future { return out.Next.SignalChildWorkflow(ctx, id, name, in) })
}

func (out *platformOut) ExecuteActivity(ctx workflow.Context, _ string, args ...any) workflow.Future {
	lease, requests, result := out.p.answer(args[0])
	takes := time.Duration(0)
	switch args[0].(type) {
	case activities.FinishShardInput:
		takes = sealTime
	case activities.SealShardInput:
		takes = sealTime * time.Duration(1+out.p.each/300)
	}
	grows := growing(args[0])
	future, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		_ = workflow.Sleep(ctx, round/2+takes)
		for requests > 1e-9 {
			step := time.Duration(requests / lease * float64(time.Second))
			if grows != nil {
				step = min(step, grows.Every+grows.After)
				grows.After = 0
			}
			from := workflow.Now(ctx)
			if err := workflow.Sleep(ctx, max(step, time.Microsecond)); err != nil {
				break
			}
			sent := min(requests, lease*max(step, time.Microsecond).Seconds())
			requests -= sent
			out.p.count(from, workflow.Now(ctx), sent)
			if grows != nil {
				if rate, _ := out.leases(grows.Number); rate > lease {
					lease = rate
				}
			}
		}
		_ = workflow.Sleep(ctx, round/2)
		settable.SetValue(result)
	})
	return future
}

// has is how many conversations a window has. Some days have more than others, so that windows do not end together.
func (p *platform) has(s ledger.Shard) int {
	day := s.Window.From.YearDay()
	return max(1, p.each*(2+day*7%5)/4)
}

// count spreads requests over the seconds in which they are sent.
func (p *platform) count(from, to time.Time, requests float64) {
	for at := from; at.Before(to); {
		second := int(at.Sub(p.start) / time.Second)
		end := p.start.Add(time.Duration(second+1) * time.Second)
		if end.After(to) {
			end = to
		}
		for len(p.perSecond) <= second {
			p.perSecond = append(p.perSecond, 0)
		}
		p.perSecond[second] += requests * end.Sub(at).Seconds() / to.Sub(from).Seconds()
		at = end
	}
}

// within is the part of the budget that is used from the second second to the last but one.
func (p *platform) within() float64 {
	first := 0
	for first < len(p.perSecond) && p.perSecond[first] == 0 {
		first++
	}
	inner, sum := p.perSecond[first+1:len(p.perSecond)-1], 0.0
	for _, requests := range inner {
		sum += requests
	}
	return sum / float64(len(inner)) / p.open.RequestsPerSecond
}

// answer is the lease of an activity, the requests that it sends, and its result.
func (p *platform) answer(in any) (lease, requests float64, result any) {
	switch in := in.(type) {
	case activities.OpenExportInput:
		return 0, 0, p.open
	case activities.OpenShardInput:
		out := activities.OpenShardOutput{SpecDigest: in.Spec, Generation: 1}
		if in.Uncounted {
			return 0, 0, out
		}
		total := int64(p.has(in.Shard))
		out.Total = &total
		return in.Lease.RequestsPerSecond, listRequests, out
	case activities.ListPageInput:
		has := p.has(in.Shard)
		refs := min(has-p.listed[in.Shard], in.Limit)
		p.listed[in.Shard] += refs
		out := activities.ListPageOutput{Page: activities.PageReceipt{Number: in.Number, Refs: refs}}
		if p.listed[in.Shard] < has {
			out.Next = "more"
		}
		requests = float64(refs) / 25
		if in.Number == 0 {
			requests += listRequests
		}
		if out.Next == "" && in.AtOnce != nil && in.AtOnce.Requests >= refs && in.Number == 0 {
			requests += float64(refs)
			out.Fetched.Messages = []activities.ChunkReceipt{{High: refs}}
		}
		out.Usage.Requests = int64(requests)
		return in.Lease.RequestsPerSecond, requests, out
	case activities.FetchInput:
		n := in.High - in.Low
		receipt := activities.ChunkReceipt{Page: in.Page.Number, Low: in.Low, High: in.High}
		return in.Lease.RequestsPerSecond, float64(n), activities.FetchOutput{Parts: []activities.ChunkReceipt{receipt}, Usage: activities.Usage{Requests: int64(n)}}
	case activities.FinishShardInput:
		if p.each >= 600 { // its list was read long ago, so that it is counted once more
			requests = listRequests
		}
		return in.Lease.RequestsPerSecond, requests, activities.FinishShardOutput{Commit: &activities.Commit{Outcome: "committed", Generation: 1}}
	case activities.SaveReceiptsInput:
		return 0, 0, activities.SaveReceiptsOutput{Saved: ledger.Staged{Key: "saved"}}
	case activities.SealShardInput:
		return 0, 0, activities.SealShardOutput{Counts: ledger.Counts{Listed: int64(p.has(in.Shard))}}
	case activities.VerifyShardInput:
		if in.Counted != nil {
			return 0, 0, activities.VerifyShardOutput{Total: in.Counted.Total}
		}
		total := int64(p.has(in.Shard))
		return in.Lease.RequestsPerSecond, listRequests, activities.VerifyShardOutput{Total: &total}
	case activities.CommitShardInput:
		return 0, 0, activities.CommitShardOutput{Commit: activities.Commit{Outcome: "committed", Generation: 1}}
	case activities.CleanupInput:
		return 0, 0, activities.CleanupOutput{}
	case activities.CloseExportInput:
		return 0, 0, activities.CloseExportOutput{}
	}
	panic(fmt.Sprintf("nobody knows what %T leads to", in))
}

// after sends something later.
func after(ctx workflow.Context, wait time.Duration, send func(workflow.Context) workflow.Future) workflow.Future {
	future, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := workflow.Sleep(ctx, wait)
		if err == nil {
			err = send(ctx).Get(ctx, nil)
		}
		settable.SetError(err)
	})
	return future
}

// play runs an export of so many days with a window each, and returns the part of the budget that it used.
func (p *platform) play(t *testing.T, days int, policy *workflows.Policy) float64 {
	t.Helper()
	env := workflows.NewTestEnvironment()
	env.SetTestTimeout(time.Minute)
	p.listed = map[ledger.Shard]int{}
	p.start = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	env.SetStartTime(p.start)
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{p}})
	env.RegisterWorkflow(workflows.Export)
	env.RegisterWorkflow(workflows.Shard)
	env.RegisterActivity(&activities.Activities{})
	in := year()
	in.Window, in.To, in.Policy = "day", in.From.AddDate(0, 0, days), policy
	if out := runExport(t, env, in); out.Totals.Shards != days {
		t.Errorf("%d shards, want %d", out.Totals.Shards, days)
	}
	return p.within()
}

// TestSmallWindowsUseTheBudget: no part of the budget is idle while windows wait for it, from the first to the last.
func TestSmallWindowsUseTheBudget(t *testing.T) {
	for _, rate := range []float64{10, 50, 500} {
		for _, shape := range []struct{ days, each int }{{14, 43}, {60, 10}, {120, 5}, {1, 600}} {
			if rate == 500 {
				shape.each *= 10
			}
			t.Run(fmt.Sprintf("%dx%d at %g", shape.days, shape.each, rate), func(t *testing.T) {
				p := &platform{each: shape.each, open: activities.OpenExportOutput{
					Provider: "chatwoot", Spec: "spec", RequestsPerSecond: rate, Shards: 2, ChunksInFlight: 2, MostShards: 16, Costs: providers.Costs{MessageRequests: 1},
				}}
				used := p.play(t, shape.days, workflows.NewPolicy())
				t.Logf("%.1f %% of the budget, in %d s: %.0f", 100*used, len(p.perSecond), p.perSecond)
				if used < 0.97 {
					t.Errorf("%.1f %% of the budget were used, want at least 97 %%", 100*used)
				}
			})
		}
	}
}

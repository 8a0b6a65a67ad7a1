package trial

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// post carries the signals between exports and shards. The test environment delivers them at once. A server takes time, and other
// things happen meanwhile. So each signal waits for a turn.
type post struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
	r *run
}

func withPost(r *run) worker.Options {
	return worker.Options{Interceptors: []interceptor.WorkerInterceptor{&post{r: r}}}
}

func (p *post) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &post{r: p.r}
	in.WorkflowInboundInterceptorBase.Next = next
	return in
}

func (p *post) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	out := &post{r: p.r}
	out.WorkflowOutboundInterceptorBase.Next = outbound
	return p.WorkflowInboundInterceptorBase.Next.Init(out)
}

// ExecuteWorkflow remembers which workflows run. The test environment reports children only while their parent runs.
func (p *post) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	p.r.live(id, true)
	out, err := p.WorkflowInboundInterceptorBase.Next.ExecuteWorkflow(ctx, in)
	p.r.live(id, workflow.IsContinueAsNewError(err))
	return out, err
}

// SignalExternalWorkflow bypasses the test environment, which delivers signals of a shard to the run that started it, and refuses
// them once that run has continued as new. A server finds the open run of a workflow id.
func (p *post) SignalExternalWorkflow(ctx workflow.Context, id, _, name string, in any) workflow.Future {
	what := arrives
	if name == "report" {
		what = looks
	}
	return carry(ctx, what, func() workflow.Future { return answered(ctx, p.r.send(id, letter{name, in})) })
}

func (p *post) SignalChildWorkflow(ctx workflow.Context, id, name string, in any) workflow.Future {
	return carry(ctx, arrives, func() workflow.Future {
		return p.WorkflowOutboundInterceptorBase.Next.SignalChildWorkflow(ctx, id, name, in)
	})
}

// looks is the turn of an export that looks at a shard of an earlier run. While there are only such turns, somebody has to act.
const looks = "looks at a shard"

// arrives is the turn of any other signal. An export that looks and a shard that answers can go on for ever by themselves.
const arrives = "arrives"

// ExecuteChildWorkflow refuses to start a shard that lives on from an earlier run of the export, as a server does.
func (p *post) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	if p.r.holder(workflow.GetChildWorkflowOptions(ctx).WorkflowID) == nil {
		return p.WorkflowOutboundInterceptorBase.Next.ExecuteChildWorkflow(ctx, name, args...)
	}
	return refusedChild{carry(ctx, looks, func() workflow.Future {
		return answered(ctx, &temporal.ChildWorkflowExecutionAlreadyStartedError{})
	})}
}

// answered is a future that is ready.
func answered(ctx workflow.Context, err error) workflow.Future {
	future, settable := workflow.NewFuture(ctx)
	settable.Set(nil, err)
	return future
}

// refusedChild is a child that was not started.
type refusedChild struct{ workflow.Future }

func (c refusedChild) GetChildWorkflowExecution() workflow.Future { return c.Future }

func (c refusedChild) SignalChildWorkflow(workflow.Context, string, any) workflow.Future {
	return c.Future
}

// carry waits for a turn before it delivers a signal.
func carry(ctx workflow.Context, what string, deliver func() workflow.Future) workflow.Future {
	arrived, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 1000 * time.Hour})
		_ = workflow.ExecuteActivity(ctx, (*stage).Carry, what).Get(ctx, nil) // a cancelled workflow sends at once
		settable.Chain(deliver())
	})
	return arrived
}

// Carry is the time that a signal takes.
func (s *stage) Carry(ctx context.Context, what string) error {
	w, info := s.r.w, activity.GetInfo(ctx)
	a := w.begin(s.r, fmt.Sprintf("%s %s/%s signal", s.r.name, info.WorkflowExecution.ID, info.ActivityID))
	defer w.over(a)
	t := &turn{by: a, what: what, giveUp: true, proceed: make(chan verdict)}
	w.mu.Lock()
	w.parked = append(w.parked, t)
	w.mu.Unlock()
	<-t.proceed
	return nil
}

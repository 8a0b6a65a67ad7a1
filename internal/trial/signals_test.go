package trial

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// post carries the signals between exports and shards. The test environment hands them over at once; a server takes its time,
// in which whatever else is under way may end. So each waits for a turn.
type post struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
}

func withPost() worker.Options {
	return worker.Options{Interceptors: []interceptor.WorkerInterceptor{&post{}}}
}

func (p *post) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &post{}
	in.WorkflowInboundInterceptorBase.Next = next
	return in
}

func (p *post) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	out := &post{}
	out.WorkflowOutboundInterceptorBase.Next = outbound
	return p.WorkflowInboundInterceptorBase.Next.Init(out)
}

func (p *post) SignalExternalWorkflow(ctx workflow.Context, id, run, name string, in any) workflow.Future {
	return carry(ctx, func() workflow.Future {
		return p.WorkflowOutboundInterceptorBase.Next.SignalExternalWorkflow(ctx, id, run, name, in)
	})
}

func (p *post) SignalChildWorkflow(ctx workflow.Context, id, name string, in any) workflow.Future {
	return carry(ctx, func() workflow.Future {
		return p.WorkflowOutboundInterceptorBase.Next.SignalChildWorkflow(ctx, id, name, in)
	})
}

// carry waits for a turn before it hands a signal over.
func carry(ctx workflow.Context, deliver func() workflow.Future) workflow.Future {
	arrived, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 1000 * time.Hour})
		_ = workflow.ExecuteActivity(ctx, (*stage).Carry).Get(ctx, nil) // a workflow that is cancelled sends at once
		settable.Chain(deliver())
	})
	return arrived
}

// Carry is the way of a signal.
func (s *stage) Carry(ctx context.Context) error {
	w, info := s.r.w, activity.GetInfo(ctx)
	a := w.begin(s.r, fmt.Sprintf("%s %s/%s signal", s.r.name, info.WorkflowExecution.ID, info.ActivityID))
	defer w.over(a)
	t := &turn{by: a, what: "arrives", giveUp: true, proceed: make(chan verdict)}
	w.mu.Lock()
	w.parked = append(w.parked, t)
	w.mu.Unlock()
	<-t.proceed
	return nil
}

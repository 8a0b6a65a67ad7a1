//go:build record

package workflows_test

import (
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// brief makes all waits short, so that days are recorded in seconds. Replay knows timers by their order; it compares neither their
// length nor the options of activities.
type brief struct {
	interceptor.WorkerInterceptorBase
}

// short is the longest wait of a scene, and the heartbeat timeout; long is the longest that it waits for others; pause is
// between the attempts of an activity.
const (
	short = 2 * time.Second
	long  = 10 * time.Second
	pause = 20 * time.Millisecond
)

func (*brief) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &briefInbound{}
	in.Next = next
	return in
}

type briefInbound struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (b *briefInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	out := &briefOutbound{}
	out.Next = next
	return b.Next.Init(out)
}

type briefOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (b *briefOutbound) Sleep(ctx workflow.Context, d time.Duration) error {
	return b.Next.Sleep(ctx, min(d, short))
}

func (b *briefOutbound) AwaitWithTimeout(ctx workflow.Context, d time.Duration, done func() bool) (bool, error) {
	return b.Next.AwaitWithTimeout(ctx, min(d, long), done)
}

func (b *briefOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	options.HeartbeatTimeout = short
	retries := *options.RetryPolicy
	retries.InitialInterval, retries.MaximumInterval = pause, pause
	options.RetryPolicy = &retries
	return b.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...)
}

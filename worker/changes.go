package worker

import (
	"context"
	"errors"
	"log/slog"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/workflows"
)

// changeLog logs one line for each change of the state of a run or a shard, on the worker where it happens. It has ids, states and counts only.
type changeLog struct {
	interceptor.WorkerInterceptorBase
	log *slog.Logger
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (c *changeLog) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &changesIn{log: c.log}
	in.Next = next
	return in
}

// changesIn sees a run begin.
type changesIn struct {
	interceptor.WorkflowInboundInterceptorBase
	log *slog.Logger
	out *changesOut
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (c *changesIn) Init(next interceptor.WorkflowOutboundInterceptor) error {
	c.out = &changesOut{log: c.log}
	c.out.Next = next
	return c.Next.Init(c.out)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor: it sees shards begin and end.
func (c *changesIn) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	info := workflow.GetInfo(ctx)
	if info.WorkflowType.Name != shardType {
		return c.Next.ExecuteWorkflow(ctx, in)
	}
	if info.ContinuedExecutionRunID == "" {
		c.out.say(ctx, "shard", workflows.StateRunning)
	}
	result, err := c.Next.ExecuteWorkflow(ctx, in)
	out, ok := result.(workflows.ShardOutput)
	switch {
	case workflow.IsContinueAsNewError(err):
	case temporal.IsCanceledError(err):
		c.out.say(ctx, "shard", workflows.StateCanceled)
	case err != nil:
		c.out.say(ctx, "shard", workflows.StateFailed, "kind", typeOf(err))
	case ok:
		c.out.say(ctx, "shard", workflows.StateDone, "skipped", out.Skipped, "split", out.Split, "outcome", out.Commit.Outcome,
			"generation", out.Commit.Generation, "conversations", out.Commit.Counts.Conversations, "messages", out.Commit.Counts.Messages,
			"requests", out.Usage.Requests, "throttled", out.Usage.Throttled)
	}
	return result, err
}

// shardType is the type of a Shard.
const shardType = "Shard"

// typeOf is the kind of an error of an activity, which has no text.
func typeOf(err error) string {
	var cause *temporal.ApplicationError
	if errors.As(err, &cause) {
		return cause.Type()
	}
	return "other"
}

// changesOut sees what a run tells of itself.
type changesOut struct {
	interceptor.WorkflowOutboundInterceptorBase
	log  *slog.Logger
	last workflows.State
}

// say logs the state of a run or a shard, unless it was the last one. Replays are silent, but remember.
func (c *changesOut) say(ctx workflow.Context, what string, state workflows.State, more ...any) {
	if c.last == state {
		return
	}
	c.last = state
	if workflow.IsReplaying(ctx) {
		return
	}
	level := slog.LevelInfo
	switch state {
	case workflows.StateBlocked, workflows.StateFailed:
		level = slog.LevelWarn
	case workflows.StateIdle: // of the budget only
		level = slog.LevelDebug
	}
	c.log.Log(context.Background(), level, what+" "+string(state), append([]any{"workflow", workflow.GetInfo(ctx).WorkflowExecution.ID}, more...)...)
}

// UpsertTypedSearchAttributes implements interceptor.WorkflowOutboundInterceptor: runs tell their state in an attribute.
func (c *changesOut) UpsertTypedSearchAttributes(ctx workflow.Context, attributes ...temporal.SearchAttributeUpdate) error {
	if state, ok := temporal.NewSearchAttributes(attributes...).GetKeyword(workflows.StateAttribute); ok {
		c.say(ctx, "run", workflows.State(state))
	}
	return c.Next.UpsertTypedSearchAttributes(ctx, attributes...)
}

// SignalExternalWorkflow implements interceptor.WorkflowOutboundInterceptor: shards tell their state to their export.
func (c *changesOut) SignalExternalWorkflow(ctx workflow.Context, id, run, signal string, in any) workflow.Future {
	if change, ok := workflows.ShardChangeOf(signal, in); ok {
		var more []any
		if change.Kind != "" {
			more = append(more, "kind", change.Kind)
		}
		c.say(ctx, "shard", change.State, more...)
	}
	return c.Next.SignalExternalWorkflow(ctx, id, run, signal, in)
}

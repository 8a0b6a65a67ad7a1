package workflows

import (
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The timeouts and retries of activities. Temporal retries an activity a few times. Then the workflow waits on a durable timer and
// starts the same work again, for as long as it takes. Errors that a retry cannot cure are not retried.

// heartbeatTimeout is how long Temporal waits before it takes an activity from a dead worker. Workers send a heartbeat every three
// seconds, so a living one may be silent for seven more.
const heartbeatTimeout = 10 * time.Second

// quick is for short steps: opening, verifying, committing, cleaning up.
func quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30 * time.Minute,
		HeartbeatTimeout:    heartbeatTimeout,
		RetryPolicy:         retries(5),
	})
}

// fetching is for pages and chunks that take about as long as length.
func fetching(ctx workflow.Context, length time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 30*time.Minute + 5*length,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retries(4),
	})
}

// shards is for the children of an Export. They outlive its runs, so that a blocked shard is not lost when the Export continues as
// new.
func shards(ctx workflow.Context, id string) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true,
	})
}

// sealing is for the one step that takes longer the larger the shard is.
func sealing(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 12 * time.Hour,
		HeartbeatTimeout:    heartbeatTimeout,
		WaitForCancellation: true,
		RetryPolicy:         retries(5),
	})
}

func retries(attempts int32) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval:    time.Second,
		BackoffCoefficient: 3,
		MaximumInterval:    time.Minute,
		MaximumAttempts:    attempts,
	}
}

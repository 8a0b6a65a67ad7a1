package worker

import (
	"context"
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/worker/embedded"
)

// longestRelease is how long a start may spend on the activities of a dead process. What it does not get to, Temporal times out.
const longestRelease = 10 * time.Second

// releaseOrphans fails every activity that an embedded server has as running when it starts, so that they are attempted again at
// once. They ran in the process of the server, and the lock of the state folder shows that this process has ended. Each gets the
// failure that it would get when its heartbeat times out, so a workflow decides as it would then. An error only means that
// Temporal waits for that timeout.
func releaseOrphans(ctx context.Context, c client.Client) error {
	ctx, stop := context.WithTimeout(ctx, longestRelease)
	defer stop()
	var token []byte
	for {
		page, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus='Running'", NextPageToken: token})
		if err != nil {
			return err
		}
		for _, info := range page.Executions {
			if err := releaseActivities(ctx, c, info.Execution.WorkflowId, info.Execution.RunId); err != nil {
				return err
			}
		}
		if token = page.NextPageToken; len(token) == 0 {
			return nil
		}
	}
}

func releaseActivities(ctx context.Context, c client.Client, workflow, run string) error {
	described, err := c.DescribeWorkflowExecution(ctx, workflow, run)
	if err != nil {
		return err
	}
	for _, activity := range described.PendingActivities {
		if activity.State == enums.PENDING_ACTIVITY_STATE_SCHEDULED { // not started, or waiting for its next attempt
			continue
		}
		err := c.CompleteActivityByID(ctx, embedded.Namespace, workflow, run, activity.ActivityId, nil, temporal.NewHeartbeatTimeoutError())
		var ended *serviceerror.NotFound // it has just timed out
		if err != nil && !errors.As(err, &ended) {
			return err
		}
	}
	return nil
}

package worker

import (
	"context"
	"errors"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/worker/embedded"
)

// longestRelease is how long a start may spend on what a dead process held. What it does not get to, Temporal times out.
const longestRelease = 10 * time.Second

// releasesAtOnce is how many workflows are released concurrently.
const releasesAtOnce = 4

// releaseOrphans frees the activities and workflow tasks that an embedded server has as running when it starts, so that the next worker
// gets them at once. They ran in the process of the server, and the lock of the state folder shows that this process has ended. An
// error only means that Temporal waits for their timeouts.
func releaseOrphans(ctx context.Context, c client.Client, server *embedded.Server) error {
	bounded, stop := context.WithTimeout(ctx, longestRelease)
	defer stop()
	group, ctx := errgroup.WithContext(bounded)
	group.SetLimit(releasesAtOnce)
	for _, of := range server.Unfinished() {
		group.Go(func() error {
			return releaseActivities(ctx, c, of)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return server.FreeTasks(bounded)
}

// releaseActivities fails the activities of a workflow that have been started. An activity whose retries are used up fails as if its
// heartbeat had timed out, so its workflow decides as it would then.
func releaseActivities(ctx context.Context, c client.Client, of embedded.Execution) error {
	described, err := c.DescribeWorkflowExecution(ctx, of.Workflow, of.Run)
	var ended *serviceerror.NotFound
	if errors.As(err, &ended) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, activity := range described.PendingActivities {
		if activity.State == enums.PENDING_ACTIVITY_STATE_SCHEDULED { // not started, or waiting for its next attempt
			continue
		}
		err := c.CompleteActivityByID(ctx, embedded.Namespace, of.Workflow, of.Run, activity.ActivityId, nil, orphaned())
		if err != nil && !errors.As(err, &ended) { // it has just timed out
			return err
		}
	}
	return nil
}

// atOnce is the shortest wait before the next attempt that Temporal does not take for none given.
const atOnce = time.Millisecond

// orphaned is the failure of an activity whose process is dead. A heartbeat that times out would let the next attempt wait for seconds,
// more with every attempt.
func orphaned() error {
	return temporal.NewApplicationErrorWithOptions("the process that ran this activity has ended", "Orphaned", temporal.ApplicationErrorOptions{
		NextRetryDelay: atOnce, Cause: temporal.NewHeartbeatTimeoutError(),
	})
}

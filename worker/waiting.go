package worker

import (
	"context"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// WaitingUntil is when the first of a shard's activities goes on where all of them wait for the platform's limits, by what they say
// in their heartbeats and by when they will be tried again; nil where one of them works, or nothing is known.
func WaitingUntil(ctx context.Context, c client.Client, shard string) *time.Time {
	d, err := c.DescribeWorkflowExecution(ctx, shard, "")
	if err != nil {
		return nil // it has just ended
	}
	return waitOf(d.PendingActivities, time.Now())
}

// waitOf is the first time at which one of the activities goes on.
func waitOf(pending []*workflow.PendingActivityInfo, now time.Time) (first *time.Time) {
	for _, a := range pending {
		until := waitsUntil(a)
		if !until.After(now) {
			return nil
		}
		if first == nil || until.Before(*first) {
			first = &until
		}
	}
	return first
}

// waitsUntil is when an activity goes on that waits for the platform's limits; zero for one that does not.
func waitsUntil(a *workflow.PendingActivityInfo) (until time.Time) {
	if a.State == enums.PENDING_ACTIVITY_STATE_SCHEDULED {
		switch a.GetLastFailure().GetApplicationFailureInfo().GetType() {
		case string(providers.Throttled), string(providers.Pending):
			return a.ScheduledTime.AsTime()
		}
		return until
	}
	var beat activities.Beat
	if err := converter.GetDefaultDataConverter().FromPayloads(a.HeartbeatDetails, &beat); err != nil || beat.WaitingUntil == nil {
		return until
	}
	return *beat.WaitingUntil
}

package worker

import (
	"context"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// busyWorkers is how long an activity may wait for a worker before that is reported.
const busyWorkers = 10 * time.Second

// Waiting returns what a shard's activities wait for: of the waits in their heartbeats and in the failures of their last
// attempts, the one that ends first. It returns nil if one of them is working or if nothing is known.
func Waiting(ctx context.Context, c client.Client, shard string) *workflows.Waiting {
	d, err := c.DescribeWorkflowExecution(ctx, shard, "")
	if err != nil {
		return nil // it has just ended
	}
	return waitOf(d.PendingActivities, time.Now())
}

// waitOf returns the wait that ends first. A wait without a known end comes last.
func waitOf(pending []*workflow.PendingActivityInfo, now time.Time) (first *workflows.Waiting) {
	for _, a := range pending {
		w := waits(a, now)
		switch {
		case w == nil:
			return nil
		case first == nil, w.Until != nil && (first.Until == nil || w.Until.Before(*first.Until)):
			first = w
		}
	}
	return first
}

// waits returns what an activity waits for, or nil if it is working.
func waits(a *workflow.PendingActivityInfo, now time.Time) *workflows.Waiting {
	if a.State == enums.PENDING_ACTIVITY_STATE_SCHEDULED {
		return queued(a, now)
	}
	var beat activities.Heartbeat
	if err := converter.GetDefaultDataConverter().FromPayloads(a.HeartbeatDetails, &beat); err != nil || beat.WaitingUntil == nil || !beat.WaitingUntil.After(now) {
		return nil
	}
	w := &workflows.Waiting{For: activities.ForPlatform, Why: "it asked chatlake to come back later", Since: a.GetLastStartedTime().AsTime(), Until: beat.WaitingUntil}
	if beat.For == activities.ForSchedule {
		w.For, w.Why = beat.For, "rate.schedule allows no requests until then"
	}
	return w
}

// queued returns what an activity without a worker waits for: its next attempt, or a worker.
func queued(a *workflow.PendingActivityInfo, now time.Time) *workflows.Waiting {
	at := a.GetScheduledTime().AsTime() // of the attempt
	switch {
	case a.LastFailure != nil && at.After(now):
		w := workflows.WaitingAfter(temporal.GetDefaultFailureConverter().FailureToError(a.LastFailure))
		w.Since, w.Until = now, &at
		for _, known := range []*timestamppb.Timestamp{a.LastAttemptCompleteTime, a.LastStartedTime} { // an attempt that timed out never completed
			if known != nil {
				w.Since = known.AsTime()
				break
			}
		}
		return &w
	case a.ScheduledTime != nil && now.Sub(at) > busyWorkers:
		return &workflows.Waiting{For: activities.ForWorker, Why: "no worker has a free slot", Since: at}
	}
	return nil
}

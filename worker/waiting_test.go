package worker

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chatlake/chatlake/activities"
)

func TestWaitOfActivities(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	failed := now.Add(-time.Minute)
	beating := func(b *activities.Heartbeat) *workflow.PendingActivityInfo {
		a := &workflow.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_STARTED, LastStartedTime: timestamppb.New(failed)}
		if b != nil {
			var err error
			if a.HeartbeatDetails, err = converter.GetDefaultDataConverter().ToPayloads(*b); err != nil {
				t.Fatal(err)
			}
		}
		return a
	}
	in := func(d time.Duration) *activities.Heartbeat {
		return &activities.Heartbeat{WaitingUntil: new(now.Add(d))}
	}
	closed := in(time.Minute)
	closed.For = activities.ForSchedule
	retried := func(kind, party string, d time.Duration) *workflow.PendingActivityInfo {
		err := temporal.NewApplicationErrorWithOptions("status 507", kind, temporal.ApplicationErrorOptions{})
		if party != "" {
			err = temporal.NewApplicationErrorWithOptions("status 507", kind, temporal.ApplicationErrorOptions{Details: []any{activities.Wait{For: party}}})
		}
		return &workflow.PendingActivityInfo{
			State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 2, ScheduledTime: timestamppb.New(now.Add(d)),
			LastAttemptCompleteTime: timestamppb.New(failed), LastFailure: temporal.GetDefaultFailureConverter().ErrorToFailure(err),
		}
	}
	timedOut := func(started *timestamppb.Timestamp) *workflow.PendingActivityInfo {
		a := retried("Interrupted", "", time.Minute)
		a.LastAttemptCompleteTime, a.LastStartedTime = nil, started
		return a
	}
	scheduled := func(since time.Duration) *workflow.PendingActivityInfo {
		return &workflow.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 1, ScheduledTime: timestamppb.New(now.Add(-since))}
	}
	garbage := &workflow.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_STARTED, HeartbeatDetails: &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte("{")}}}}
	list := func(all ...*workflow.PendingActivityInfo) []*workflow.PendingActivityInfo { return all }
	tests := map[string]struct {
		pending []*workflow.PendingActivityInfo
		party   string        // empty means no wait
		until   time.Duration // 0 means unknown
		why     string
	}{
		"nothing is under way":                {nil, "", 0, ""},
		"one works":                           {list(beating(nil)), "", 0, ""},
		"one waits for the platform":          {list(beating(in(time.Minute))), "platform", time.Minute, "it asked chatlake to come back later"},
		"one waits for its own schedule":      {list(beating(closed)), "schedule", time.Minute, "rate.schedule allows no requests until then"},
		"one waits, another works":            {list(beating(in(time.Minute)), beating(nil)), "", 0, ""},
		"two wait":                            {list(retried("Throttled", "", 2*time.Minute), beating(in(time.Minute))), "platform", time.Minute, "it asked chatlake to come back later"},
		"one waits for a report":              {list(retried("Pending", "platform", time.Minute)), "platform", time.Minute, "status 507"},
		"one is tried again":                  {list(retried("Transient", "platform", time.Minute)), "platform", time.Minute, "status 507"},
		"one waits for the lake":              {list(retried("Unavailable", "lake", time.Minute)), "lake", time.Minute, "status 507"},
		"one of an earlier release":           {list(retried("Unavailable", "", time.Minute)), "lake", time.Minute, "status 507"},
		"one waits for room on its disk":      {list(retried("Unavailable", "state folder", time.Minute)), "state folder", time.Minute, "status 507"},
		"one waits for Temporal":              {list(retried("Transient", "temporal", time.Minute)), "temporal", time.Minute, "status 507"},
		"one was given back by a worker":      {list(retried("Interrupted", "", time.Minute)), "worker", time.Minute, "status 507"},
		"one whose worker was killed":         {list(timedOut(timestamppb.New(failed))), "worker", time.Minute, "status 507"},
		"one that nothing else is known of":   {list(timedOut(nil)), "worker", time.Minute, "status 507"},
		"one has waited":                      {list(beating(in(-time.Second))), "", 0, ""},
		"one says what cannot be read":        {list(garbage), "", 0, ""},
		"one that is new":                     {list(scheduled(time.Second)), "", 0, ""},
		"one that no worker takes":            {list(scheduled(time.Minute)), "worker", 0, "no worker has a free slot"},
		"one that no worker takes, one waits": {list(scheduled(time.Minute), beating(in(time.Minute))), "platform", time.Minute, "it asked chatlake to come back later"},
	}
	for name, tt := range tests {
		got := waitOf(tt.pending, now)
		if tt.party == "" {
			if got != nil {
				t.Errorf("%s: %+v, want no wait", name, got)
			}
			continue
		}
		if got == nil || got.For != tt.party || got.Why != tt.why || got.Since.After(now) || now.Sub(got.Since) > time.Hour {
			t.Errorf("%s: %+v, want a wait for %s: %s", name, got, tt.party, tt.why)
			continue
		}
		if tt.until == 0 && got.Until != nil || tt.until > 0 && (got.Until == nil || got.Until.Sub(now) != tt.until) {
			t.Errorf("%s: until %v, want %s from now", name, got.Until, tt.until)
		}
	}
}

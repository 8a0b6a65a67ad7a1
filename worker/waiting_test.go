package worker

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chatlake/chatlake/activities"
)

func TestWaitOfActivities(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	beating := func(b *activities.Beat) *workflow.PendingActivityInfo {
		a := &workflow.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_STARTED}
		if b != nil {
			var err error
			if a.HeartbeatDetails, err = converter.GetDefaultDataConverter().ToPayloads(*b); err != nil {
				t.Fatal(err)
			}
		}
		return a
	}
	in := func(d time.Duration) *activities.Beat { return &activities.Beat{WaitingUntil: new(now.Add(d))} }
	retried := func(kind string, d time.Duration) *workflow.PendingActivityInfo {
		return &workflow.PendingActivityInfo{
			State: enums.PENDING_ACTIVITY_STATE_SCHEDULED, Attempt: 2, ScheduledTime: timestamppb.New(now.Add(d)),
			LastFailure: &failure.Failure{FailureInfo: &failure.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failure.ApplicationFailureInfo{Type: kind}}},
		}
	}
	garbage := &workflow.PendingActivityInfo{State: enums.PENDING_ACTIVITY_STATE_STARTED, HeartbeatDetails: &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte("{")}}}}
	tests := map[string]struct {
		pending []*workflow.PendingActivityInfo
		want    time.Duration // 0 is none
	}{
		"nothing is under way":              {nil, 0},
		"one works":                         {[]*workflow.PendingActivityInfo{beating(nil)}, 0},
		"one waits":                         {[]*workflow.PendingActivityInfo{beating(in(time.Minute))}, time.Minute},
		"one waits, another works":          {[]*workflow.PendingActivityInfo{beating(in(time.Minute)), beating(nil)}, 0},
		"two wait":                          {[]*workflow.PendingActivityInfo{beating(in(time.Minute)), retried("Throttled", 2*time.Minute)}, time.Minute},
		"one waits for a report":            {[]*workflow.PendingActivityInfo{retried("Pending", time.Minute)}, time.Minute},
		"one is tried again for a failure":  {[]*workflow.PendingActivityInfo{retried("Transient", time.Minute)}, 0},
		"one has waited":                    {[]*workflow.PendingActivityInfo{beating(in(-time.Second))}, 0},
		"one says what cannot be read":      {[]*workflow.PendingActivityInfo{garbage}, 0},
		"one that is scheduled and is new":  {[]*workflow.PendingActivityInfo{{State: enums.PENDING_ACTIVITY_STATE_SCHEDULED}}, 0},
		"one that was throttled long since": {[]*workflow.PendingActivityInfo{retried("Throttled", -time.Second)}, 0},
	}
	for name, tt := range tests {
		got := waitOf(tt.pending, now)
		if tt.want == 0 && got != nil || tt.want > 0 && (got == nil || got.Sub(now) != tt.want) {
			t.Errorf("%s: waits until %v, want %s", name, got, tt.want)
		}
	}
}

package worker

import (
	"context"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// TestOneMaintenanceAtATime: a settle that ends starts a maintenance through its schedule, unless one is under way or a person has paused
// the schedule. Without a schedule, there is none.
func TestOneMaintenanceAtATime(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server")
	}
	ctx := t.Context()
	server, err := embedded.Start(ctx, embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	c, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: embedded.Namespace, Logger: quietLogger{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	shared := counters{c, "nobody"}
	start := func(what string, want bool) {
		t.Helper()
		if started, err := shared.maintain(ctx, "acme"); err != nil || started != want {
			t.Errorf("%s: started %v, %v, want %v", what, started, err, want)
		}
	}
	runs := func() (n int64) {
		t.Helper()
		count, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: "WorkflowType = 'Maintain'"})
		if err != nil {
			t.Fatal(err)
		}
		return count.Count
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("not seen: %s; %d runs", what, runs())
			}
		}
	}
	start("without a schedule", false)

	schedule, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: workflows.MaintainID("acme"), Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, Spec: client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: 24 * time.Hour}}},
		Action: &client.ScheduleWorkflowAction{ID: workflows.MaintainID("acme"), Workflow: "Maintain", TaskQueue: "nobody", Args: []any{workflows.MaintainInput{Account: "acme"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := schedule.Pause(ctx, client.SchedulePauseOptions{}); err != nil {
		t.Fatal(err)
	}
	start("while the schedule is paused", false)
	if err := schedule.Unpause(ctx, client.ScheduleUnpauseOptions{}); err != nil {
		t.Fatal(err)
	}
	start("at first", true)
	running := func() string {
		is, err := schedule.Describe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(is.Info.RunningWorkflows) == 0 {
			return ""
		}
		return is.Info.RunningWorkflows[0].WorkflowID
	}
	until("a run", func() bool { return running() != "" && runs() == 1 })
	start("while it runs", false)
	// Two settles that end together may both find nothing under way. The schedule's policy keeps the second from starting.
	if err := schedule.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP}); err != nil {
		t.Fatal(err)
	}
	until("an action that is skipped", func() bool {
		is, err := schedule.Describe(ctx)
		return err == nil && is.Info.NumActionsSkippedOverlap > 0
	})
	if n := runs(); n != 1 {
		t.Errorf("%d maintenances, want one", n)
	}
	if err := c.TerminateWorkflow(ctx, running(), "", "it has ended"); err != nil {
		t.Fatal(err)
	}
	until("its end", func() bool { return running() == "" })
	start("after it has ended", true)
	until("a second run", func() bool { return runs() == 2 })
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := shared.maintain(ended, "acme"); err == nil {
		t.Error("a server that does not answer is no error")
	}
}

// quietLogger keeps the SDK's log out of the test's output.
type quietLogger struct{}

func (quietLogger) Debug(string, ...any) {}
func (quietLogger) Info(string, ...any)  {}
func (quietLogger) Warn(string, ...any)  {}
func (quietLogger) Error(string, ...any) {}

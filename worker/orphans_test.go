package worker_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/worker/embedded"
)

// orphanage runs one activity, which a dead process would hold for an hour.
func orphanage(ctx workflow.Context) (int32, error) {
	var attempt int32
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour, HeartbeatTimeout: time.Hour,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Millisecond, MaximumAttempts: 2},
	}), attemptOf).Get(ctx, &attempt)
	return attempt, err
}

func attemptOf(ctx context.Context) (int32, error) { return activity.GetInfo(ctx).Attempt, nil }

// TestADeadProcessHoldsNoActivity takes an activity and never answers, like a process that was killed. Once the server has started
// again, the activity must be attempted again: the test would time out before its heartbeat does.
func TestADeadProcessHoldsNoActivity(t *testing.T) {
	const queue = "orphans"
	c := worker.Config{StateDir: t.TempDir(), Lake: worker.LakeConfig{URL: "file:" + t.TempDir()}}.WithDefaults()
	connect := func() *worker.Temporal {
		connected, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return connected
	}
	dead := connect()
	decides := sdk.New(dead.Client, queue, sdk.Options{LocalActivityWorkerOnly: true})
	decides.RegisterWorkflow(orphanage)
	if err := decides.Start(); err != nil {
		t.Fatal(err)
	}
	run, err := dead.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "orphanage", TaskQueue: queue}, orphanage)
	if err != nil {
		t.Fatal(err)
	}
	polling, stop := context.WithTimeout(t.Context(), time.Minute) // a poll must have a deadline
	defer stop()
	task, err := dead.Client.WorkflowService().PollActivityTaskQueue(polling, &workflowservice.PollActivityTaskQueueRequest{
		Namespace: embedded.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue, Kind: enums.TASK_QUEUE_KIND_NORMAL},
	})
	if err != nil || len(task.TaskToken) == 0 {
		t.Fatalf("no activity: %v", err)
	}
	decides.Stop()
	if err := dead.Stop(); err != nil {
		t.Fatal(err)
	}

	alive := connect()
	defer func() {
		if err := alive.Stop(); err != nil {
			t.Error(err)
		}
	}()
	works := sdk.New(alive.Client, queue, sdk.Options{})
	works.RegisterWorkflow(orphanage)
	works.RegisterActivity(attemptOf)
	if err := works.Start(); err != nil {
		t.Fatal(err)
	}
	defer works.Stop()
	var attempt int32
	if err := alive.Client.GetWorkflow(t.Context(), run.GetID(), run.GetRunID()).Get(t.Context(), &attempt); err != nil || attempt != 2 {
		t.Errorf("attempt %d, error %v; want attempt 2", attempt, err)
	}
}

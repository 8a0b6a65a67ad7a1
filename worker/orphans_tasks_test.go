package worker_test

import (
	"context"
	"testing"
	"time"

	command "go.temporal.io/api/command/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/worker/embedded"
)

// longTask is how long Temporal would leave a task with a worker that has ended. The test ends sooner.
const longTask = time.Minute

// waitsForSignal ends with its second workflow task, which a signal causes.
func waitsForSignal(ctx workflow.Context) error {
	workflow.GetSignalChannel(ctx, "end").Receive(ctx, nil)
	return nil
}

// TestADeadProcessHoldsNoWorkflowTask takes workflow tasks and never answers, or leaves one that is reserved for it, like a process that
// was killed. Once the server has started again, another worker must get them, long before they time out.
func TestADeadProcessHoldsNoWorkflowTask(t *testing.T) {
	const queue, sticky = "orphans", "sticky-orphans"
	c := worker.Config{StateDir: t.TempDir(), Lake: worker.LakeConfig{URL: "file:" + t.TempDir()}}.WithDefaults()
	dead, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	polling, stop := context.WithTimeout(t.Context(), longTask)
	defer stop()
	take := func() *workflowservice.PollWorkflowTaskQueueResponse {
		t.Helper()
		task, err := dead.Client.WorkflowService().PollWorkflowTaskQueue(polling, &workflowservice.PollWorkflowTaskQueueRequest{
			Namespace: embedded.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue, Kind: enums.TASK_QUEUE_KIND_NORMAL},
		})
		if err != nil || len(task.TaskToken) == 0 {
			t.Fatalf("no workflow task: %v", err)
		}
		return task
	}
	begin := func(id string) {
		t.Helper()
		o := client.StartWorkflowOptions{ID: id, TaskQueue: queue, WorkflowTaskTimeout: longTask}
		if _, err := dead.Client.ExecuteWorkflow(t.Context(), o, waitsForSignal); err != nil {
			t.Fatal(err)
		}
	}
	// answer completes a task as a worker does that keeps the workflow in memory.
	answer := func(task *workflowservice.PollWorkflowTaskQueueResponse) {
		t.Helper()
		_, err := dead.Client.WorkflowService().RespondWorkflowTaskCompleted(t.Context(), &workflowservice.RespondWorkflowTaskCompletedRequest{
			Namespace: embedded.Namespace, TaskToken: task.TaskToken, Commands: []*command.Command{},
			StickyAttributes: &taskqueue.StickyExecutionAttributes{
				WorkerTaskQueue:        &taskqueue.TaskQueue{Name: sticky, Kind: enums.TASK_QUEUE_KIND_STICKY, NormalName: queue},
				ScheduleToStartTimeout: durationpb.New(longTask),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	signal := func(c client.Client, id string) {
		t.Helper()
		if err := c.SignalWorkflow(t.Context(), id, "", "end", nil); err != nil {
			t.Fatal(err)
		}
	}
	begin("taken")
	take()
	signal(dead.Client, "taken")
	begin("reserved")
	first := take()
	go func() { // without a worker that asks, nothing is reserved for it
		_, _ = dead.Client.WorkflowService().PollWorkflowTaskQueue(polling, &workflowservice.PollWorkflowTaskQueueRequest{
			Namespace: embedded.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: sticky, Kind: enums.TASK_QUEUE_KIND_STICKY, NormalName: queue},
		})
	}()
	time.Sleep(200 * time.Millisecond)
	answer(first)
	signal(dead.Client, "reserved") // which the poll above takes
	begin("waits")
	answer(take())
	signal(dead.Client, "waits") // which nobody takes
	if err := dead.Stop(); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	alive, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := alive.Stop(); err != nil {
			t.Error(err)
		}
	}()
	works := sdk.New(alive.Client, queue, sdk.Options{})
	works.RegisterWorkflow(waitsForSignal)
	if err := works.Start(); err != nil {
		t.Fatal(err)
	}
	defer works.Stop()
	soon, cancel := context.WithDeadline(t.Context(), began.Add(longTask/2))
	defer cancel()
	for _, id := range []string{"taken", "reserved", "waits"} {
		if err := alive.Client.GetWorkflow(soon, id, "").Get(soon, nil); err != nil {
			t.Errorf("%s: %v after %s, want its end", id, err, time.Since(began))
		}
	}
	t.Logf("all ended after %s", time.Since(began))
}

package worker_test

import (
	"context"
	"testing"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/worker/embedded"
)

// TestDeadProcessesDoNotAddUp lets several processes in turn take the same workflow task and end, as short commands do with the tasks of
// schedules. The server must not count that as attempts: from the third one on, it would answer no query and let the task wait for seconds.
func TestDeadProcessesDoNotAddUp(t *testing.T) {
	const queue = "orphans"
	c := worker.Config{StateDir: t.TempDir(), Lake: worker.LakeConfig{URL: "file:" + t.TempDir()}}.WithDefaults()
	for process := range 5 {
		connected, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		o := client.StartWorkflowOptions{ID: "taken", TaskQueue: queue, WorkflowTaskTimeout: longTask, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING}
		if _, err := connected.Client.ExecuteWorkflow(t.Context(), o, waitsForSignal); err != nil {
			t.Fatal(err)
		}
		polling, stop := context.WithTimeout(t.Context(), longTask/2)
		task, err := connected.Client.WorkflowService().PollWorkflowTaskQueue(polling, &workflowservice.PollWorkflowTaskQueueRequest{
			Namespace: embedded.Namespace, TaskQueue: &taskqueue.TaskQueue{Name: queue, Kind: enums.TASK_QUEUE_KIND_NORMAL},
		})
		stop()
		if err != nil || len(task.TaskToken) == 0 || task.Attempt != 1 {
			t.Errorf("process %d: attempt %d, error %v; want attempt 1", process, task.GetAttempt(), err)
		}
		if err := connected.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}

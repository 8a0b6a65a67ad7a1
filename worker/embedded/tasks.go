//go:build !noembedded

package embedded

import (
	"context"
	"errors"

	common "go.temporal.io/api/common/v1"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/api/adminservice/v1"
	persistence "go.temporal.io/server/api/persistence/v1"
	"go.temporal.io/server/common/tasktoken"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// identity is who takes part in the server's name.
const identity = "chatlake"

// FreeTasks gives the workflow tasks that processes had taken before the server started to the next worker. Otherwise each of their
// workflows would stand still until its task times out, ten seconds after it was taken. Tasks that only were reserved for a process
// need no help: the server finds that nobody asks for them.
func (s *Server) FreeTasks(ctx context.Context) error {
	if len(s.unfinished) == 0 {
		return nil
	}
	connection, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	for _, of := range s.unfinished {
		if err := s.freeTask(ctx, connection, of); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) freeTask(ctx context.Context, connection *grpc.ClientConn, of Execution) error {
	state, err := adminservice.NewAdminServiceClient(connection).DescribeMutableState(ctx, &adminservice.DescribeMutableStateRequest{
		Namespace: Namespace, Execution: &common.WorkflowExecution{WorkflowId: of.Workflow, RunId: of.Run}, SkipForceReload: true,
	})
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return nil // it has ended
	}
	if err != nil {
		return err
	}
	found := state.GetCacheMutableState()
	if found == nil {
		found = state.GetDatabaseMutableState()
	}
	info := found.GetExecutionInfo()
	if info.GetWorkflowTaskStartedEventId() <= 0 || info.GetWorkflowTaskStartedTime().AsTime().After(s.began) {
		return nil // nobody has it, or a worker that lives
	}
	// The server schedules a failed task again at once, for any worker. Of the causes, this one and a reset let it count the attempts
	// from one again: a task that was taken three times by short commands and not finished would wait for seconds, and meanwhile the
	// server answers no query of the workflow, and describes no schedule.
	_, err = workflowservice.NewWorkflowServiceClient(connection).RespondWorkflowTaskFailed(ctx, &workflowservice.RespondWorkflowTaskFailedRequest{
		Namespace: Namespace, TaskToken: taken(info, of), Cause: enums.WORKFLOW_TASK_FAILED_CAUSE_FAILOVER_CLOSE_COMMAND, Identity: identity,
	})
	if errors.As(err, &missing) {
		return nil // it has just timed out
	}
	return err
}

// taken is the token of the workflow task that a process has taken.
func taken(info *persistence.WorkflowExecutionInfo, of Execution) []byte {
	token, err := tasktoken.NewSerializer().Serialize(tasktoken.NewWorkflowTaskToken(
		info.GetNamespaceId(), of.Workflow, of.Run, info.GetWorkflowTaskScheduledEventId(), info.GetWorkflowTaskStartedEventId(),
		info.GetWorkflowTaskStartedTime(), info.GetWorkflowTaskAttempt(), nil, info.GetWorkflowTaskVersion(),
	))
	if err != nil {
		panic(err) // numbers and texts can always be encoded
	}
	return token
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// quotas grants uses of quotas that all processes share: a workflow for each counts them.
type quotas struct {
	client    client.Client
	taskQueue string
}

// take is providers.Account.Take for one account.
func (q quotas) take(account string) func(context.Context, providers.Quota) error {
	return func(ctx context.Context, quota providers.Quota) error {
		op := "take from quota " + quota.Name
		start := q.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID:                       workflows.QuotaID(account, quota.Name),
			TaskQueue:                q.taskQueue,
			WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, workflows.Quota, workflows.QuotaInput{})
		handle, err := q.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start,
			UpdateOptions: client.UpdateWorkflowOptions{
				UpdateName:   workflows.TakeUpdate,
				Args:         []any{workflows.TakeInput{Limits: quota.Limits}},
				WaitForStage: client.WorkflowUpdateStageCompleted,
			},
		})
		var out workflows.TakeOutput
		if err == nil {
			err = handle.Get(ctx, &out)
		}
		var refused *temporal.ApplicationError
		switch {
		case errors.As(err, &refused):
			return &providers.Error{Kind: providers.Malformed, Op: op, Err: err}
		case err != nil:
			return &providers.Error{Kind: providers.Transient, Op: op, Err: err}
		case out.After > 0:
			return &providers.Error{
				Kind: providers.Throttled, Op: op, After: out.After,
				Err: fmt.Errorf("all uses that the platform allows are taken; the next is free in %s", out.After.Round(time.Second)),
			}
		}
		return nil
	}
}

package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// counters are the workflows that count for all processes: one for each quota of an account, and one for its budget. The first
// request starts each of them.
type counters struct {
	client    client.Client
	taskQueue string
}

// answerTimeout is how long an update may take before it counts as failed.
const answerTimeout = 30 * time.Second

// take returns providers.Account.Take for one account. What is not for a list of changes leaves enough for the account's syncs, if it has any.
func (c counters) take(account string, sync *activities.SyncSettings) func(context.Context, providers.Quota) error {
	return func(ctx context.Context, quota providers.Quota) error {
		op := "take from quota " + quota.Name
		var out workflows.TakeOutput
		start := c.start(workflows.QuotaID(account, quota.Name), workflows.Quota, workflows.QuotaInput{Policy: workflows.NewPolicy()})
		but := ""
		in := workflows.TakeInput{Limits: quota.Limits}
		if sync != nil && !quota.Changes {
			in.Rest = besideSyncs(quota.Limits, *sync)
			but = ", but for what syncs need"
		}
		err := c.ask(ctx, start, workflows.TakeUpdate, in, &out)
		var refused *temporal.ApplicationError
		switch {
		case errors.As(err, &refused):
			return &providers.Error{Kind: providers.Malformed, Op: op, Err: err}
		case err != nil:
			return &providers.Error{Kind: providers.Transient, Op: op, Err: fmt.Errorf("%w: %w", activities.ErrTemporal, err)}
		case out.After > 0:
			return &providers.Error{
				Kind: providers.Throttled, Op: op, After: out.After,
				Err: fmt.Errorf("the platform's quota is used up%s; the next use is possible in %s", but, out.After.Round(time.Second)),
			}
		}
		return nil
	}
}

// besideSyncs is what limits leave if each sync uses a quota once. It is one use at least, so that everything else goes on. A time in which
// no two syncs begin has nothing to share.
func besideSyncs(limits []providers.Limit, sync activities.SyncSettings) (rest []providers.Limit) {
	for _, limit := range limits {
		if syncs := syncsIn(sync, limit.Per); syncs > 1 {
			rest = append(rest, providers.Limit{Uses: max(1, limit.Uses-syncs), Per: limit.Per})
		}
	}
	return rest
}

// join is activities.Activities.Join.
func (c counters) join(ctx context.Context, account string, in activities.BudgetRequest) (activities.BudgetGrant, error) {
	var grant activities.BudgetGrant
	start := c.start(workflows.BudgetID(account), workflows.Budget, workflows.BudgetInput{Policy: workflows.NewPolicy()})
	err := c.ask(ctx, start, workflows.JoinUpdate, in, &grant)
	if err == nil {
		return grant, nil
	}
	const op = "share the account's budget"
	if refused := (*temporal.ApplicationError)(nil); errors.As(err, &refused) {
		return grant, &providers.Error{Kind: providers.Malformed, Op: op, Err: err}
	}
	return grant, &providers.Error{Kind: providers.Transient, Op: op, Err: fmt.Errorf("%w: %w", activities.ErrTemporal, err)}
}

// leaseOf is activities.Activities.LeaseOf.
func (c counters) leaseOf(ctx context.Context, workflow, run string, number int) (requestsPerSecond float64, err error) {
	answer, err := c.client.QueryWorkflow(ctx, workflow, run, activities.LeaseQuery, number)
	if err == nil {
		err = answer.Get(&requestsPerSecond)
	}
	return requestsPerSecond, err
}

// maintain is activities.Activities.Maintain. The schedule starts the run, so that its overlap policy keeps one run at a time.
func (c counters) maintain(ctx context.Context, account string) (started bool, err error) {
	schedule := c.client.ScheduleClient().GetHandle(ctx, workflows.MaintainID(account))
	is, err := schedule.Describe(ctx)
	var missing *serviceerror.NotFound
	switch {
	case errors.As(err, &missing):
		return false, nil
	case err == nil && (is.Schedule.State != nil && is.Schedule.State.Paused || len(is.Info.RunningWorkflows) > 0):
		return false, nil
	case err == nil:
		err = schedule.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP})
	}
	if err != nil {
		return false, &providers.Error{Kind: providers.Transient, Op: "start the maintenance", Err: fmt.Errorf("%w: %w", activities.ErrTemporal, err)}
	}
	return true, nil
}

func (c counters) start(id string, workflow, in any) client.WithStartWorkflowOperation {
	return c.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: id, TaskQueue: c.taskQueue, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflow, in)
}

// ask sends an update to a workflow and waits for its result.
func (c counters) ask(ctx context.Context, start client.WithStartWorkflowOperation, update string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout) // an update that arrives just as a run ends may get no result
	defer cancel()
	handle, err := c.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions:          client.UpdateWorkflowOptions{UpdateName: update, Args: []any{in}, WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, out)
}

package operate

import (
	"context"
	"fmt"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/workflows"
)

// Remap starts a remap of an account, or meets the one that runs, works on it in this process, and calls show with each look at it. A
// remap that runs already keeps its range. One that only people can help is left with a BlockedError, and one that ends without a
// result is an EndError.
func (s *Session) Remap(ctx context.Context, in workflows.RemapInput, show func(workflows.RemapProgress)) (out workflows.RemapOutput, err error) {
	if err := s.Work(ctx); err != nil {
		return out, err
	}
	in.Policy = workflows.NewPolicy()
	id := workflows.RemapID(in.Account)
	run, err := s.client().ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                s.config.TaskQueue(),
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflows.Remap, in)
	if err != nil {
		return out, fmt.Errorf("start %s: %w", id, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Get(ctx, &out) }()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	retried := false
	blocked := 0 // looks in a row
	for {
		select {
		case err := <-ended:
			return out, endOf(err)
		case err := <-s.failed:
			s.failed <- err
			return workflows.RemapOutput{}, err
		case <-ticker.C:
			var p workflows.RemapProgress
			if s.query(ctx, id, &p) != nil {
				continue // the worker is not there yet, or busy; the next look tells more
			}
			show(p)
			switch {
			case p.Blocked == nil:
				blocked, retried = 0, true
			case !retried: // it was blocked before: who gives the command again has acted
				if retried = true; s.send(ctx, id, instruction{name: workflows.RetryBlockedUpdate}) != nil {
					retried = false
				}
			default:
				if blocked++; blocked > 2 {
					return workflows.RemapOutput{}, &BlockedError{[]workflows.BlockedShard{*p.Blocked}}
				}
			}
		}
	}
}

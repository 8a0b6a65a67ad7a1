package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// NotBlocked is the type of the error of a SkipUpdate that a shard refuses: it is not blocked.
const NotBlocked = "NotBlocked"

// runUnlessSkipped runs the shard until it ends or a person gives it up. Then it ends as a cancelled one does, but well, so that its export
// goes on with the others.
func (s *shard) runUnlessSkipped(ctx workflow.Context) (ShardOutput, error) {
	running, stop := workflow.WithCancel(ctx)
	skipped := false
	err := workflow.SetUpdateHandlerWithOptions(ctx, SkipUpdate, func(workflow.Context) error {
		skipped = true
		stop()
		return nil
	}, workflow.UpdateHandlerOptions{Validator: func() error {
		if s.blocked == nil {
			return temporal.NewNonRetryableApplicationError("the shard is not blocked", NotBlocked, nil)
		}
		return nil
	}})
	if err != nil {
		return ShardOutput{}, err
	}
	out, err := s.run(running)
	if !skipped || ctx.Err() != nil || !temporal.IsCanceledError(err) {
		return out, err
	}
	s.abort(ctx)
	drainSignals(ctx) // updates are handled before signals, and who has just asked for reports must hear of the end
	return ShardOutput{Skipped: true}, nil
}

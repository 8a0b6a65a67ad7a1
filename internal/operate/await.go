package operate

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// askAgainAfter is how long one question for the end of a run may go unanswered. The server drops the notice of the end if it comes
// right after another event of the run, and would answer that question only after 20 seconds.
const askAgainAfter = 2 * time.Second

// await waits for the end of a run, and decodes its result into out, unless that is nil.
func await(ctx context.Context, run client.WorkflowRun, out any) error {
	for {
		again, err := awaitFor(ctx, askAgainAfter, run, out)
		if !again {
			return err
		}
	}
}

// awaitFor does the same for some time only. It reports whether that time went by.
func awaitFor(ctx context.Context, d time.Duration, run client.WorkflowRun, out any) (again bool, err error) {
	// A context with a deadline would make the server answer sooner and sooner before it.
	round, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(d, cancel)
	defer timer.Stop()
	err = run.Get(round, out)
	if err == nil || ctx.Err() != nil || round.Err() == nil {
		return false, err
	}
	var ended *temporal.WorkflowExecutionError
	return !errors.As(err, &ended), err
}

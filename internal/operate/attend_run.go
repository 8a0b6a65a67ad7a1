package operate

import (
	"cmp"
	"context"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/workflows"
)

// attendRun waits for the end of a run that this process works on, and decodes its result. Each time it looks at the run, it calls look,
// and then show with what the run waits for besides what look has seen; nil is nothing. A run that only people can help is left with a
// BlockedError, and one that ends without a result is an EndError, in which word names it.
func (s *Session) attendRun(ctx context.Context, word string, run client.WorkflowRun, out any,
	look func() (*workflows.BlockedShard, error), show func(*workflows.Waiting)) error {
	ended := make(chan error, 1)
	go func() { ended <- await(ctx, run, out) }()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	var mute hush
	room := newRoomWatch(s.config)
	retried := false
	blocked := 0 // looks in a row
	for {
		select {
		case err := <-ended:
			return endOf(word, err)
		case err := <-s.failed:
			s.failed <- err
			return err
		case <-ticker.C:
			block, err := look()
			wait := cmp.Or(room.look(time.Now()), mute.heard(err, time.Now(), s.health(ctx)))
			if err == nil || wait != nil {
				show(wait)
			}
			switch {
			case err != nil: // the worker is not there yet, or busy; the next look tells more
			case block == nil:
				blocked, retried = 0, true
			case !retried: // it was blocked before: who gives the command again has acted
				retried = s.send(ctx, run.GetID(), instruction{name: workflows.RetryBlockedUpdate}) == nil
			default:
				if blocked++; blocked > 2 {
					return &BlockedError{[]workflows.BlockedShard{*block}}
				}
			}
		}
	}
}

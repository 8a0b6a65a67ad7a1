package operate

import (
	"context"
	"fmt"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// EndStale starts a run that ends conversations of an account, or only lists them, by the policy of this release, or meets the one that
// runs. It works on the run in this process, and calls show with each look at it. A run that runs already keeps its settings; met is true
// then. A run that only people can help is left with a BlockedError, and one that ends without a result is an EndError.
func (s *Session) EndStale(ctx context.Context, in workflows.EndStaleInput, show func(workflows.EndStaleProgress)) (out workflows.EndStaleOutput, met bool, err error) {
	id := workflows.EndStaleID(in.Account)
	if status, err := s.status(ctx, id); err != nil {
		return out, false, err
	} else if met = status == StatusRunning; !met {
		if err := worker.Check(ctx, s.config, in.Account); err != nil {
			return out, false, err
		}
	}
	if err := s.Work(ctx); err != nil {
		return out, met, err
	}
	in.Policy = workflows.NewPolicy()
	run, err := s.start(ctx, in.Account, string(KindEndStale), id, workflows.EndStaleChats, in)
	if err != nil {
		return out, met, fmt.Errorf("start %s: %w", id, err)
	}
	var seen workflows.EndStaleProgress
	err = s.attendRun(ctx, "run", run, &out, func() (*workflows.BlockedShard, error) {
		var p workflows.EndStaleProgress
		err := s.query(ctx, id, &p)
		if err == nil {
			seen = p
			if seen.Waiting == nil {
				seen.Waiting = worker.Waiting(ctx, s.client(), id)
			}
		}
		return p.Blocked, err
	}, func(wait *workflows.Waiting) {
		if wait != nil {
			seen.Waiting = wait
		}
		show(seen)
	})
	return out, met, err
}

package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
)

// countAhead asks the provider for its count while the shard is sealed, with the lease that the fetches had. Whatever goes wrong, verify
// asks again. Only shards of which a count is needed in any case are counted.
func (s *shard) countAhead(ctx workflow.Context) {
	s.counted = nil
	total, rate := s.state.Open.Total, s.lease
	if !s.policy.CountAhead || s.small || s.in.Depth != activities.DepthWhole || total == nil && !s.in.Uncounted || s.unleased || s.paused || s.counting {
		return
	}
	s.counting = true
	s.use(rate, 1)
	workflow.Go(ctx, func(ctx workflow.Context) {
		out, err := call(quick(ctx), do.VerifyShard, activities.VerifyShardInput{
			Target: s.target(), Depth: s.in.Depth, Lease: activities.Lease(rate), Ahead: true,
		})
		s.use(rate, -1)
		s.add(out.Usage)
		if s.counting = false; err == nil {
			s.counted = &activities.Counted{Total: out.Total}
		}
	})
}

func countMismatch(counted, listed int64) string {
	return fmt.Sprintf("the provider counts %d conversations in the window and lists %d", counted, listed)
}

// recount asks the provider for its count again after a wait: while conversations are being deleted, a list and a later count
// differ. If the count changes, the window is listed again.
func (s *shard) recount(ctx workflow.Context, sealed activities.SealShardOutput, verified *activities.VerifyShardOutput) (again bool, err error) {
	s.recounts++
	before := *verified.Total
	differ := Waiting{For: activities.ForPlatform, Kind: CountMismatch, Why: countMismatch(before, sealed.Counts.Listed)}
	if err := s.sleep(ctx, s.policy.backoff(s.recounts), differ); err != nil {
		return false, err
	}
	s.counted = nil
	*verified, err = s.verify(ctx, sealed)
	switch {
	case err != nil:
		return false, err
	case verified.BadFiles > 0:
		return true, nil // sealed again
	case verified.Missing > 0 && verified.Total != nil && *verified.Total != before:
		s.listAgain()
		return true, nil
	}
	return false, nil
}

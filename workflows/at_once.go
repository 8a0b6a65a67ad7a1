package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// Small shards take fewer activities: one that lists and fetches, and one that seals, verifies and commits. Each activity costs a round
// through Temporal, which takes longer than what it does for a few conversations.

// atOnce says what the activity that lists the shard may fetch as well; nil is nothing.
func (s *shard) atOnce(lease providers.Lease) *activities.AtOnce {
	most := s.policy.mostAtOnce(lease)
	if rate := lease.RequestsPerSecond; rate > 0 && s.policy.LeaseLook <= 0 { // towards the end, others wait for a larger lease
		seconds := 4 * s.policy.ShortestChunk.Seconds()
		if s.last {
			seconds /= 8
		}
		most = min(most, int(seconds*rate))
	}
	if most < 1 || s.in.ChunkSize > 0 || s.state.Pages > 0 || !s.in.Shard.Stream.HasConversations() {
		return nil
	}
	return &activities.AtOnce{Requests: most, Messages: s.in.MessageRequests, Metadata: s.in.MetadataRequests}
}

// mostAtOnce is how many requests the activity that lists a shard may take to fetch its conversations as well. It holds its lease no longer
// than eight of the shortest chunks. Without a limit, more than the fewest requests of a chunk are shared by the fetches in flight.
func (p Policy) mostAtOnce(lease providers.Lease) int {
	if rate := lease.RequestsPerSecond; rate > 0 {
		return min(p.FetchAtOnce, int(8*p.ShortestChunk.Seconds()*rate))
	}
	return min(p.FetchAtOnce, p.FewestFree)
}

// isSmall reports whether one activity may finish the shard.
func (s *shard) isSmall() bool {
	most := int64(s.policy.FinishAtOnce)
	return most > 0 && s.state.Listed <= most && len(s.receipts.Saved) == 0
}

// finishAtOnce seals, verifies and commits a small shard.
func (s *shard) finishAtOnce(ctx workflow.Context) (out activities.FinishShardOutput, err error) {
	s.sealing = true
	defer func() { s.sealing = false }()
	err = s.retryUntilDone(ctx, func() (err error) {
		if err := s.awaitLease(ctx); err != nil {
			return err
		}
		u := s.begin(s.lease)
		out, err = call(sealing(ctx), do.FinishShard, activities.FinishShardInput{
			Seal: s.sealInput(), Depth: s.in.Depth, Uncounted: s.in.Uncounted, Lease: activities.Lease(s.lease), Guarded: s.state.Open.OpenedAt != nil,
			Grows: s.grows(u, 0),
		})
		s.end(u)
		s.add(out.Verified.Usage)
		return err
	})
	return out, err
}

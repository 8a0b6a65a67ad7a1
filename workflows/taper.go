package workflows

import "github.com/chatlake/chatlake/providers"

// next takes a chunk off the queue, or a part of one. Towards the end of a shard, chunks become smaller and smaller, so that the
// last ones end together and no lease is idle while one of them still runs (guided self-scheduling: Polychronopoulos, Kuck, 1987).
func (s *shard) next(lease providers.Lease) chunk {
	c := s.queue[0]
	s.queue = s.queue[1:]
	left, known := s.requestsLeft(c)
	if s.in.ChunkSize > 0 || !known && !s.fits(lease) {
		return c
	}
	requests := s.portion(left, known, lease)
	if size := max(1, int(requests/s.cost(c, 1))); c.high-c.low > size {
		rest := c
		c.high, rest.low = c.low+size, c.low+size
		s.requeue(rest)
	}
	return c
}

// fits reports whether chunks are cut to fit their leases. Then chunks that start together take equally long, and none takes longer
// than ChunkLength.
func (s *shard) fits(lease providers.Lease) bool {
	return s.policy.Behaviour >= 1 && lease.RequestsPerSecond > 0
}

// portion is how many of the remaining requests go into one chunk.
func (s *shard) portion(left float64, known bool, lease providers.Lease) float64 {
	slots, shortest := float64(max(1, s.slots)), s.policy.ShortestChunk.Seconds()
	switch seconds := s.policy.ChunkLength.Seconds(); {
	case s.fits(lease) && known:
		return lease.RequestsPerSecond * min(seconds, max(left/(2*s.budget()), shortest))
	case s.fits(lease):
		return lease.RequestsPerSecond * seconds
	case s.lease.RequestsPerSecond > 0:
		return max(left/(2*slots), shortest*s.budget()/slots)
	}
	return max(left/(2*slots), float64(s.policy.FewestFree))
}

// requestsLeft is how many requests are still to be given out, including those of a chunk; false if the length of the list is not
// known.
func (s *shard) requestsLeft(c chunk) (requests float64, known bool) {
	requests = s.cost(c, c.high-c.low)
	for _, waiting := range s.queue {
		requests += s.cost(waiting, waiting.high-waiting.low)
	}
	switch total := s.state.Open.Total; {
	case s.listed:
	case total == nil:
		return 0, false
	default:
		requests += float64(max(0, *total-s.state.Listed)) * (s.in.MessageRequests + s.in.MetadataRequests)
	}
	return requests, true
}

// ending reports whether no more is left than one smallest chunk per slot, for a shard without a limit. The next shard opens and
// lists meanwhile.
func (s *shard) ending() bool {
	left, _ := s.requestsLeft(chunk{})
	return s.lease.RequestsPerSecond <= 0 && s.listed && left <= float64(s.slots*s.policy.FewestFree)
}

// cost is how many requests a number of conversations of a chunk takes.
func (s *shard) cost(c chunk, conversations int) float64 {
	if c.metadata {
		return float64(conversations) * max(s.in.MetadataRequests, 0.01)
	}
	return float64(conversations) * max(s.in.MessageRequests, 0.01)
}

package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// listFailed handles a list that failed.
func (s *shard) listFailed(ctx workflow.Context, err error) {
	remedy, kind := remedyOf(err)
	switch remedy {
	case giveUp, again:
	case wait:
		s.backOff(ctx, waitOf(err), err)
	case relist:
		s.listAgain()
	case cutShard:
		if _, _, ok := s.in.Shard.Window.Halve(); ok {
			s.cut, s.queue = true, nil
			return
		}
		s.blockList(ctx, kind, err)
	case restart:
		s.lost = err
	case split, askHuman:
		if s.row.passes(s.policy, kind, s.failures) {
			s.backOff(ctx, 0, err)
			return
		}
		s.blockList(ctx, kind, err)
	}
}

// blockList blocks the shard over its list. Once a person orders to try again, failures are counted from 0.
func (s *shard) blockList(ctx workflow.Context, kind string, err error) {
	s.retry = true
	s.blockOnce(ctx, kind, detailOf(err))
	if ctx.Err() == nil && s.patient(ctx, "list") {
		s.failures = 0
	}
}

// fetchFailed puts a chunk back into the queue, whole or in halves. A single conversation at fault becomes a dead letter.
func (s *shard) fetchFailed(ctx workflow.Context, c chunk, err error) {
	if s.cut {
		return
	}
	c.attempts++
	remedy, kind := remedyOf(err)
	switch remedy {
	case giveUp:
	case restart:
		s.lost = err
	case split:
		if s.mayPass(ctx, &c, kind) {
			s.requeue(c)
			s.backOff(ctx, s.policy.backoff(c.waits), err)
			return
		}
		s.halve(c, kind, detailOf(err))
	case again:
		s.requeue(c)
	case askHuman:
		s.requeue(c)
		s.blockOnce(ctx, kind, detailOf(err))
	default:
		if kind == string(providers.Transient) && s.failsAlone(&c) {
			s.halve(c, kind, detailOf(err))
			return
		}
		if c.waits < s.policy.WaitsAlone {
			s.requeue(c)
		} else {
			s.queue = append(s.queue, c) // others may succeed meanwhile
		}
		s.backOff(ctx, waitOf(err), err)
	}
}

// halve puts the halves of a chunk into the queue. A chunk of one conversation becomes a dead letter.
func (s *shard) halve(c chunk, kind, detail string) {
	if c.high-c.low > 1 {
		middle := (c.low + c.high) / 2
		left, right := c, c
		left.high, right.low = middle, middle
		s.queue = append([]chunk{left, right}, s.queue...)
		return
	}
	step := "FetchMessages"
	if c.metadata {
		step = "FetchMetadata"
	}
	s.receipts.Dead = append(s.receipts.Dead, activities.DeadRef{
		Page: c.page, Index: c.low, Step: step, Kind: kind, Detail: detail, Attempts: c.attempts,
	})
}

// failsAlone reports whether a chunk keeps failing with transient errors while others succeed. Then the provider is not down; one
// conversation of the chunk cannot be fetched. The last chunk has no others to compare with, so it is halved to get some. A single
// conversation must fail as many times again.
func (s *shard) failsAlone(c *chunk) bool {
	if c.since == 0 {
		c.since = s.done // at least 1: the page was listed
	}
	c.waits++
	last := c.high-c.low > 1 && s.listed && s.inFlight == 0 && len(s.queue) == 0
	if c.waits < s.policy.WaitsAlone || s.done == c.since && !last {
		return false
	}
	if c.waits = s.policy.WaitsAlone - 1; c.high-c.low <= 2 {
		c.waits = 0
	}
	c.since = s.done
	return true
}

// mayPass reports whether to wait for a single conversation whose answer cannot be read. It is worth a wait if no other answer of
// its kind has been read since: perhaps none can be read for a while.
func (s *shard) mayPass(ctx workflow.Context, c *chunk, kind string) bool {
	if kind != string(providers.Malformed) {
		return false
	}
	now := workflow.Now(ctx)
	if c.unread.IsZero() {
		c.unread, c.fetched = now, s.fetched[c.metadata]
	}
	if c.high-c.low > 1 || s.fetched[c.metadata] != c.fetched || now.Sub(c.unread) >= s.policy.longestUnread() || !s.patient(ctx, "fetch") {
		return false
	}
	c.waits++
	return true
}

func (s *shard) requeue(c chunk) { s.queue = append([]chunk{c}, s.queue...) }

// backOff pauses all of the shard's work, for at least as long as the error asks. Chunks that fail meanwhile do not make it longer.
func (s *shard) backOff(ctx workflow.Context, least time.Duration, cause error) {
	if s.waiting != nil {
		return
	}
	w := s.row.after(ctx, cause, s.failures)
	s.failures++
	if err := s.sleep(ctx, max(least, s.policy.backoff(s.failures)), w); err != nil {
		return // cancelled: the main routine sees it too
	}
}

// blockOnce blocks the shard unless it is blocked already.
func (s *shard) blockOnce(ctx workflow.Context, kind, detail string) {
	if s.blocked == nil {
		if err := s.block(ctx, kind, detail); err != nil {
			return // cancelled: the main routine sees it too
		}
	}
}

// listAgain starts the list over. Conversations that were listed before are left out.
func (s *shard) listAgain() {
	s.state.Known, s.state.Cursor, s.listed = true, "", false
	if s.state.Unlisted == lookupBegun {
		s.state.Unlisted = lookupAhead
	}
}

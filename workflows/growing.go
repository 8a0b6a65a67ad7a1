package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// Leases of activities grow at the end of an export: what one window no longer needs goes to those that are left, although all of their work
// is given out. Otherwise the last windows would go on at the rate that they began with when there were more of them.

// begin counts the lease of an activity that starts.
func (s *shard) begin(lease providers.Lease) *inUse {
	s.begun++
	u := &inUse{s.begun, lease}
	s.growing = append(s.growing, u)
	s.use(lease, 1)
	return u
}

// end takes back the lease of an activity that has ended.
func (s *shard) end(u *inUse) {
	s.growing = slices.DeleteFunc(s.growing, func(other *inUse) bool { return other == u })
	s.use(u.Lease, -1)
}

// growLeases gives what is free of the lease to the activities in flight, if none is left to begin with it and no other shard is left
// that could use it.
func (s *shard) growLeases() {
	free := s.free()
	if s.policy.LeaseLook <= 0 || !s.last && !(s.in.Near && !s.listed) || !s.lent() || s.unleased || s.paused || s.blocked != nil || s.hasWork() || len(s.growing) == 0 ||
		free < s.policy.IdleShare*s.lease.RequestsPerSecond {
		return
	}
	for _, u := range s.growing {
		u.RequestsPerSecond += free / float64(len(s.growing))
	}
	s.leased += free
	if s.needs > 0 {
		s.needs = s.leased
	}
}

// grows tells an activity that takes about so many requests how to find out that its lease has grown; nil if it will not.
func (s *shard) grows(u *inUse, requests float64) *activities.Growing {
	if s.policy.LeaseLook <= 0 || !s.lent() || !s.last && !s.in.Near {
		return nil
	}
	length := time.Duration(requests / u.RequestsPerSecond * float64(time.Second))
	g := &activities.Growing{Number: u.number, Every: min(max(s.policy.LeaseLook, length/looksPerLease), longestLook)}
	if !s.last && s.state.Pages == 0 {
		g.After = s.in.NearIn
	}
	return g
}

// An activity asks about looksPerLease times, and at least every longestLook.
const (
	looksPerLease = 20
	longestLook   = 3 * time.Second
)

// answerLeases answers what activities ask about their leases.
func (s *shard) answerLeases(ctx workflow.Context) error {
	return workflow.SetQueryHandler(ctx, activities.LeaseQuery, func(number int) (requestsPerSecond float64, _ error) {
		for _, u := range s.growing {
			if u.number == number {
				requestsPerSecond = u.RequestsPerSecond
			}
		}
		return requestsPerSecond, nil
	})
}

// ending reports whether no other shards are to come, so that those in flight share the whole rate until they end.
func (e *export) ending() bool { return e.policy.LeaseLook > 0 && e.unstarted() == 0 }

// fixed reports whether a shard goes on with the lease that it began with. A small one has a single activity, so that a larger lease
// would do nothing. What others leave is for shards that have not started, however many are at work.
func (e *export) fixed() bool {
	return e.policy.LeaseLook > 0 && e.state.RequestsPerSecond > 0 && e.isSmall() && e.hasWork()
}

// near reports whether a shard that starts now may still be at work when no others are to come, and in about how long that is.
func (e *export) near() (near bool, in time.Duration) {
	if e.policy.LeaseLook <= 0 || e.state.RequestsPerSecond <= 0 || e.unstarted() > max(e.places(), e.active()) {
		return false, 0
	}
	if done := e.state.Copied; done.Windows > 0 {
		requests := float64(done.Requests) / float64(done.Windows) * float64(e.unstarted())
		in = min(e.policy.ChunkLength, time.Duration(requests/e.state.RequestsPerSecond*float64(time.Second))).Truncate(time.Millisecond)
	}
	return true, in
}

// favoured is the shard that gets what is free when no others are to come: the one with the smallest lease, and of those the one that
// started last. If each of many had a part of it, each end of one would take as many signals. Nil is all of them.
func (e *export) favoured() (favoured *child) {
	if !e.ending() || !e.isSmall() || e.isOverdrawn() {
		return nil
	}
	for _, c := range e.children {
		if e.sharesRate(c) && c.steered() && !c.None && (favoured == nil || c.RequestsPerSecond <= favoured.RequestsPerSecond) {
			favoured = c
		}
	}
	return favoured
}

// sharesRate reports whether a shard in flight has a part of the rate. If no shard is left that has work to give out, those have it that
// have given out all of theirs.
func (e *export) sharesRate(c *child) bool {
	return c.working() || c.needs > 0 && c.blocked == nil && !c.idle && (!c.held || c.own) && e.ending() && e.working() == 0
}

package workflows

import (
	"math"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// Told is what an Export has told a shard about its lease, for as long as the shard may act on it. Leases are numbered. The shard
// reports the number of the newest lease that it knows, and the most that it leases to activities until it gets another. So a
// larger lease counts until the shard confirms a smaller one, however long its activities take.
type Told struct {
	providers.Lease     // the newest
	Number          int `json:"number,omitempty"` // of the newest; a shard starts with lease 0
	// Rates are the leases that the shard may act on, oldest first. The first is what the shard last reported, the last is the
	// newest.
	Rates []float64 `json:"rates,omitempty"`
	// None is true if the shard has given its lease back and waits for another.
	None bool `json:"none,omitempty"`
}

// most is the most that the shard may have leased to its activities.
func (t *Told) most() (most float64) {
	for _, rate := range t.Rates {
		most = max(most, rate)
	}
	return most
}

// start sets the lease that a run of the shard starts with.
func (t *Told) start(lease providers.Lease) {
	*t = Told{Lease: lease, Rates: []float64{counted(lease.RequestsPerSecond)}}
}

// tell numbers a lease that is about to be sent to the shard. Earlier leases that are not larger are forgotten.
func (t *Told) tell(lease providers.Lease) {
	rate := counted(lease.RequestsPerSecond)
	if rate >= t.most() {
		t.Rates = nil
	}
	t.Lease, t.None = lease, false
	t.Number++
	t.Rates = append(slices.Clip(t.Rates), rate)
}

// hear handles a shard's report. A shard that has not seen the oldest lease that counts may still act on any of them.
func (t *Told) hear(number int, keeps float64) {
	i := len(t.Rates) - 1 - (t.Number - number)
	if i < 0 || i >= len(t.Rates) {
		return
	}
	t.Rates = slices.Clone(t.Rates[i:])
	t.Rates[0] = keeps
	if number == t.Number && !t.None {
		t.RequestsPerSecond = min(t.RequestsPerSecond, keeps)
	}
}

// giveBack notes that the shard has no lease until it gets another. What it has leased to activities counts until it reports their
// end.
func (t *Told) giveBack() { t.None = t.None || t.RequestsPerSecond > 0 }

// counted is the rate of a lease in a sum. No limit (0) counts as the largest rate.
func counted(rate float64) float64 {
	if rate <= 0 {
		return math.MaxFloat64
	}
	return rate
}

// free is the part of the export's rate that no shard may have leased to its activities, not counting one shard.
func (e *export) free(except *child) float64 {
	free := e.state.RequestsPerSecond
	for _, c := range e.children {
		if c != except {
			free -= c.most()
		}
	}
	return free
}

// isOverdrawn reports whether more is leased than the rate, as until the shards obey one that has been lowered.
func (e *export) isOverdrawn() bool {
	return e.state.RequestsPerSecond > 0 && e.free(nil) < -rounding*e.state.RequestsPerSecond
}

// leases reports whether activities may still have leases. Shards that are being sealed are left out: they send next to no requests.
func (e *export) leases() bool {
	return e.policy.Behaviour >= 1 && e.state.RequestsPerSecond > 0 &&
		slices.ContainsFunc(e.children, func(c *child) bool { return !c.idle && c.most() > 0 })
}

// mayLease reports whether enough of the export's rate is free for another shard: LeastLease of its share, as for an activity.
func (e *export) mayLease() bool {
	return e.policy.Behaviour < 1 || e.state.RequestsPerSecond <= 0 || e.free(nil) >= e.policy.LeastLease*e.share()
}

// due is the rate that a shard should have; 0 is none for now.
func (e *export) due(c *child) float64 {
	switch {
	case e.policy.Behaviour >= 1 && (c.blocked != nil || e.state.Paused):
		return 0
	case c.idle && e.policy.Behaviour >= 3 && !c.None && !e.isLast():
		if e.isOverdrawn() {
			return min(c.RequestsPerSecond, e.idleShare())
		}
		return c.RequestsPerSecond // it has released the rest itself
	case c.idle:
		return e.idleShare()
	case c.needs > 0 && !e.sharesRate(c):
		return c.RequestsPerSecond // it has released the rest itself
	}
	return e.share()
}

// grant is the lease that a shard can get now: its due, as far as that much is free. It returns false if the shard should not be
// sent a lease.
func (e *export) grant(c *child) (providers.Lease, bool) {
	part, due := e.state.RequestsPerSecond, e.due(c)
	if e.policy.Behaviour < 1 {
		return e.leaseOf(due), c.Lease != e.leaseOf(due)
	}
	if part <= 0 {
		return e.leaseOf(0), c.None && c.blocked == nil || !c.None && c.Lease != e.leaseOf(0)
	}
	rate := min(due, max(c.most(), e.free(c)))
	if f := e.favoured(); f == c {
		rate, due = max(c.RequestsPerSecond, e.free(c)), part
	} else if f != nil && e.sharesRate(c) && !c.None {
		return c.Lease, false
	}
	lease := e.leaseOf(rate)
	switch {
	case rate <= 0:
		return lease, false
	case c.None:
		return lease, rate >= min(due, e.policy.LeastLease*e.share())
	case c.RequestsPerSecond < rate && e.fixed() && c.working():
		return lease, false
	case c.RequestsPerSecond < rate && rate < due && rate-c.RequestsPerSecond < e.policy.IdleShare*part:
		return lease, false // too little for a signal
	default:
		return lease, c.Lease != lease
	}
}

// lendFirst gives a shard its first lease if enough is free; see mayLease.
func (e *export) lendFirst(c *child) {
	c.None = e.policy.Behaviour >= 1
	if lease, ok := e.grant(c); ok && c.None {
		c.start(lease)
	}
}

// lend waits for the lease of a shard that is about to start.
func (e *export) lend(ctx workflow.Context, c *child) error {
	if e.policy.Behaviour < 1 {
		if c.RequestsPerSecond == unknownShare {
			c.Lease, c.chunks = e.leaseOf(e.share()), e.chunks(c)
		}
		return nil
	}
	lease, ok := c.Lease, true
	err := workflow.Await(ctx, func() bool {
		if c.None {
			lease, ok = e.grant(c)
		}
		return ok
	})
	if err == nil {
		if c.start(lease); c.chunks == 0 { // an earlier run has begun the shard
			c.chunks = e.chunks(c)
		}
	}
	return err
}

// hearLease handles what a shard reports about its lease. A shard of a release without such reports is believed to act on what it
// is told.
func (e *export) hearLease(c *child, in stateInput) {
	keeps := in.Keeps
	if in.Blocked != nil {
		if c.giveBack(); keeps == nil {
			keeps = new(float64)
		}
	}
	switch {
	case c.held && !c.own:
		c.Told = Told{None: true} // it uses the share of another export
	case keeps == nil:
	case c.met:
		c.Number, c.Rates = in.Number, []float64{*keeps} // from an earlier export of the same name
		fallthrough
	default:
		c.hear(in.Number, *keeps)
	}
	c.met = c.met && !c.own
}

// over notes that a run of the shard has ended and uses nothing.
func (c *child) over() {
	c.future, c.blocked, c.idle, c.needs = nil, nil, false, 0
	if c.None {
		c.Rates = nil
	}
}

package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// lessee is what a Shard knows about its lease besides the lease itself; see Told.
type lessee struct {
	number    int     // of the newest lease from the Export
	leased    float64 // the sum of the leases of the activities in flight
	unlimited int     // activities in flight without a limit
	known     float64 // the most that the Export believes the shard leases
	unleased  bool    // it has given its lease back, and sends no requests until it has another
}

// lent reports whether an Export leases the shard its rate, and lends it to others while the shard does not use it.
func (c *control) lent() bool {
	return c.parent != nil && c.lease.RequestsPerSecond > 0 && c.policy.Behaviour >= 1
}

// inUse is the lease of an activity in flight.
type inUse struct {
	number int // of the activity in this run
	providers.Lease
}

// keeps is the most that the shard leases to its activities until it gets another lease.
func (c *control) keeps() float64 {
	switch {
	case c.unlimited > 0, !c.unleased && c.lease.RequestsPerSecond <= 0:
		return counted(0)
	case c.unleased:
		return c.leased
	}
	return max(c.lease.RequestsPerSecond, c.leased)
}

// giveBack gives the lease back, except what activities in flight use.
func (c *control) giveBack() { c.unleased = c.unleased || c.lent() }

// takeLease handles a new lease from the Export.
func (c *control) takeLease(lease providers.Lease, number int) {
	c.lease = lease
	if c.policy.Behaviour < 1 {
		return
	}
	c.number, c.known = number, max(c.known, counted(lease.RequestsPerSecond))
	if c.blocked == nil && !c.paused || lease.RequestsPerSecond <= 0 {
		c.unleased = false // otherwise the Export sent it before it knew
	}
	if c.needs > 0 && !(c.last && c.policy.LeaseLook > 0) {
		c.lease.RequestsPerSecond = min(c.lease.RequestsPerSecond, c.needs)
	}
	if c.grow != nil {
		c.grow()
	}
}

// confirm tells the Export whenever the shard keeps less than the Export believes.
func (c *control) confirm(ctx workflow.Context) {
	for {
		err := workflow.Await(ctx, func() bool {
			return !c.ended && c.keeps() < (1-rounding)*c.known
		})
		if err != nil {
			return
		}
		c.reportState(ctx)
	}
}

// rounding is the relative error that a sum of leases may have from floating-point arithmetic.
const rounding = 1e-9

// awaitLease waits until the shard has a lease.
func (c *control) awaitLease(ctx workflow.Context) error {
	for c.unleased {
		if err := workflow.Await(ctx, func() bool { return !c.unleased || !c.paused }); err != nil {
			return err
		}
		_, err := workflow.AwaitWithTimeout(ctx, c.policy.LongestWait, func() bool { return !c.unleased })
		if err != nil {
			return err
		}
		if c.unleased {
			c.reportState(ctx) // finds out if the Export is gone; see report
		}
	}
	return nil
}

// use adds the lease of an activity that starts, or with sign -1 takes off that of one that has ended.
func (l *lessee) use(lease providers.Lease, sign int) {
	if lease.RequestsPerSecond <= 0 {
		l.unlimited += sign
	}
	if l.leased += float64(sign) * lease.RequestsPerSecond; l.leased < rounding {
		l.leased = 0
	}
}

// leaseAll waits for a lease and leases all of it to the only activity in flight.
func (c *control) leaseAll(ctx workflow.Context) (providers.Lease, error) {
	err := c.awaitLease(ctx)
	if err == nil {
		c.use(c.lease, 1)
	}
	return c.lease, err
}

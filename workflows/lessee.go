package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// lessee is what a Shard knows of its lease besides the lease itself; see Told.
type lessee struct {
	number    int     // of the newest lease that the Export has told
	leased    float64 // the sum of the leases of the activities in flight
	unlimited int     // activities in flight that have no limit
	known     float64 // the most that the Export counts the shard to have leased
	unleased  bool    // it has given its lease back, and asks the platform nothing until it has another
}

// lent reports whether the shard has its lease from an Export, which gives it to others while the shard does not use it.
func (c *control) lent() bool {
	return c.parent != nil && c.lease.RequestsPerSecond > 0 && c.policy.Behaviour >= 1
}

// keeps is the most that the shard leases to its activities until it is told another lease.
func (c *control) keeps() float64 {
	switch {
	case c.unlimited > 0, !c.unleased && c.lease.RequestsPerSecond <= 0:
		return counted(0)
	case c.unleased:
		return c.leased
	}
	return max(c.lease.RequestsPerSecond, c.leased)
}

// giveBack gives the lease back, but for what is in flight.
func (c *control) giveBack() { c.unleased = c.unleased || c.lent() }

// takeLease takes a lease that the Export has told.
func (c *control) takeLease(lease providers.Lease, number int) {
	c.lease = lease
	if c.policy.Behaviour < 1 {
		return
	}
	c.number, c.known = number, max(c.known, counted(lease.RequestsPerSecond))
	if c.blocked == nil && !c.paused || lease.RequestsPerSecond <= 0 {
		c.unleased = false // otherwise it was told before the Export knew
	}
	if c.needs > 0 {
		c.lease.RequestsPerSecond = min(c.lease.RequestsPerSecond, c.needs)
	}
}

// confirm tells the Export whenever the shard keeps to less than the Export counts.
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

// rounding is how much of a sum of leases may be an error of floating-point arithmetic.
const rounding = 1e-9

// awaitLease waits until the Export has leased the shard a rate again.
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
			c.reportState(ctx) // an Export that is gone leases nothing; see report
		}
	}
	return nil
}

// use counts the lease of an activity that begins, and with -1 of one that has ended.
func (l *lessee) use(lease providers.Lease, sign int) {
	if lease.RequestsPerSecond <= 0 {
		l.unlimited += sign
	}
	if l.leased += float64(sign) * lease.RequestsPerSecond; l.leased < rounding {
		l.leased = 0
	}
}

// leaseAll leases all that the shard has to one activity, the only one in flight. It waits until there is a lease.
func (c *control) leaseAll(ctx workflow.Context) (providers.Lease, error) {
	err := c.awaitLease(ctx)
	if err == nil {
		c.use(c.lease, 1)
	}
	return c.lease, err
}

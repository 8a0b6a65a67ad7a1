package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// listen handles updates from people, signals from shards and the Budget, and the query for progress.
func (e *export) listen(ctx workflow.Context) error {
	e.self = workflow.GetInfo(ctx).WorkflowExecution.ID
	order := func(name string, in any) { e.orders = append(e.orders, message{name, in}) }
	err := setUpdates(ctx, steering{
		pause:  func() { e.state.Paused = true; order(pauseSignal, pauseInput{Paused: true}) },
		resume: func() { e.state.Paused = false; order(pauseSignal, pauseInput{}) },
		retry:  func() { e.blocked = nil; order(retryBlockedSignal, retryBlockedInput{}) },
		rate:   e.setRate,
	})
	if err != nil {
		return err
	}
	lease := func(lease providers.Lease, yields bool) {
		e.state.Lease = lease
		e.yieldsSince(yields, workflow.Now(ctx))
		if e.policy.Behaviour >= 1 {
			e.state.Away = false // the Budget counts this export as a user; updateBudget leaves it again
		}
		e.wake()
	}
	onSignal(ctx, stateSignal, func(_ workflow.Context, in stateInput) { e.takeState(in) })
	onSignal(ctx, endedSignal, func(_ workflow.Context, in endedInput) { e.takeEnd(in) })
	onSignal(ctx, blockedSignal, func(_ workflow.Context, in blockedInput) {
		if in.Ended {
			e.takeEnd(endedInput{Shard: in.Shard, Parent: in.Parent, Output: in.Output})
		} else {
			e.takeState(in.state())
		}
	})
	onSignal(ctx, leaseSignal, func(_ workflow.Context, in leaseInput) { lease(in.Lease, in.Yields) })
	onSignal(ctx, shareSignal, func(_ workflow.Context, in shareInput) { lease(providers.Lease(in.Lease), in.Yields) })
	return workflow.SetQueryHandler(ctx, ProgressQuery, e.progress)
}

// wake makes the export balance the shares, and check whether it should continue as new.
func (e *export) wake() { e.orders = append(e.orders, message{}) }

// forwardOrders sends the orders of people to the shards. An empty order only wakes the workflow.
func (e *export) forwardOrders(ctx workflow.Context) {
	for len(e.orders) > 0 {
		order := e.orders[0]
		e.orders = e.orders[1:]
		if order.name == "" {
			continue
		}
		for _, c := range slices.Clone(e.children) {
			if in, ok := order.in.(pauseInput); ok && in.Paused && c.steered() {
				c.giveBack()
			}
			e.signal(ctx, c, order)
		}
	}
}

// setRate changes the account's budget. Until the Budget sends a lease, this export keeps the same part of it.
func (e *export) setRate(account float64) {
	part := 1.0
	if e.state.AccountRequestsPerSecond > 0 {
		part = e.state.RequestsPerSecond / e.state.AccountRequestsPerSecond
	}
	e.state.Lease, e.set = providers.Lease{RequestsPerSecond: part * account, AccountRequestsPerSecond: account}, &account
}

// updateBudget joins or leaves the account's Budget when the export gets work or runs out of it, for example while all shards are
// blocked.
func (e *export) updateBudget(ctx workflow.Context) {
	set := e.set
	if e.set = nil; e.state.Open.Grant == nil {
		return
	}
	if set != nil {
		e.tellBudget(ctx, message{setRateSignal, SetRateInput{RequestsPerSecond: *set}})
	}
	if away := e.working() == 0 && !e.mayBegin() && !e.leases(); away != e.state.Away {
		e.state.Away = away
		if away {
			e.tellBudget(ctx, message{leaveSignal, leaveInput{e.self}})
		} else {
			e.tellBudget(ctx, message{joinSignal, joinInput{BudgetUser{Workflow: e.self, Sync: e.in.Sync}}})
		}
	}
}

// leaveBudget gives the export's share to others, even if the export was cancelled.
func (e *export) leaveBudget(ctx workflow.Context) {
	if e.state.Open.Grant == nil || e.state.Away {
		return
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	e.tellBudget(detached, message{leaveSignal, leaveInput{e.self}})
}

// tellBudget signals the account's Budget. If there is none, nobody else uses the budget.
func (e *export) tellBudget(ctx workflow.Context, m message) {
	for _, m := range e.policy.signals(m) {
		if err := workflow.SignalExternalWorkflow(ctx, BudgetID(e.in.Account), "", m.name, m.in).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("the account's budget does not run", "account", e.in.Account)
		}
	}
}

// share is the rate of each shard that has work. Idle shards keep a little for their last requests. It is taken off only while more is
// leased than the rate, after that has been lowered: otherwise each shard that begins to seal would change the leases of all others, and
// grant leases to none more than is free.
func (e *export) share() float64 {
	working := 0
	for _, c := range e.children {
		if e.sharesRate(c) {
			working++
		}
	}
	rate := e.state.RequestsPerSecond
	for _, c := range e.children {
		if c.blocked == nil && c.idle {
			switch {
			case e.policy.Behaviour < 3:
				rate -= e.policy.IdleShare * e.state.RequestsPerSecond
			case e.isOverdrawn() && !c.None:
				rate -= c.RequestsPerSecond
			}
		}
		if e.policy.Behaviour < 1 {
			rate -= c.needs // see grant
		}
	}
	soon := min(e.places(), working+e.unstarted())
	// At least a little, even if others have leased all of it: 0 would be no limit.
	return max(e.policy.IdleShare*e.state.RequestsPerSecond, rate) / float64(max(1, soon, working))
}

// leaseOf is a lease of a rate.
func (e *export) leaseOf(rate float64) providers.Lease {
	return providers.Lease{RequestsPerSecond: rate, AccountRequestsPerSecond: e.state.AccountRequestsPerSecond}
}

// working is how many shards in flight have work to give out.
func (e *export) working() (n int) {
	for _, c := range e.children {
		if c.working() {
			n++
		}
	}
	return n
}

// working reports whether a shard has work to give out and uses this export's share. A shard that is being sealed has none left,
// and a shard of another export uses that export's share.
func (c *child) working() bool {
	return c.blocked == nil && !c.idle && c.needs == 0 && (!c.held || c.own)
}

// listing is how many shards with work only read a list, one request at a time. Without a budget to split, they take no places.
func (e *export) listing() (n int) {
	for _, c := range e.children {
		if e.state.RequestsPerSecond <= 0 && !c.Stream.HasConversations() && c.working() {
			n++
		}
	}
	return n
}

// chunks is how many fetches a shard keeps in flight. Without a budget to split, it includes those of places that no shard needs
// any more.
func (e *export) chunks(c *child) int {
	chunks := max(1, e.state.Open.ChunksInFlight)
	if e.state.RequestsPerSecond > 0 || !c.Stream.HasConversations() {
		return chunks
	}
	soon := min(e.places(), e.working()-e.listing()+e.unstarted())
	return max(1, chunks*e.atMost(e.state.Open.Shards)/max(1, soon))
}

// idleShare is the rate of a shard that is being sealed: little, unless it is the last.
func (e *export) idleShare() float64 {
	if e.isLast() {
		return e.state.RequestsPerSecond / float64(max(1, e.active()))
	}
	if e.policy.Behaviour >= 3 {
		return e.policy.idleLease(e.share())
	}
	return e.policy.IdleShare * e.state.RequestsPerSecond
}

// isLast reports whether nothing is left to give out in any shard.
func (e *export) isLast() bool { return e.working() == 0 && !e.mayBegin() }

// balance sends new leases and numbers of chunks to the shards whose share has changed.
func (e *export) balance(ctx workflow.Context) {
	var sent []told
	for _, c := range slices.Clone(e.children) {
		lease, changed := e.grant(c)
		if !c.steered() || c.blocked != nil {
			continue
		}
		var news []message
		last := e.policy.Behaviour >= 3 && e.unstarted() == 0 && e.sharesRate(c) && !c.None && !(c.near && e.isSmall()) && lease.RequestsPerSecond > 0
		if changed || last && !c.last {
			c.last = last || e.ending() // one that is being sealed too: its last requests are few, but it may be the only one left
			c.tell(lease)
			news = append(news, message{leaseSignal, leaseInput{Lease: lease, Number: c.Number, Last: c.last}})
		}
		if chunks := e.chunks(c); c.chunks != chunks && !c.idle {
			c.chunks = chunks
			news = append(news, message{chunksSignal, chunksInput{chunks}})
		}
		if e.policy.LeaseLook > 0 {
			sent = append(sent, e.send(ctx, c, news...))
		} else {
			e.signal(ctx, c, news...)
		}
	}
	for _, t := range sent { // all of them take as long as one, and those of the next balance come later
		t.await(ctx)
	}
}

// unknownShare is not a rate: a shard with it is sent a lease.
const unknownShare = -1

// signal sends messages to a shard. To a shard of another export it sends only retry_blocked: all else is up to that export. It
// does not matter if the shard has just ended.
func (e *export) signal(ctx workflow.Context, c *child, messages ...message) {
	if len(messages) == 0 {
		return
	}
	for _, m := range e.policy.signals(messages...) {
		if to := e.to(c, messages[0]); to != nil {
			told{c, []workflow.Future{to(ctx, m)}}.await(ctx)
		}
	}
}

// to is how a message is sent to a shard; nil if it is not sent.
func (e *export) to(c *child, m message) func(workflow.Context, message) workflow.Future {
	switch {
	case c.future != nil:
		return func(ctx workflow.Context, m message) workflow.Future {
			return c.future.SignalChildWorkflow(ctx, m.name, m.in)
		}
	case c.steered(), c.held && m.name == retryBlockedSignal:
		return func(ctx workflow.Context, m message) workflow.Future {
			return workflow.SignalExternalWorkflow(ctx, ShardID(c.Shard), "", m.name, m.in)
		}
	}
	return nil
}

// send sends messages to a shard as signal does, and does not wait until they are there.
func (e *export) send(ctx workflow.Context, c *child, messages ...message) (t told) {
	t.child = c
	for _, m := range messages {
		if to := e.to(c, m); to != nil {
			t.sent = append(t.sent, to(ctx, m))
		}
	}
	return t
}

// told are signals on their way to a shard.
type told struct {
	*child
	sent []workflow.Future
}

// await waits until the signals are there.
func (t told) await(ctx workflow.Context) {
	for _, sent := range t.sent {
		if err := sent.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("a shard did not get a signal", "shard", ShardID(t.Shard))
		}
	}
}

func (e *export) progress() (ExportProgress, error) {
	p := ExportProgress{
		From:       e.in.From,
		To:         e.state.To,
		Windows:    len(e.plan) + e.state.Splits,
		Done:       e.state.Totals.Shards + e.state.Totals.Adopted + e.state.Totals.Absent,
		Totals:     e.state.Totals,
		Lease:      e.state.Lease,
		Visibility: e.state.Open.Visibility,
		Advice:     e.state.Open.Advice,
	}
	p.Yields, p.Deadlines = e.yields(), e.deadlines()
	for _, c := range e.children {
		p.Running = append(p.Running, ShardID(c.Shard))
		if c.blocked != nil {
			p.Blocked = append(p.Blocked, *c.blocked)
		}
	}
	if e.blocked != nil {
		p.Blocked = append(p.Blocked, *e.blocked)
	}
	if e.waiting != nil {
		p.Waiting, p.WaitingUntil = e.waiting, e.waiting.Until
	} else {
		p.Waiting = e.waitsForOthers()
	}
	p.State = e.stateNow()
	return p, nil
}

// stateNow is the state that people see.
func (e *export) stateNow() State {
	switch {
	case e.closed:
		return StateDone
	case e.waiting != nil && e.waiting.Until != nil:
		return StateWaiting
	case e.plan == nil && e.blocked == nil:
		return StateStarting
	case e.state.Paused:
		return StatePaused
	case e.active() == 0 && (e.blocked != nil || len(e.children) > 0):
		return StateBlocked
	case e.waiting != nil || e.waitsForOthers() != nil:
		return StateWaiting
	}
	return StateRunning
}

// told is the state that the search attribute tells: while a step that has failed is tried again, it is still what the export waits for.
func (e *export) told() State {
	if state := e.stateNow(); !e.failing || state != StateRunning && state != StateStarting {
		return state
	}
	return StateWaiting
}

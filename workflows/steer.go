package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// listen takes updates from people, news from the shards, and the query for progress.
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
	lease := func(lease providers.Lease) {
		e.state.Lease = lease
		if e.policy.Behaviour >= 1 {
			e.state.Away = false // the Budget counts on this export; updateBudget leaves it once more
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
	onSignal(ctx, leaseSignal, func(_ workflow.Context, in leaseInput) { lease(in.Lease) })
	onSignal(ctx, shareSignal, func(_ workflow.Context, in shareInput) { lease(providers.Lease(in.Lease)) })
	return workflow.SetQueryHandler(ctx, ProgressQuery, e.progress)
}

// wake lets the export balance the shares, which may be others now, and see whether it should continue as new.
func (e *export) wake() { e.orders = append(e.orders, message{}) }

// forwardOrders carries out what people have ordered. An empty order only wakes the workflow.
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

// setRate changes the account's budget. What part of it is this export's is said by the Budget; until then it is the same as
// before.
func (e *export) setRate(account float64) {
	part := 1.0
	if e.state.AccountRequestsPerSecond > 0 {
		part = e.state.RequestsPerSecond / e.state.AccountRequestsPerSecond
	}
	e.state.Lease, e.set = providers.Lease{RequestsPerSecond: part * account, AccountRequestsPerSecond: account}, &account
}

// updateBudget tells the account's Budget when the export begins or ends to have nothing to do, such as when a person must act.
func (e *export) updateBudget(ctx workflow.Context) {
	set := e.set
	if e.set = nil; e.state.Open.Grant == nil {
		return
	}
	if set != nil {
		e.tellBudget(ctx, message{setRateSignal, SetRateInput{RequestsPerSecond: *set}})
	}
	if away := e.working() == 0 && !e.mayBegin(); away != e.state.Away {
		e.state.Away = away
		if away {
			e.tellBudget(ctx, message{leaveSignal, leaveInput{e.self}})
		} else {
			e.tellBudget(ctx, message{joinSignal, joinInput{BudgetUser{Workflow: e.self, Sync: e.in.Sync}}})
		}
	}
}

// leaveBudget gives the export's share to others, also when it was cancelled.
func (e *export) leaveBudget(ctx workflow.Context) {
	if e.state.Open.Grant == nil || e.state.Away {
		return
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	e.tellBudget(detached, message{leaveSignal, leaveInput{e.self}})
}

// tellBudget tells the account's Budget; one that is gone has nobody else to share with.
func (e *export) tellBudget(ctx workflow.Context, m message) {
	for _, m := range e.policy.signals(m) {
		if err := workflow.SignalExternalWorkflow(ctx, BudgetID(e.in.Account), "", m.name, m.in).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("the account's budget is not there to be told", "account", e.in.Account)
		}
	}
}

// share is the part of the account's budget of each shard that is at work; one that is not keeps a little for what it still has
// to ask.
func (e *export) share() float64 {
	working := e.working()
	rate := e.state.RequestsPerSecond
	for _, c := range e.children {
		if c.blocked == nil && c.idle {
			rate -= e.policy.IdleShare * e.state.RequestsPerSecond
		}
		if e.policy.Behaviour < 1 {
			rate -= c.needs // see grant
		}
	}
	soon := min(max(1, e.state.Open.Shards), working+e.unstarted())
	// Where others have leased the whole rate, a little is left: 0 is no limit.
	return max(e.policy.IdleShare*e.state.RequestsPerSecond, rate) / float64(max(1, soon, working))
}

// leaseOf is a lease of so many requests per second.
func (e *export) leaseOf(rate float64) providers.Lease {
	return providers.Lease{RequestsPerSecond: rate, AccountRequestsPerSecond: e.state.AccountRequestsPerSecond}
}

// working reports whether a shard has work to give out: one that is being sealed has not, and one that another export started
// uses that export's share.
func (c *child) working() bool {
	return c.blocked == nil && !c.idle && c.needs == 0 && (!c.held || c.own)
}

// listing is how many of those at work keep one request under way: a list without conversations. Where no budget is split among
// them, they take no place of others.
func (e *export) listing() (n int) {
	for _, c := range e.children {
		if e.state.RequestsPerSecond <= 0 && !c.shard.Stream.HasConversations() && c.working() {
			n++
		}
	}
	return n
}

// chunks is how many fetches a shard keeps in flight. Where no budget is split, those of the places that no shard has any more.
func (e *export) chunks(c *child) int {
	chunks, places := max(1, e.state.Open.ChunksInFlight), max(1, e.state.Open.Shards)
	if e.state.RequestsPerSecond > 0 || !c.shard.Stream.HasConversations() {
		return chunks
	}
	soon := min(places, e.working()-e.listing()+e.unstarted())
	return chunks * places / max(1, soon)
}

// idleShare is what a shard has that is being sealed: little, unless it is the last.
func (e *export) idleShare() float64 {
	if working := e.working(); working == 0 && !e.mayBegin() {
		return e.state.RequestsPerSecond / float64(max(1, e.active()))
	}
	return e.policy.IdleShare * e.state.RequestsPerSecond
}

// balance tells the shards in flight when their share has changed.
func (e *export) balance(ctx workflow.Context) {
	for _, c := range slices.Clone(e.children) {
		lease, changed := e.grant(c)
		if !c.steered() || c.blocked != nil {
			continue
		}
		var news []message
		if changed {
			c.tell(lease)
			news = append(news, message{leaseSignal, leaseInput{lease, c.Number}})
		}
		if chunks := e.chunks(c); c.chunks != chunks && !c.idle {
			c.chunks = chunks
			news = append(news, message{chunksSignal, chunksInput{chunks}})
		}
		if len(news) > 0 {
			e.signal(ctx, c, news...)
		}
	}
}

// unknownShare is no share: whoever has it is told its own.
const unknownShare = -1

// signal tells a shard. One that this export did not start is only told to try again: all else is up to the export that did. One
// that has just ended need not know.
func (e *export) signal(ctx workflow.Context, c *child, messages ...message) {
	for _, m := range e.policy.signals(messages...) {
		var sent workflow.Future
		switch {
		case c.future != nil:
			sent = c.future.SignalChildWorkflow(ctx, m.name, m.in)
		case c.steered(), c.held && messages[0].name == retryBlockedSignal:
			sent = workflow.SignalExternalWorkflow(ctx, ShardID(c.shard), "", m.name, m.in)
		default:
			return
		}
		if err := sent.Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Info("a shard was not told", "shard", ShardID(c.shard))
		}
	}
}

func (e *export) progress() (ExportProgress, error) {
	p := ExportProgress{
		State:      StateRunning,
		From:       e.in.From,
		To:         e.state.To,
		Windows:    len(e.plan) + e.state.Splits,
		Done:       e.state.Totals.Shards + e.state.Totals.Adopted + e.state.Totals.Absent,
		Totals:     e.state.Totals,
		Lease:      e.state.Lease,
		Visibility: e.state.Open.Visibility,
		Advice:     e.state.Open.Advice,
	}
	for _, c := range e.children {
		p.Running = append(p.Running, ShardID(c.shard))
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
	switch {
	case e.closed:
		p.State = StateDone
	case p.WaitingUntil != nil:
		p.State = StateWaiting
	case e.plan == nil && e.blocked == nil:
		p.State = StateStarting
	case e.state.Paused:
		p.State = StatePaused
	case len(p.Blocked) > 0 && e.active() == 0:
		p.State = StateBlocked
	case p.Waiting != nil:
		p.State = StateWaiting
	}
	return p, nil
}

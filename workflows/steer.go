package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// listen takes updates from people, news from the shards, and the query for progress.
func (e *export) listen(ctx workflow.Context) error {
	e.self = workflow.GetInfo(ctx).WorkflowExecution.ID
	order := func(in controlInput) { e.orders = append(e.orders, in) }
	yes, no := true, false
	err := setUpdates(ctx, steering{
		pause: func() { e.state.Paused = true; order(controlInput{Paused: &yes}) },
		goOn:  func() { e.state.Paused = false; order(controlInput{Paused: &no}) },
		retry: func() { e.blocked = nil; order(controlInput{RetryBlocked: true}) },
		rate:  e.setRate,
	})
	if err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		news := workflow.GetSignalChannel(ctx, blockedSignal)
		for {
			var in blockedInput
			if news.Receive(ctx, &in); ctx.Err() != nil {
				return
			}
			for _, c := range e.children {
				if ShardID(c.shard) == in.Shard {
					e.hear(c, in)
				}
			}
			e.orders = append(e.orders, controlInput{}) // the shares may be others now
		}
	})
	workflow.Go(ctx, func(ctx workflow.Context) {
		shares := workflow.GetSignalChannel(ctx, shareSignal)
		for {
			var in activities.BudgetGrant
			if shares.Receive(ctx, &in); ctx.Err() != nil {
				return
			}
			if !usable(ctx, shareSignal, checkLease(providers.Lease(in.Lease))) {
				continue
			}
			e.state.Lease = providers.Lease(in.Lease)
			e.orders = append(e.orders, controlInput{})
		}
	})
	return workflow.SetQueryHandler(ctx, ProgressQuery, e.progress)
}

// handOn carries out what people have ordered. An empty order only wakes the workflow, which then balances the shares.
func (e *export) handOn(ctx workflow.Context) {
	for len(e.orders) > 0 {
		order := e.orders[0]
		e.orders = e.orders[1:]
		if order == (controlInput{}) {
			continue
		}
		for _, c := range slices.Clone(e.children) {
			if order.Paused != nil && *order.Paused && c.steered() {
				c.giveBack()
			}
			signal(ctx, c, order)
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

// attend tells the account's Budget when the export begins or ends to have nothing to do, such as when a person must act.
func (e *export) attend(ctx workflow.Context) {
	set := e.set
	if e.set = nil; e.state.Open.Grant == nil {
		return
	}
	if set != nil {
		e.tellBudget(ctx, budgetSignal, SetRateInput{RequestsPerSecond: *set})
	}
	if away := e.working() == 0 && !e.mayBegin(); away != e.state.Away {
		e.state.Away = away
		name := joinSignal
		if away {
			name = leaveSignal
		}
		e.tellBudget(ctx, name, e.user())
	}
}

// leave gives the export's share to others, also when it was cancelled.
func (e *export) leave(ctx workflow.Context) {
	if e.state.Open.Grant == nil || e.state.Away {
		return
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	e.tellBudget(detached, leaveSignal, e.user())
}

func (e *export) user() BudgetUser { return BudgetUser{Workflow: e.self, Sync: e.in.Sync} }

// tellBudget tells the account's Budget; one that is gone has nobody else to share with.
func (e *export) tellBudget(ctx workflow.Context, name string, in any) {
	if err := workflow.SignalExternalWorkflow(ctx, BudgetID(e.in.Account), "", name, in).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Info("the account's budget is not there to be told", "account", e.in.Account)
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
	soon := min(max(1, e.state.Open.Shards), working+e.left())
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

// light is how many of those at work keep one request under way: a list without conversations. Where no budget is split among
// them, they take no place of others.
func (e *export) light() (n int) {
	for _, c := range e.children {
		if e.state.RequestsPerSecond <= 0 && !c.shard.Stream.HasConversations() && c.working() {
			n++
		}
	}
	return n
}

// chunks is how many fetches a shard keeps in flight. Where no budget is split, those of the places that no shard has any more.
func (e *export) chunks(c *child) int {
	chunks, places := max(1, e.state.Open.Chunks), max(1, e.state.Open.Shards)
	if e.state.RequestsPerSecond > 0 || !c.shard.Stream.HasConversations() {
		return chunks
	}
	soon := min(places, e.working()-e.light()+e.left())
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
		var in controlInput
		if changed {
			c.tell(lease)
			in.Lease, in.Number = &lease, c.Number
		}
		if chunks := e.chunks(c); c.chunks != chunks && !c.idle {
			c.chunks, in.Chunks = chunks, chunks
		}
		if in != (controlInput{}) {
			signal(ctx, c, in)
		}
	}
}

// unknownShare is no share: whoever has it is told its own.
const unknownShare = -1

// signal tells a shard. One that this export did not start is only told to try again: all else is up to the export that did. One
// that has just ended need not know.
func signal(ctx workflow.Context, c *child, in controlInput) {
	var sent workflow.Future
	switch {
	case c.future != nil:
		sent = c.future.SignalChildWorkflow(ctx, controlSignal, in)
	case c.steered(), c.held && in.RetryBlocked:
		sent = workflow.SignalExternalWorkflow(ctx, ShardID(c.shard), "", controlSignal, in)
	default:
		return
	}
	if err := sent.Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Info("a shard was not told", "shard", ShardID(c.shard))
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
		p.Waiting = e.elsewhere()
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

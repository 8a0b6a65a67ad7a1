package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"
)

// listen takes updates from people, news from the shards, and the query for progress.
func (e *export) listen(ctx workflow.Context) error {
	e.self = workflow.GetInfo(ctx).WorkflowExecution.ID
	order := func(in controlInput) error {
		e.orders = append(e.orders, in)
		return nil
	}
	yes, no := true, false
	handlers := []struct {
		name    string
		handler any
	}{
		{PauseUpdate, func(workflow.Context) error { e.state.Paused = true; return order(controlInput{Paused: &yes}) }},
		{ResumeUpdate, func(workflow.Context) error { e.state.Paused = false; return order(controlInput{Paused: &no}) }},
		{RetryBlockedUpdate, func(workflow.Context) error { e.blocked = nil; return order(controlInput{RetryBlocked: true}) }},
		{SetRateUpdate, func(_ workflow.Context, in SetRateInput) error {
			e.state.Rate = in.RequestsPerSecond
			return order(controlInput{})
		}},
	}
	for _, h := range handlers {
		if err := workflow.SetUpdateHandler(ctx, h.name, h.handler); err != nil {
			return err
		}
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
					c.blocked = in.Blocked
				}
			}
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
			signal(ctx, c, order)
		}
	}
}

// share is the part of the account's budget of each shard that is at work.
func (e *export) share() float64 {
	atWork := e.active()
	soon := min(max(1, e.state.Open.Shards), atWork+e.left())
	return e.state.Rate / float64(max(1, soon, atWork))
}

// balance tells the shards in flight when their share has changed.
func (e *export) balance(ctx workflow.Context) {
	share := e.share()
	for _, c := range slices.Clone(e.children) {
		if c.future != nil && c.blocked == nil && c.share != share {
			c.share = share
			signal(ctx, c, controlInput{Rate: &share})
		}
	}
}

// signal tells a shard; one that has just ended, or that another export has in hand, need not know.
func signal(ctx workflow.Context, c *child, in controlInput) {
	if c.future == nil {
		return
	}
	if err := c.future.SignalChildWorkflow(ctx, controlSignal, in).Get(ctx, nil); err != nil {
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
		Rate:       e.state.Rate,
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
	switch {
	case e.closed:
		p.State = StateDone
	case e.plan == nil && e.blocked == nil:
		p.State = StateStarting
	case e.state.Paused:
		p.State = StatePaused
	case len(p.Blocked) > 0 && e.active() == 0:
		p.State = StateBlocked
	}
	return p, nil
}

package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// CountMismatch is the kind of a shard that is blocked because the provider counts more conversations than it lists.
const CountMismatch = "CountMismatch"

// control is the part of a workflow that takes orders and waits, for people or for time.
type control struct {
	policy Policy
	paused bool
	lease  providers.Lease
	lessee
	idle      bool
	needs     float64
	last      bool // no other shards are to come
	small     bool // its last requests come at once, and not after a long seal
	blocked   *BlockedShard
	waiting   *Waiting // nil while it does not wait
	failing   bool     // a step that has failed is tried again
	parent    *workflow.Execution
	waiters   []string // workflow ids of the exports that asked for reports
	ended     bool     // the exports are being told that the shard has ended
	self      string
	setChunks func(chunks int) // called for a chunks signal
	grow      func()           // called for a new lease
}

// listen handles updates from people and signals from the Export.
func (c *control) listen(ctx workflow.Context) error {
	err := setUpdates(ctx, steering{
		pause:  func() { c.paused = true },
		resume: func() { c.paused = false },
		retry:  func() { c.blocked = nil },
		rate: func(account float64) {
			c.lease = providers.Lease{RequestsPerSecond: account, AccountRequestsPerSecond: account}
		},
	})
	if err != nil {
		return err
	}
	pause := func(paused bool) {
		if c.paused = paused; paused {
			c.giveBack()
		}
	}
	// Signals that arrive together are handled in this order: takeLease depends on whether the shard is paused or blocked.
	onSignal(ctx, pauseSignal, func(_ workflow.Context, in pauseInput) { pause(in.Paused) })
	onSignal(ctx, retryBlockedSignal, func(workflow.Context, retryBlockedInput) { c.blocked = nil })
	onSignal(ctx, leaseSignal, func(_ workflow.Context, in leaseInput) {
		c.last = in.Last
		c.takeLease(in.Lease, in.Number)
	})
	onSignal(ctx, chunksSignal, func(_ workflow.Context, in chunksInput) { c.setChunks(in.ChunksInFlight) })
	onSignal(ctx, controlSignal, func(_ workflow.Context, in controlInput) {
		if in.Paused != nil {
			pause(*in.Paused)
		}
		if in.Lease != nil {
			c.takeLease(*in.Lease, 0)
		}
		if in.ChunksInFlight > 0 {
			c.setChunks(in.ChunksInFlight)
		}
		if in.RetryBlocked {
			c.blocked = nil
		}
	})
	if c.policy.Behaviour >= 1 && c.parent != nil {
		workflow.Go(ctx, c.confirm)
	}
	onSignal(ctx, reportSignal, func(ctx workflow.Context, in reportInput) {
		if !slices.Contains(c.waiters, in.Export) {
			c.waiters = append(c.waiters, in.Export)
		}
		if !c.ended {
			// Each answer has its own coroutine, so that this one can receive more requests: continue-as-new loses those that are
			// not received.
			workflow.Go(ctx, func(ctx workflow.Context) { c.report(ctx, in.Export, c.state()) })
		}
	})
	return nil
}

// steering holds what a workflow does for each update.
type steering struct {
	pause, resume, retry func()
	rate                 func(account float64)
}

// setUpdates registers the handlers of the updates. An impossible rate is rejected before it enters the history.
func setUpdates(ctx workflow.Context, s steering) error {
	set := func(name string, handler any, options workflow.UpdateHandlerOptions) error {
		return workflow.SetUpdateHandlerWithOptions(ctx, name, handler, options)
	}
	simple := func(do func()) func(workflow.Context) error {
		return func(workflow.Context) error { do(); return nil }
	}
	return errors.Join(
		set(PauseUpdate, simple(s.pause), workflow.UpdateHandlerOptions{}),
		set(ResumeUpdate, simple(s.resume), workflow.UpdateHandlerOptions{}),
		set(RetryBlockedUpdate, simple(s.retry), workflow.UpdateHandlerOptions{}),
		set(SetRateUpdate, func(_ workflow.Context, in SetRateInput) error {
			s.rate(in.RequestsPerSecond)
			return nil
		}, workflow.UpdateHandlerOptions{Validator: SetRateInput.Check}),
	)
}

// drainSignals lets every listener handle the signals that have arrived, so that continue-as-new loses none. A signal that a
// listener waited for has left its channel already, but the listener runs only after the coroutine that is running now.
func drainSignals(ctx workflow.Context) {
	last := false
	workflow.Go(ctx, func(workflow.Context) { last = true })
	_ = workflow.Await(ctx, func() bool { return last }) // it fails only if the workflow is cancelled, and then nothing is lost
}

// block waits for a person. The Export and people see it.
func (c *control) block(ctx workflow.Context, kind, detail string) error {
	c.blocked = &BlockedShard{Shard: c.self, Kind: kind, Detail: detail}
	c.giveBack()
	c.reportState(ctx)
	err := workflow.Await(ctx, func() bool { return c.blocked == nil })
	if err == nil {
		c.reportState(ctx)
		err = c.awaitLease(ctx)
	}
	return err
}

// setIdle tells the Export whether the shard sends next to no requests, as while it is sealed.
func (c *control) setIdle(ctx workflow.Context, idle bool) {
	if c.parent != nil && (c.idle != idle || c.needs > 0) {
		if c.idle, c.needs = idle, 0; idle && c.lent() && !(c.last && c.small && c.policy.LeaseLook <= 0) {
			c.lease.RequestsPerSecond = c.policy.idleLease(c.lease.RequestsPerSecond) // until the Export says what it may have
		}
		c.reportState(ctx)
	}
}

// releaseUnused tells the Export that the shard needs no more than what it has leased to activities. Without a limit, it needs
// nothing.
func (c *control) releaseUnused(ctx workflow.Context) {
	leased := c.leased
	switch {
	case c.lease.RequestsPerSecond <= 0:
		c.setIdle(ctx, true)
	case c.needs == 0 && leased > 0 && c.parent != nil:
		c.needs, c.lease.RequestsPerSecond = leased, leased
		c.reportState(ctx)
	case c.policy.Behaviour >= 1 && 0 < leased && leased < c.needs:
		c.needs, c.lease.RequestsPerSecond = leased, leased // confirm tells it
	}
}

// reportState sends the state to the Export that started the shard and to the exports that asked for reports.
func (c *control) reportState(ctx workflow.Context) {
	c.known = c.keeps()
	if c.parent != nil {
		c.report(ctx, c.parent.ID, c.state())
	}
	for _, export := range slices.Clone(c.waiters) {
		if c.parent == nil || export != c.parent.ID {
			c.report(ctx, export, c.state())
		}
	}
}

// state is the state signal of now.
func (c *control) state() message {
	in := stateInput{Shard: c.self, Parent: c.parentID(), State: StateRunning, Blocked: c.blocked, Leased: c.needs}
	switch {
	case c.blocked != nil:
		in.State = StateBlocked
	case c.idle:
		in.State = StateIdle
	}
	if keeps := c.keeps(); c.policy.Behaviour >= 1 && keeps < counted(0) {
		in.Number, in.Keeps = c.number, &keeps
	}
	return message{stateSignal, in}
}

// parentID is the workflow id of the export that started the shard; empty if none did.
func (c *control) parentID() string {
	if c.parent == nil {
		return ""
	}
	return c.parent.ID
}

// reportEnd tells the exports that asked for reports that the shard has ended. It also answers requests that arrive meanwhile.
func (c *control) reportEnd(ctx workflow.Context, out *ShardOutput) {
	c.ended = true
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	for len(c.waiters) > 0 {
		export := c.waiters[0]
		c.waiters = c.waiters[1:]
		c.report(detached, export, message{endedSignal, endedInput{Shard: c.self, Parent: c.parentID(), Output: out}})
	}
}

// report sends a signal to an export, and forgets an export that does not run any more.
func (c *control) report(ctx workflow.Context, export string, m message) {
	for _, m := range c.policy.signals(m) {
		err := workflow.SignalExternalWorkflow(ctx, export, "", m.name, m.in).Get(ctx, nil)
		if err != nil && ctx.Err() == nil {
			workflow.GetLogger(ctx).Info("the export does not run any more", "shard", c.self)
			c.waiters = slices.DeleteFunc(c.waiters, func(w string) bool { return w == export })
			if c.parentID() == export {
				c.unleased = false // nobody will lease it a rate
			}
		}
	}
}

// retryUntilDone repeats a step until it succeeds. It returns only errors that repeating the step cannot cure.
func (c *control) retryUntilDone(ctx workflow.Context, step func() error) error {
	var row streak
	defer func() { c.failing = false }()
	for failures := 0; ; {
		err := step()
		if err == nil {
			return nil
		}
		c.failing = true
		remedy, kind := remedyOf(err)
		switch remedy {
		case giveUp, restart, reseal, reopen:
			return err
		case again:
		case wait, cutShard, relist:
			w := row.after(ctx, err, failures)
			failures++
			if err := c.sleep(ctx, max(waitOf(err), c.policy.backoff(failures)), w); err != nil {
				return err
			}
		case split, askHuman:
			if row.passes(c.policy, kind, failures) && (isCrash(kind) || c.patient(ctx, "step")) {
				w := row.after(ctx, err, failures)
				failures++
				if err := c.sleep(ctx, c.policy.backoff(failures), w); err != nil {
					return err
				}
				continue
			}
			if err := c.block(ctx, kind, detailOf(err)); err != nil {
				return err
			}
			failures = 0
		}
	}
}

// patient reports whether the run waits for errors that may pass by themselves before it asks a person or gives up a conversation.
// Runs that failed first under a release that did not wait still do not wait.
func (c *control) patient(ctx workflow.Context, what string) bool {
	return c.policy.Behaviour >= 1 || workflow.GetVersion(ctx, "patient-"+what, workflow.DefaultVersion, 1) == 1
}

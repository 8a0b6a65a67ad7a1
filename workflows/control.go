package workflows

import (
	"errors"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// CountMismatch is the kind of a blocked shard of which the provider counts more conversations than it lists.
const CountMismatch = "CountMismatch"

const (
	controlSignal = "control" // Export to Shard
	blockedSignal = "blocked" // Shard to Export
	reportSignal  = "report"  // Export to Shard: an export that did not start this run of the shard asks to be told too
)

// reportInput asks a Shard to tell an export what it tells the export that started it, and its end.
type reportInput struct {
	Export string `json:"export"` // workflow id
}

// controlInput is what an Export tells its shards.
type controlInput struct {
	Paused           *bool `json:"paused,omitempty"`
	*providers.Lease       // a new one
	Number           int   `json:"number,omitempty"` // of the lease; see Told
	Chunks           int   `json:"chunks,omitempty"` // fetches that it may keep in flight from now on
	RetryBlocked     bool  `json:"retry_blocked,omitempty"`
}

func (in controlInput) check() error {
	err := checkRate("chunks", float64(in.Chunks))
	if in.Lease != nil {
		err = errors.Join(checkLease(*in.Lease), err)
	}
	return err
}

// blockedInput is what a Shard tells its Export when it blocks or has nothing to ask, and when it goes on.
type blockedInput struct {
	Shard   string        `json:"shard"`
	Blocked *BlockedShard `json:"blocked,omitempty"`
	Idle    bool          `json:"idle,omitempty"` // it asks the platform for next to nothing
	// Needs is what a shard still has leased that has given out all of its work; the rest of its share is for others.
	Needs float64 `json:"needs,omitempty"`
	// Number is that of the newest lease that the shard knows, and Keeps the most that it leases to activities until it is told
	// another. Keeps is nil where it has no limit.
	Number int      `json:"number,omitempty"`
	Keeps  *float64 `json:"keeps,omitempty"`
	// Parent is the workflow id of the export that started the shard.
	Parent string `json:"parent,omitempty"`
	// Ended is set in the last report to an export that asked for reports. Output is nil if the shard failed or was cancelled.
	Ended  bool         `json:"ended,omitempty"`
	Output *ShardOutput `json:"output,omitempty"`
}

// control is the part of a workflow that waits: for people, and for time.
type control struct {
	policy Policy
	paused bool
	lease  providers.Lease
	lessee
	idle    bool
	needs   float64
	blocked *BlockedShard
	waiting *Waiting // nil while it does not
	parent  *workflow.Execution
	waiters []string // workflow ids of the exports that asked for reports
	ended   bool     // the waiters are being told that the shard has ended
	self    string
	widen   func(chunks int) // called when the Export says so
}

// listen takes updates from people and signals from the Export.
func (c *control) listen(ctx workflow.Context) error {
	err := setUpdates(ctx, steering{
		pause: func() { c.paused = true },
		goOn:  func() { c.paused = false },
		retry: func() { c.blocked = nil },
		rate: func(account float64) {
			c.lease = providers.Lease{RequestsPerSecond: account, AccountRequestsPerSecond: account}
		},
	})
	if err != nil {
		return err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, controlSignal)
		for {
			var in controlInput
			if signals.Receive(ctx, &in); ctx.Err() != nil {
				return
			}
			if usable(ctx, controlSignal, in.check()) {
				c.apply(in)
			}
		}
	})
	if c.policy.Behaviour >= 1 && c.parent != nil {
		workflow.Go(ctx, c.confirm)
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		requests := workflow.GetSignalChannel(ctx, reportSignal)
		for {
			var in reportInput
			if requests.Receive(ctx, &in); ctx.Err() != nil {
				return
			}
			if !slices.Contains(c.waiters, in.Export) {
				c.waiters = append(c.waiters, in.Export)
			}
			if !c.ended {
				// Each answer has its own coroutine: continue-as-new loses requests that this one has not received.
				workflow.Go(ctx, func(ctx workflow.Context) { c.report(ctx, in.Export, c.news()) })
			}
		}
	})
	return nil
}

// steering is what a workflow does about the updates that Export and Shard take.
type steering struct {
	pause, goOn, retry func()
	rate               func(account float64)
}

// setUpdates handles the updates. A rate that cannot be kept is refused before the workflow sees it.
func setUpdates(ctx workflow.Context, s steering) error {
	set := func(name string, handler any, options workflow.UpdateHandlerOptions) error {
		return workflow.SetUpdateHandlerWithOptions(ctx, name, handler, options)
	}
	simple := func(do func()) func(workflow.Context) error {
		return func(workflow.Context) error { do(); return nil }
	}
	return errors.Join(
		set(PauseUpdate, simple(s.pause), workflow.UpdateHandlerOptions{}),
		set(ResumeUpdate, simple(s.goOn), workflow.UpdateHandlerOptions{}),
		set(RetryBlockedUpdate, simple(s.retry), workflow.UpdateHandlerOptions{}),
		set(SetRateUpdate, func(_ workflow.Context, in SetRateInput) error {
			s.rate(in.RequestsPerSecond)
			return nil
		}, workflow.UpdateHandlerOptions{Validator: SetRateInput.Check}),
	)
}

// takeIn lets all that listens take what has come, so that continue-as-new loses none of it: a signal that a listener was waiting
// for has left its channel, but the listener runs after whoever is running now.
func takeIn(ctx workflow.Context) {
	last := false
	workflow.Go(ctx, func(workflow.Context) { last = true })
	_ = workflow.Await(ctx, func() bool { return last }) // only a cancelled one fails, which loses nothing
}

func (c *control) apply(in controlInput) {
	if in.Paused != nil {
		if c.paused = *in.Paused; c.paused {
			c.giveBack()
		}
	}
	if in.Lease != nil {
		c.takeLease(*in.Lease, in.Number)
	}
	if in.Chunks > 0 {
		c.widen(in.Chunks)
	}
	if in.RetryBlocked {
		c.blocked = nil
	}
}

// block waits for a person, visibly.
func (c *control) block(ctx workflow.Context, kind, detail string) error {
	c.blocked = &BlockedShard{Shard: c.self, Kind: kind, Detail: detail}
	c.giveBack()
	c.tell(ctx)
	err := workflow.Await(ctx, func() bool { return c.blocked == nil })
	if err == nil {
		c.tell(ctx)
		err = c.awaitLease(ctx)
	}
	return err
}

// rest tells the Export that the shard has nothing to ask, or has again.
func (c *control) rest(ctx workflow.Context, idle bool) {
	if c.parent != nil && (c.idle != idle || c.needs > 0) {
		if c.idle, c.needs = idle, 0; idle && c.lent() {
			c.lease.RequestsPerSecond *= c.policy.IdleShare // until the Export says how much it is
		}
		c.tell(ctx)
	}
}

// end tells the Export that what is leased is all that the shard still needs of its share; where there is no limit, that is nothing.
func (c *control) end(ctx workflow.Context) {
	leased := c.leased
	switch {
	case c.lease.RequestsPerSecond <= 0:
		c.rest(ctx, true)
	case c.needs == 0 && leased > 0 && c.parent != nil:
		c.needs, c.lease.RequestsPerSecond = leased, leased
		c.tell(ctx)
	case c.policy.Behaviour >= 1 && 0 < leased && leased < c.needs:
		c.needs, c.lease.RequestsPerSecond = leased, leased // confirm tells it
	}
}

// tell reports to the Export that started the shard and to those that asked for reports.
func (c *control) tell(ctx workflow.Context) {
	c.known = c.keeps()
	if c.parent != nil {
		c.report(ctx, c.parent.ID, c.news())
	}
	for _, export := range slices.Clone(c.waiters) {
		if c.parent == nil || export != c.parent.ID {
			c.report(ctx, export, c.news())
		}
	}
}

// news is what a shard has to say of itself.
func (c *control) news() blockedInput {
	in := blockedInput{Shard: c.self, Blocked: c.blocked, Idle: c.idle, Needs: c.needs}
	if c.parent != nil {
		in.Parent = c.parent.ID
	}
	if keeps := c.keeps(); c.policy.Behaviour >= 1 && keeps < counted(0) {
		in.Number, in.Keeps = c.number, &keeps
	}
	return in
}

// farewell tells the exports that asked for reports that the shard has ended. Requests that arrive meanwhile are answered too.
func (c *control) farewell(ctx workflow.Context, out *ShardOutput) {
	c.ended = true
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	for len(c.waiters) > 0 {
		export := c.waiters[0]
		c.waiters = c.waiters[1:]
		in := c.news()
		in.Blocked, in.Ended, in.Output = nil, true, out
		c.report(detached, export, in)
	}
}

// report sends news to an export. One that does not run any more is forgotten.
func (c *control) report(ctx workflow.Context, export string, in blockedInput) {
	err := workflow.SignalExternalWorkflow(ctx, export, "", blockedSignal, in).Get(ctx, nil)
	if err != nil && ctx.Err() == nil {
		workflow.GetLogger(ctx).Info("the export is not there to be told", "shard", c.self)
		c.waiters = slices.DeleteFunc(c.waiters, func(w string) bool { return w == export })
		if c.parent != nil && c.parent.ID == export {
			c.unleased = false // nobody leases to it any more
		}
	}
}

// insist repeats a step until it succeeds. It returns only errors that another try at the same step cannot cure.
func (c *control) insist(ctx workflow.Context, step func() error) error {
	var row streak
	for failures := 0; ; {
		err := step()
		if err == nil {
			return nil
		}
		remedy, kind := remedyOf(err)
		switch remedy {
		case giveUp, restart, reseal:
			return err
		case again:
		case wait, cutShard, relist:
			w := row.after(ctx, err, failures)
			failures++
			if err := c.sleep(ctx, max(waitOf(err), c.policy.backoff(failures)), w); err != nil {
				return err
			}
		case split, askHuman:
			if c.policy.passes(kind, failures) && (isCrash(kind) || c.patient(ctx, "step")) {
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

// patient reports whether the run waits before it asks a person, or gives a conversation up, for what may pass by itself. Runs that
// began to fail under a release that did not wait go on as they did.
func (c *control) patient(ctx workflow.Context, what string) bool {
	return c.policy.Behaviour >= 1 || workflow.GetVersion(ctx, "patient-"+what, workflow.DefaultVersion, 1) == 1
}

package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"
)

// CountMismatch is the kind of a blocked shard of which the provider counts more conversations than it lists.
const CountMismatch = "CountMismatch"

const (
	controlSignal = "control" // Export to Shard
	blockedSignal = "blocked" // Shard to Export
)

// controlInput is what an Export tells its shards.
type controlInput struct {
	Paused       *bool    `json:"paused,omitempty"`
	Rate         *float64 `json:"requests_per_second,omitempty"`         // the shard's new share
	Account      *float64 `json:"account_requests_per_second,omitempty"` // the account's new budget
	Chunks       int      `json:"chunks,omitempty"`                      // fetches that it may keep in flight from now on
	RetryBlocked bool     `json:"retry_blocked,omitempty"`
}

// blockedInput is what a Shard tells its Export when it blocks or has nothing to ask, and when it goes on.
type blockedInput struct {
	Shard   string        `json:"shard"`
	Blocked *BlockedShard `json:"blocked,omitempty"`
	Idle    bool          `json:"idle,omitempty"` // it asks the platform for next to nothing
	// Needs is what a shard still has leased that has given out all of its work; the rest of its share is for others.
	Needs float64 `json:"needs,omitempty"`
}

// control is the part of a workflow that waits: for people, and for time.
type control struct {
	paused       bool
	rate         float64
	account      float64 // the budget of the whole account, 0 is none
	idle         bool
	needs        float64
	blocked      *BlockedShard
	waitingUntil time.Time
	parent       *workflow.Execution
	self         string
	widen        func(chunks int) // called when the Export says so
}

// listen takes updates from people and signals from the Export.
func (c *control) listen(ctx workflow.Context) error {
	updates := map[string]any{
		PauseUpdate:        func(workflow.Context) error { c.paused = true; return nil },
		ResumeUpdate:       func(workflow.Context) error { c.paused = false; return nil },
		RetryBlockedUpdate: func(workflow.Context) error { c.blocked = nil; return nil },
		SetRateUpdate: func(_ workflow.Context, in SetRateInput) error {
			c.rate, c.account = in.RequestsPerSecond, in.RequestsPerSecond
			return nil
		},
	}
	for _, name := range []string{PauseUpdate, ResumeUpdate, RetryBlockedUpdate, SetRateUpdate} {
		if err := workflow.SetUpdateHandler(ctx, name, updates[name]); err != nil {
			return err
		}
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, controlSignal)
		for {
			var in controlInput
			if signals.Receive(ctx, &in); ctx.Err() != nil {
				return
			}
			c.apply(in)
		}
	})
	return nil
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
		c.paused = *in.Paused
	}
	if in.Rate != nil {
		c.rate = *in.Rate
	}
	if in.Account != nil {
		c.account = *in.Account
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
	c.tell(ctx)
	err := workflow.Await(ctx, func() bool { return c.blocked == nil })
	if err == nil {
		c.tell(ctx)
	}
	return err
}

// rest tells the Export that the shard has nothing to ask, or has again.
func (c *control) rest(ctx workflow.Context, idle bool) {
	if c.parent != nil && (c.idle != idle || c.needs > 0) {
		c.idle, c.needs = idle, 0
		c.tell(ctx)
	}
}

// end tells the Export that what is leased is all that the shard still needs of its share; where there is no limit, that is nothing.
func (c *control) end(ctx workflow.Context, leased float64) {
	switch {
	case c.rate <= 0:
		c.rest(ctx, true)
	case c.needs == 0 && leased > 0 && c.parent != nil:
		c.needs, c.rate = leased, leased
		c.tell(ctx)
	}
}

// tell reports to the Export; one that is gone need not know.
func (c *control) tell(ctx workflow.Context) {
	if c.parent == nil {
		return
	}
	in := blockedInput{Shard: c.self, Blocked: c.blocked, Idle: c.idle, Needs: c.needs}
	err := workflow.SignalExternalWorkflow(ctx, c.parent.ID, "", blockedSignal, in).Get(ctx, nil)
	if err != nil {
		workflow.GetLogger(ctx).Info("the export is not there to be told", "shard", c.self)
	}
}

// sleep waits on a durable timer, visibly; retry_blocked and resume do not shorten it.
func (c *control) sleep(ctx workflow.Context, d time.Duration) error {
	c.waitingUntil = workflow.Now(ctx).Add(d)
	defer func() { c.waitingUntil = time.Time{} }()
	return workflow.Sleep(ctx, d)
}

// insist repeats a step until it succeeds. It returns only errors that another try at the same step cannot cure.
func (c *control) insist(ctx workflow.Context, step func() error) error {
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
			failures++
			if err := c.sleep(ctx, max(waitOf(err), backoff(firstWait, longestWait, failures))); err != nil {
				return err
			}
		case split, askHuman:
			if isCrash(kind) && failures < crashesBeforeBlock {
				failures++
				if err := c.sleep(ctx, backoff(firstWait, longestWait, failures)); err != nil {
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

package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
)

// HeldShard is an open shard that an Export waits for but does not have as a child: an earlier run started it, or another export.
type HeldShard struct {
	Shard   activities.Planned `json:"shard"`
	Blocked *BlockedShard      `json:"blocked,omitempty"`
	// Own is true if a run of the same export started it.
	Own bool `json:"own,omitempty"`
	// Asked is true if the shard was asked for reports. The shard remembers that when it continues as new.
	Asked bool `json:"asked,omitempty"`
	// Told, Idle and Needs decide its share; see stateInput.
	Told  *Told   `json:"told,omitempty"`
	Idle  bool    `json:"idle,omitempty"`
	Needs float64 `json:"needs,omitempty"`
}

// holding is what an Export knows about a shard in flight that this run did not start.
type holding struct {
	held   bool      // this run did not start it
	own    bool      // an earlier run of this export did
	asked  bool      // it has been asked for reports
	met    bool      // its lease is not known yet
	ended  bool      // it has reported its end
	since  time.Time // when it was met
	output *ShardOutput
}

// steered reports whether this export pauses the shard and leases it its rate.
func (c *child) steered() bool { return c.future != nil || c.held && c.own }

// An Export that began under a release without reports looks at least every longestUnheard, and asks for reports after looksUnheard
// looks.
const (
	longestUnheard = 2 * time.Minute
	looksUnheard   = 100
)

// reports is true if shards are asked for reports. A run that began under a release without reports starts to ask after some more
// looks. GetVersion keeps its history replayable.
func (e *export) reports(ctx workflow.Context, looks int) bool {
	if e.policy.Behaviour >= 1 {
		return true
	}
	if !e.reported {
		change := fmt.Sprintf("shards-report-%d", looks/looksUnheard)
		e.reported = workflow.GetVersion(ctx, change, workflow.DefaultVersion, 1) == 1
	}
	return e.reported
}

// isLong reports whether the history is so long that the workflow should continue as new.
func isLong(ctx workflow.Context) bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() }

// busy is how many shards in flight keep this run from continuing as new: its own children that are not blocked.
func (e *export) busy() (n int) {
	for _, c := range e.children {
		if c.blocked == nil && !c.held {
			n++
		}
	}
	return n
}

// waitsForOthers is set if the export only waits for windows that other exports copy.
func (e *export) waitsForOthers() *Waiting {
	var w *Waiting
	n := 0
	for _, c := range e.children {
		switch {
		case c.blocked != nil:
		case !c.held || c.own:
			return nil
		default:
			if n++; w == nil || c.since.Before(w.Since) {
				w = &Waiting{For: activities.ForExport, Since: c.since}
			}
		}
	}
	if w != nil {
		w.Why = fmt.Sprintf("it copies %d windows of this export, which then adopts them", n)
	}
	return w
}

// saveHeld puts the open shards into the state of the next run.
func (e *export) saveHeld() {
	for _, c := range e.children {
		held := HeldShard{Shard: c.Planned, Blocked: c.blocked, Own: c.steered(), Asked: c.held && c.asked}
		if e.policy.Behaviour >= 1 {
			held.Told, held.Idle, held.Needs = &c.Told, c.idle, c.needs
		}
		e.state.Held = append(e.state.Held, held)
	}
}

// restoreHeld waits for the shards that the previous run left open.
func (e *export) restoreHeld(ctx workflow.Context) {
	for _, h := range e.state.Held {
		c := &child{Planned: h.Shard, blocked: h.Blocked, idle: h.Idle, needs: h.Needs, holding: holding{held: true, own: h.Own, asked: h.Asked}}
		switch {
		case h.Told != nil:
			c.Told = *h.Told
		case e.policy.Behaviour >= 1:
			c.None = true
		default:
			c.RequestsPerSecond = unknownShare
		}
		e.children = append(e.children, c)
		workflow.Go(ctx, func(ctx workflow.Context) { e.supervise(ctx, c) })
	}
	e.state.Held = nil
}

// awaitHeld waits for the end of a shard that this run did not start. It reports whether the result was counted; if not, the shard
// must be started. The shard reports its end. Looking at it finds out if it was terminated, or if a report was lost.
func (e *export) awaitHeld(ctx workflow.Context, c *child) (finished bool) {
	first := e.policy.FirstLook
	if c.held {
		first = e.policy.LongestLook // an earlier run has looked often enough
	}
	if c.held, c.met, c.since = true, !c.own, workflow.Now(ctx); e.policy.Behaviour < 1 {
		c.RequestsPerSecond = unknownShare
	}
	e.wake()
	defer func() { c.holding = holding{}; c.over() }()
	for looks := 1; ctx.Err() == nil; looks++ {
		if !c.asked || looks > 1 {
			request := reportInput{Export: e.self}
			if err := workflow.SignalExternalWorkflow(ctx, ShardID(c.Shard), "", reportSignal, request).Get(ctx, nil); err != nil {
				break // it does not run
			}
			c.asked = true
		}
		ended, err := workflow.AwaitWithTimeout(ctx, doubled(first, e.policy.LongestLook, looks), func() bool { return c.ended })
		switch {
		case err != nil:
			c.cancelHeld(ctx)
			return false
		case ended && c.own && c.output != nil:
			e.finish(c, *c.output)
			return true
		case ended:
			return false
		}
		if isLong(ctx) {
			e.wake()
		}
	}
	return false
}

// cancelHeld cancels the shard along with its export. Temporal does that only for the children of the last run.
func (c *child) cancelHeld(ctx workflow.Context) {
	if !c.own {
		return
	}
	detached, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.RequestCancelExternalWorkflow(detached, ShardID(c.Shard), "").Get(detached, nil); err != nil {
		workflow.GetLogger(ctx).Info("a shard was not cancelled", "shard", ShardID(c.Shard))
	}
}

// takeState handles the state of a shard.
func (e *export) takeState(in stateInput) {
	for _, c := range e.children {
		if ShardID(c.Shard) != in.Shard {
			continue
		}
		idle, needs := in.State == StateIdle, in.Leased
		if c.held {
			if c.own = c.own || in.Parent == e.self; !c.own {
				idle, needs = false, 0 // it uses the share of another export
			}
		}
		switch {
		case e.policy.Behaviour >= 1:
			e.hearLease(c, in)
		case c.needs > 0 && needs == 0:
			c.RequestsPerSecond = unknownShare // the shard has released it
		}
		c.blocked, c.idle, c.needs = in.Blocked, idle, needs
	}
	e.wake()
}

// takeEnd handles the end of a shard. For a child of this run it is ignored: the signal belongs to an earlier run of the shard.
func (e *export) takeEnd(in endedInput) {
	for _, c := range e.children {
		if ShardID(c.Shard) == in.Shard && c.held {
			c.own = c.own || in.Parent == e.self
			c.ended, c.output = true, in.Output
			switch {
			case e.policy.Behaviour >= 1 && !c.own:
				c.Told = Told{None: true} // it used the share of another export
			case e.policy.Behaviour < 1 && c.needs > 0:
				c.RequestsPerSecond = unknownShare
			}
			c.blocked, c.idle, c.needs = nil, false, 0
		}
	}
	e.wake()
}

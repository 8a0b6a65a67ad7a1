package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// teller keeps the search attribute with the state of a run true, so that Temporal's lists find, for example, what is blocked. A change of
// state comes with other events, so the attribute adds one event to several.
type teller struct {
	state func() State
	said  State // what the attribute says
	ended bool
}

// tellState keeps the attribute true until end is called. It does nothing if the run began without the attribute, because the namespace
// may not have it, or with a behaviour that sets it only at the start.
func tellState(ctx workflow.Context, p Policy, state func() State) *teller {
	said, ok := workflow.GetTypedSearchAttributes(ctx).GetKeyword(StateAttribute)
	if !ok || p.Behaviour < 2 {
		return nil
	}
	t := &teller{state: state, said: State(said)}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for workflow.Await(ctx, func() bool { return !t.ended && t.said != t.now() }) == nil {
			t.say(ctx, t.now())
		}
	})
	return t
}

// now is the state without what passes at once.
func (t *teller) now() State {
	if state := t.state(); state != StateStarting {
		return state
	}
	return StateRunning
}

func (t *teller) say(ctx workflow.Context, state State) {
	if t.said == state {
		return
	}
	t.said = state
	if err := workflow.UpsertTypedSearchAttributes(ctx, StateAttribute.ValueSet(string(state))); err != nil {
		workflow.GetLogger(ctx).Warn("the state was not told", "state", state, "error", err)
	}
}

// end says how the run ends. A run that continues as new keeps its state.
func (t *teller) end(ctx workflow.Context, complete bool, err error) {
	if t == nil || workflow.IsContinueAsNewError(err) {
		return
	}
	t.ended = true
	switch {
	case temporal.IsCanceledError(err):
		t.say(ctx, StateCanceled)
	case err != nil:
		t.say(ctx, StateFailed)
	case complete:
		t.say(ctx, StateComplete)
	default:
		t.say(ctx, StateIncomplete)
	}
}

// stateNow is the state of a run that does one step after the other, as people see it.
func (c *control) stateNow() State {
	switch {
	case c.blocked != nil:
		return StateBlocked
	case c.waiting != nil:
		return StateWaiting
	case c.paused:
		return StatePaused
	}
	return StateRunning
}

// told is the state that the search attribute tells: while a step that has failed is tried again, it is still what the run waits for.
func (c *control) told() State {
	if state := c.stateNow(); state != StateRunning || !c.failing {
		return state
	}
	return StateWaiting
}

package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// The signals between workflows. Each says one thing and is named after it, and so is its input.
const (
	leaseSignal        = "lease"         // Budget to Export, Export to Shard: a new lease
	chunksSignal       = "chunks"        // Export to Shard: how many fetches it may keep in flight
	pauseSignal        = "pause"         // Export to Shard: pause, or resume
	retryBlockedSignal = "retry_blocked" // Export to Shard: try again what is blocked
	reportSignal       = "report"        // Export to Shard: send state and ended to this export too, which did not start the shard
	stateSignal        = "state"         // Shard to Export: its state
	endedSignal        = "ended"         // Shard to Export: it has ended
	joinSignal         = "join"          // Export to Budget: it has work again
	leaveSignal        = "leave"         // Export to Budget: it has ended, or has nothing to do for now
	setRateSignal      = "set_rate"      // Export to Budget: a person has set the account's rate
)

// The signals of release 0.1.0. Runs without a policy send these, so that their histories replay. Every run takes both sets,
// because old and new runs meet after an upgrade. These go when behaviour 0 goes.
const (
	controlSignal = "control" // Export to Shard: lease, chunks, pause and retry_blocked
	blockedSignal = "blocked" // Shard to Export: state and ended
	shareSignal   = "share"   // Budget to Export: lease
	budgetSignal  = "budget"  // Export to Budget: set_rate
)

// message is a signal to send.
type message struct {
	name string
	in   any
}

type leaseInput struct {
	providers.Lease
	Number int `json:"number,omitempty"` // of a lease to a shard; see Told
	// Yields tells an Export that its lease is smaller because a sync of the account is at work.
	Yields bool `json:"yields,omitempty"`
	// Last tells a Shard that no others are to come that could use what it leaves.
	Last bool `json:"last,omitempty"`
}

func (in leaseInput) Check() error {
	return errors.Join(checkLease(in.Lease), checkRate("number", float64(in.Number)))
}

type chunksInput struct {
	ChunksInFlight int `json:"chunks"`
}

func (in chunksInput) Check() error {
	if in.ChunksInFlight < 1 {
		return fmt.Errorf("chunks %d: expected 1 or more", in.ChunksInFlight)
	}
	return nil
}

type pauseInput struct {
	Paused bool `json:"paused"`
}

func (pauseInput) Check() error { return nil }

type retryBlockedInput struct{}

func (retryBlockedInput) Check() error { return nil }

type reportInput struct {
	Export string `json:"export"` // workflow id
}

func (in reportInput) Check() error {
	if in.Export == "" {
		return errors.New("export is missing: expected the workflow id of an export")
	}
	return nil
}

// stateInput is all that an Export needs to know about a shard at a time.
type stateInput struct {
	Shard string `json:"shard"` // workflow id
	// Parent is the workflow id of the export that started the shard.
	Parent string `json:"parent,omitempty"`
	// State is running, idle or blocked. An idle shard sends next to no requests.
	State   State         `json:"state"`
	Blocked *BlockedShard `json:"blocked,omitempty"` // set if State is blocked
	// Leased is set once the shard has given out all of its work. It is the rate leased to activities; the shard needs no more.
	Leased float64 `json:"leased,omitempty"`
	// Number is the number of the newest lease that the shard knows. Keeps is the most that it leases to activities until it gets
	// another one. Keeps is nil if there is no limit, and from runs without a policy.
	Number int      `json:"number,omitempty"`
	Keeps  *float64 `json:"keeps,omitempty"`
}

func (in stateInput) Check() error {
	var wrong error
	switch in.State {
	case StateRunning, StateIdle, StateBlocked:
		if (in.State == StateBlocked) != (in.Blocked != nil) {
			wrong = fmt.Errorf("state %q: expected blocked to be set if, and only if, the state is blocked", in.State)
		}
	default:
		wrong = fmt.Errorf("state %q: expected running, idle or blocked", in.State)
	}
	var keeps float64
	if in.Keeps != nil {
		keeps = *in.Keeps
	}
	return errors.Join(checkShardID(in.Shard), wrong, checkRate("leased", in.Leased), checkRate("number", float64(in.Number)), checkRate("keeps", keeps))
}

// endedInput is the last signal about a shard.
type endedInput struct {
	Shard  string `json:"shard"`
	Parent string `json:"parent,omitempty"`
	// Output is nil if the shard failed or was cancelled.
	Output *ShardOutput `json:"output,omitempty"`
}

func (in endedInput) Check() error { return checkShardID(in.Shard) }

type joinInput struct{ BudgetUser }

type leaveInput struct {
	Workflow string `json:"workflow"`
}

func (in leaveInput) Check() error { return BudgetUser{Workflow: in.Workflow}.Check() }

func checkShardID(id string) error {
	if id == "" {
		return errors.New("shard is missing: expected the workflow id of a shard")
	}
	return nil
}

// onSignal calls a function for each signal of a name. A signal cannot be rejected, so a wrong one is logged and ignored.
func onSignal[In interface{ Check() error }](ctx workflow.Context, name string, take func(workflow.Context, In)) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, name)
		for {
			var in In
			if signals.Receive(ctx, &in); ctx.Err() != nil {
				return
			}
			if wrong := in.Check(); wrong != nil {
				workflow.GetLogger(ctx).Warn("a signal with a wrong input was ignored", "signal", name, "reason", oneLine(wrong))
				continue
			}
			take(ctx, in)
		}
	})
}

type controlInput struct {
	Paused           *bool `json:"paused,omitempty"`
	*providers.Lease       // a new one
	ChunksInFlight   int   `json:"chunks,omitempty"`
	RetryBlocked     bool  `json:"retry_blocked,omitempty"`
}

func (in controlInput) Check() error {
	err := checkRate("chunks", float64(in.ChunksInFlight))
	if in.Lease != nil {
		err = errors.Join(checkLease(*in.Lease), err)
	}
	return err
}

type blockedInput struct {
	Shard   string        `json:"shard"`
	Blocked *BlockedShard `json:"blocked,omitempty"`
	Idle    bool          `json:"idle,omitempty"`
	Needs   float64       `json:"needs,omitempty"`
	Parent  string        `json:"parent,omitempty"`
	Ended   bool          `json:"ended,omitempty"`
	Output  *ShardOutput  `json:"output,omitempty"`
}

func (in blockedInput) Check() error { return checkShardID(in.Shard) }

// state is the state signal that says the same.
func (in blockedInput) state() stateInput {
	state := stateInput{Shard: in.Shard, Parent: in.Parent, State: StateRunning, Blocked: in.Blocked, Leased: in.Needs}
	switch {
	case in.Blocked != nil:
		state.State = StateBlocked
	case in.Idle:
		state.State = StateIdle
	}
	return state
}

type shareInput struct{ activities.BudgetGrant }

func (in shareInput) Check() error { return checkLease(providers.Lease(in.Lease)) }

// signals translates messages into the signals that a run with this policy sends. Runs of release 0.1.0 put all messages into one.
func (p Policy) signals(messages ...message) []message {
	if p.Behaviour >= 1 {
		return messages
	}
	var control controlInput
	for _, m := range messages {
		switch in := m.in.(type) {
		case stateInput:
			return []message{{blockedSignal, blockedInput{
				Shard: in.Shard, Parent: in.Parent, Blocked: in.Blocked, Idle: in.State == StateIdle, Needs: in.Leased,
			}}}
		case endedInput:
			return []message{{blockedSignal, blockedInput{Shard: in.Shard, Parent: in.Parent, Ended: true, Output: in.Output}}}
		case SetRateInput:
			return []message{{budgetSignal, in}}
		case leaseInput:
			control.Lease = &in.Lease
		case chunksInput:
			control.ChunksInFlight = in.ChunksInFlight
		case pauseInput:
			control.Paused = &in.Paused
		case retryBlockedInput:
			control.RetryBlocked = true
		default:
			return messages // 0.1.0 sends the same
		}
	}
	return []message{{controlSignal, control}}
}

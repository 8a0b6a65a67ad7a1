package workflows

import "testing"

// Tune changes the policy of new runs for as long as a test lasts, as a later release does.
func Tune(t testing.TB, change func(*Policy)) {
	before := tuned
	t.Cleanup(func() { tuned = before })
	change(&tuned)
}

// SignalInputs are the inputs of all signals.
func SignalInputs() []any {
	return []any{
		leaseInput{}, chunksInput{}, pauseInput{}, retryBlockedInput{}, reportInput{}, stateInput{}, endedInput{}, joinInput{}, leaveInput{},
		controlInput{}, blockedInput{}, shareInput{},
	}
}

// Unversioned is the policy of runs that carry none.
func Unversioned() Policy { return unversioned }

package workflows

import (
	"log/slog"
	"testing"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
)

// NewTestEnvironment is a test environment for busy machines: a workflow task that takes seconds there is slow, not deadlocked. It logs nothing.
func NewTestEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	return env
}

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

package operate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/chatlake/chatlake/workflows"
)

// updateTimeout is how long a worker has to take an order.
const updateTimeout = 20 * time.Second

// The kinds of runs that no schedule starts.
const (
	KindExport Kind = "export"
	KindRemap  Kind = "remap"
	KindPush   Kind = "push" // fetches what a platform has announced
)

// RunKinds are the kinds of runs that take orders.
func RunKinds() []Kind { return append([]Kind{KindExport, KindRemap, KindPush}, kinds...) }

// AsksPlatform reports whether runs of the kind send requests to the platform, so that they have a rate.
func (k Kind) AsksPlatform() bool { return k != KindRemap && k != KindMaintain }

// Running are the workflow ids of the runs of some kinds that are under way, of an account where one is named, in order. That there are
// none is an OrderError.
func (s *Session) Running(ctx context.Context, account string, of []Kind) (ids []string, err error) {
	found, err := s.executions(ctx, "WorkflowType IN ('Export', 'Sync', 'Settle', 'Maintain', 'Remap', 'EndStaleChats', 'Push') AND ExecutionStatus = 'Running'")
	if err != nil {
		return nil, err
	}
	for _, info := range found {
		id := info.Execution.WorkflowId
		if (account == "" || account == accountOfRun(id)) && slices.Contains(of, KindOfRun(id)) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		none := &OrderError{Kind: NoneRuns}
		if len(of) == 1 {
			none.Run = string(of[0])
		}
		return nil, none
	}
	slices.Sort(ids)
	return ids, nil
}

// Only is the workflow id of the only run of some kinds that is under way, of an account where one is named. That there is none, or that
// there are several, is an OrderError.
func (s *Session) Only(ctx context.Context, account string, of []Kind) (string, error) {
	running, err := s.Running(ctx, account, of)
	switch {
	case err != nil:
		return "", err
	case len(running) > 1:
		return "", &OrderError{Kind: SeveralRun, Runs: running}
	}
	return running[0], nil
}

// KindOfRun is the kind in a workflow id, which is its first part.
func KindOfRun(id string) Kind {
	kind, _, _ := strings.Cut(id, "/")
	return Kind(kind)
}

// nominalTime is what a schedule appends to the workflow ids of its runs.
var nominalTime = regexp.MustCompile(`-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// accountOfRun is the account in a workflow id: export/ACCOUNT/NAME, remap/ACCOUNT, or the id of a schedule with a nominal time.
func accountOfRun(id string) string {
	parts := strings.SplitN(nominalTime.ReplaceAllString(id, ""), "/", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// Pause lets a run begin nothing new. All orders name what they are for by its workflow id, and all return an OrderError if
// they cannot be carried out.
func (s *Session) Pause(ctx context.Context, id string) error {
	return s.order(ctx, id, instruction{name: workflows.PauseUpdate})
}

// Resume lets a paused run continue, and try again what is blocked.
func (s *Session) Resume(ctx context.Context, id string) error {
	return s.order(ctx, id, instruction{name: workflows.ResumeUpdate}, instruction{name: workflows.RetryBlockedUpdate})
}

// SetRate changes the budget of a run's account until no run of it is at work, in requests per second; 0 is no limit.
func (s *Session) SetRate(ctx context.Context, id string, perSecond float64) error {
	return s.order(ctx, id, instruction{workflows.SetRateUpdate, []any{workflows.SetRateInput{RequestsPerSecond: perSecond}}})
}

// Cancel asks a run to end. If the server is in the state folder, it waits until the cleanup is done, works on it in this
// process if no other does, and reports that it has ended.
func (s *Session) Cancel(ctx context.Context, id string) (ended bool, err error) {
	if s.Unattended() {
		if err := s.Work(ctx); err != nil {
			return false, err
		}
	}
	if err := s.client().CancelWorkflow(ctx, id, ""); err != nil {
		return false, fmt.Errorf("cancel %s: %w", id, err)
	}
	if s.config.Temporal != nil {
		return false, nil
	}
	err = endOf("run", await(ctx, s.client().GetWorkflow(ctx, id, ""), nil))
	var end *EndError
	if err != nil && !errors.As(err, &end) {
		return false, err
	}
	return true, nil
}

// instruction is an update and its arguments.
type instruction struct {
	name string
	args []any
}

// order sends instructions to a workflow, unless nobody is there to take them.
func (s *Session) order(ctx context.Context, id string, instructions ...instruction) error {
	if s.Unattended() {
		return &OrderError{Kind: Unattended, Run: id, Folder: s.config.StateDir}
	}
	for _, i := range instructions {
		if err := s.send(ctx, id, i); err != nil {
			return err
		}
	}
	return nil
}

// send waits until the workflow has taken the instruction.
func (s *Session) send(ctx context.Context, id string, i instruction) error {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	handle, err := s.client().UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: i.name, Args: i.args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var missing *serviceerror.NotFound
	var refused *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused) && refused.Type() == workflows.NotBlocked:
		return &OrderError{Kind: NotBlocked, Run: WindowOf(id)}
	case errors.As(err, &missing):
		return &OrderError{Kind: NotRunning, Run: id}
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("tell %s to %s: no worker has answered; is one running (`chatlake worker`)?", id, i.name)
	default:
		return fmt.Errorf("tell %s to %s: %w", id, i.name, err)
	}
}

package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/workflows"
)

// updateTimeout is how long a worker has to take an order.
const updateTimeout = 20 * time.Second

// Only is the workflow id of the only export that runs, of an account where one is named. That there is none, or that there are
// several, is an OrderError.
func (s *Session) Only(ctx context.Context, account string) (string, error) {
	var running []string
	all, err := s.list(ctx)
	if err != nil {
		return "", err
	}
	for _, e := range all {
		if e.Status == StatusRunning && (account == "" || account == e.Account) {
			running = append(running, e.id())
		}
	}
	switch len(running) {
	case 0:
		return "", &OrderError{Kind: NoneRuns}
	case 1:
		return running[0], nil
	default:
		return "", &OrderError{Kind: SeveralRun, Exports: running}
	}
}

// Pause lets an export begin nothing new. It is named by its workflow id, as in all orders; one that cannot be given is an OrderError.
func (s *Session) Pause(ctx context.Context, id string) error {
	return s.order(ctx, id, instruction{name: workflows.PauseUpdate})
}

// Resume lets a paused export go on, and try again what is blocked.
func (s *Session) Resume(ctx context.Context, id string) error {
	return s.order(ctx, id, instruction{name: workflows.ResumeUpdate}, instruction{name: workflows.RetryBlockedUpdate})
}

// SetRate changes the budget of an export's account until the export ends, in requests per second; 0 is no limit.
func (s *Session) SetRate(ctx context.Context, id string, perSecond float64) error {
	return s.order(ctx, id, instruction{workflows.SetRateUpdate, []any{workflows.SetRateInput{RequestsPerSecond: perSecond}}})
}

// Cancel asks an export to end. On a server in this folder it waits until the export has cleaned up, and does the work itself where no
// process is there to do it; ended says so.
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
	err = endOf(s.client().GetWorkflow(ctx, id, "").Get(ctx, nil))
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

// order sends instructions to an export, unless nobody is there to take them.
func (s *Session) order(ctx context.Context, id string, instructions ...instruction) error {
	if s.Unattended() {
		return &OrderError{Kind: Unattended, Export: id, Folder: s.config.StateDir}
	}
	for _, i := range instructions {
		if err := s.send(ctx, id, i); err != nil {
			return err
		}
	}
	return nil
}

// send waits until the export has taken the instruction.
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
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return &OrderError{Kind: NotRunning, Export: id}
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("tell %s to %s: no worker has answered; is one running (`chatlake worker`)?", id, i.name)
	default:
		return fmt.Errorf("tell %s to %s: %w", id, i.name, err)
	}
}

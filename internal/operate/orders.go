package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/workflows"
)

// updateTimeout is how long a worker has to take an order.
const updateTimeout = 20 * time.Second

// Only is the workflow id of the only export that runs, of an account where one is named; with remaps, of the only export or remap. That
// there is none, or that there are several, is an OrderError.
func (s *Session) Only(ctx context.Context, account string, remaps bool) (string, error) {
	var running []string
	kinds, word := []string{"Export"}, "export"
	if remaps {
		kinds, word = append(kinds, "Remap"), "export or remap"
	}
	for _, kind := range kinds {
		all, err := s.workflows(ctx, kind)
		if err != nil {
			return "", err
		}
		for _, info := range all {
			id := info.Execution.WorkflowId
			parts := strings.SplitN(id, "/", 3) // export/ACCOUNT/NAME or remap/ACCOUNT
			if statusName(info.Status) == StatusRunning && len(parts) > 1 && (account == "" || account == parts[1]) {
				running = append(running, id)
			}
		}
	}
	switch len(running) {
	case 0:
		return "", &OrderError{Kind: NoneRuns, Run: word}
	case 1:
		return running[0], nil
	default:
		return "", &OrderError{Kind: SeveralRun, Runs: running}
	}
}

// Pause lets an export or a remap begin nothing new. All orders name what they are for by its workflow id, and all return an OrderError if
// they cannot be carried out.
func (s *Session) Pause(ctx context.Context, id string) error {
	return s.order(ctx, id, instruction{name: workflows.PauseUpdate})
}

// Resume lets a paused export or remap continue, and try again what is blocked.
func (s *Session) Resume(ctx context.Context, id string) error {
	return s.order(ctx, id, instruction{name: workflows.ResumeUpdate}, instruction{name: workflows.RetryBlockedUpdate})
}

// SetRate changes the budget of an export's account until the export ends, in requests per second; 0 is no limit.
func (s *Session) SetRate(ctx context.Context, id string, perSecond float64) error {
	return s.order(ctx, id, instruction{workflows.SetRateUpdate, []any{workflows.SetRateInput{RequestsPerSecond: perSecond}}})
}

// Cancel asks an export or a remap to end. If the server is in the state folder, it waits until the cleanup is done, works on it in this
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
	err = endOf("run", s.client().GetWorkflow(ctx, id, "").Get(ctx, nil))
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
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return &OrderError{Kind: NotRunning, Run: id}
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("tell %s to %s: no worker has answered; is one running (`chatlake worker`)?", id, i.name)
	default:
		return fmt.Errorf("tell %s to %s: %w", id, i.name, err)
	}
}

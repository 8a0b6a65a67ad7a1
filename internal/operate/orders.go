package operate

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/workflows"
)

// updateTimeout is how long a worker has to take an order.
const updateTimeout = 20 * time.Second

// Only is the workflow id of the only export that runs, of an account where one is named; with remaps, of the only export or remap, or
// else of the only run that ends conversations. That there is none, or that there are several, is an OrderError.
func (s *Session) Only(ctx context.Context, account string, remaps bool) (string, error) {
	types, word := []string{"Export"}, "export"
	if remaps {
		types, word = append(types, "Remap"), "export or remap"
	}
	running, err := s.running(ctx, account, types...)
	if err == nil && len(running) == 0 && remaps {
		running, err = s.running(ctx, account, "EndStaleChats")
	}
	switch {
	case err != nil:
		return "", err
	case len(running) == 0:
		return "", &OrderError{Kind: NoneRuns, Run: word}
	case len(running) > 1:
		return "", &OrderError{Kind: SeveralRun, Runs: running}
	}
	return running[0], nil
}

// All are the workflow ids of everything that runs and takes orders, of an account where one is named; with remaps, also what asks no
// platform. That nothing runs is an OrderError.
func (s *Session) All(ctx context.Context, account string, remaps bool) ([]string, error) {
	types := []string{"Export", "Sync", "Settle", "EndStaleChats"}
	if remaps {
		types = append(types, "Remap", "Maintain")
	}
	running, err := s.running(ctx, account, types...)
	if err == nil && len(running) == 0 {
		err = &OrderError{Kind: NoneRuns, Run: "export, sync or settle"}
	}
	return running, err
}

// running are the workflow ids of what runs, of an account where one is named.
func (s *Session) running(ctx context.Context, account string, types ...string) (ids []string, err error) {
	for _, kind := range types {
		all, err := s.workflows(ctx, kind)
		if err != nil {
			return nil, err
		}
		for _, info := range all {
			id := info.Execution.WorkflowId
			if statusName(info.Status) == StatusRunning && (account == "" || account == accountOfRun(id)) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
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

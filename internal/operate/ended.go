package operate

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/chatlake/chatlake/workflows"
)

// Ended is how a run of a schedule has ended.
type Ended struct {
	ID        string          `json:"workflow_id"`
	StartedAt time.Time       `json:"started_at"`
	State     workflows.State `json:"state"`             // complete, incomplete, canceled or failed
	Skipped   int             `json:"skipped,omitempty"` // windows
	Failed    int             `json:"failed,omitempty"`
	Detail    string          `json:"detail,omitempty"` // why it has failed
}

// ended returns how the last run of a schedule ended that is not under way; nil if there is none, or Temporal has forgotten it.
func (s *Session) ended(ctx context.Context, schedule Schedule) *Ended {
	for _, action := range slices.Backward(schedule.recent) {
		run := action.StartWorkflowResult
		if run == nil || slices.Contains(schedule.Running, run.WorkflowID) {
			continue
		}
		e := &Ended{ID: run.WorkflowID, StartedAt: action.ActualTime}
		if e.read(ctx, s, schedule.Kind) {
			return e
		}
	}
	return nil
}

// read fills in how the run ended, and reports whether it has.
func (e *Ended) read(ctx context.Context, s *Session, kind Kind) bool {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	if status, err := s.status(ctx, e.ID); err != nil || status == statusNone || status == StatusRunning {
		return false
	}
	run := s.client().GetWorkflow(ctx, e.ID, "")
	complete, totals := true, workflows.Totals{}
	var err error
	switch kind {
	case KindSync, KindSettle:
		var out workflows.SyncOutput
		err = run.Get(ctx, &out)
		complete, totals, e.Failed = out.Complete, out.Totals, len(out.Failed)
	case KindHistory:
		var out workflows.ExportOutput
		err = run.Get(ctx, &out)
		complete, totals, e.Failed = out.Complete, out.Totals, len(out.Failed)
	default:
		err = run.Get(ctx, nil)
	}
	e.Skipped = totals.Skipped
	var end *EndError
	switch {
	case errors.As(endOf("run", err), &end):
		if e.State = workflows.StateFailed; end.Kind == Canceled {
			e.State = workflows.StateCanceled
		}
		e.Detail = end.Error()
	case err != nil:
		return false
	case complete:
		e.State = workflows.StateComplete
	default:
		e.State = workflows.StateIncomplete
	}
	return true
}

// A Stray is a run of a kind that schedules start, which no schedule has under way: a person has started it, or its schedule was deleted.
type Stray struct {
	Kind      Kind      `json:"kind"`
	Account   string    `json:"account"`
	ID        string    `json:"workflow_id"`
	StartedAt time.Time `json:"started_at"`
	// Progress is set if a worker answers, and Waiting otherwise.
	Progress *Snapshot `json:"progress,omitempty"`
	Waiting  *Wait     `json:"waiting,omitempty"`
}

// Strays are those runs of an account, or of all where none is named. Known are the workflow ids of runs that schedules have under way.
func (s *Session) Strays(ctx context.Context, account string, known []string) (found []Stray, err error) {
	all, err := s.executions(ctx, "WorkflowType IN ('Export', 'Sync', 'Settle', 'Maintain', 'EndStaleChats') AND ExecutionStatus = 'Running'")
	for _, info := range all {
		id := info.Execution.WorkflowId
		one := Stray{Kind: KindOfRun(id), Account: accountOfRun(id), ID: id, StartedAt: info.StartTime.AsTime()}
		if !slices.Contains(kinds, one.Kind) || account != "" && account != one.Account || slices.Contains(known, id) {
			continue
		}
		if !s.Unattended() {
			progress, err := s.observeRun(ctx, one.Kind, id)
			if err == nil {
				one.Progress = &progress
			} else {
				one.Waiting = &Wait{Waiting: *silence(err, time.Now(), s.health(ctx))}
			}
		}
		found = append(found, one)
	}
	return found, err
}

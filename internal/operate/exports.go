package operate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// An Export is one export as Temporal knows it.
type Export struct {
	Account   string    `json:"account"`
	Name      string    `json:"name"`
	Status    string    `json:"status"` // StatusRunning, StatusDone, or how it ended otherwise in Temporal's words
	StartedAt time.Time `json:"started_at"`
	// Progress is set while it runs and a worker answers, Result when it is done.
	Progress *Snapshot `json:"progress,omitempty"`
	// Waiting is what a running export waits for that gives no answer.
	Waiting *Wait                   `json:"waiting,omitempty"`
	Result  *workflows.ExportOutput `json:"result,omitempty"`
}

// The statuses of an export.
const (
	StatusRunning = "running"
	StatusDone    = "done"
	statusNone    = "" // never started, or forgotten
)

// ID is the workflow id of the export.
func (e Export) ID() string { return workflows.ExportID(e.Account, e.Name) }

// Unreadable is how many texts of the windows that ended could not be decrypted.
func (e Export) Unreadable() int64 {
	switch {
	case e.Result != nil:
		return e.Result.Totals.Unreadable
	case e.Progress != nil:
		return e.Progress.Unreadable
	}
	return 0
}

// WindowOf is the part of a shard's workflow id that people know it by: account, stream and window.
func WindowOf(id string) string { return strings.TrimPrefix(id, "shard/") }

func statusName(s enums.WorkflowExecutionStatus) string {
	switch s {
	case enums.WORKFLOW_EXECUTION_STATUS_RUNNING, enums.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW:
		return StatusRunning
	case enums.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return StatusDone
	default:
		return strings.ToLower(s.String())
	}
}

// Exports are those of an account and of a name, the newest first, each with its progress or its result. Empty is any.
func (s *Session) Exports(ctx context.Context, account, name string) ([]Export, error) {
	all, err := s.list(ctx)
	var found []Export
	room := newRoomWatch(s.config)
	for _, e := range all {
		if account != "" && account != e.Account || name != "" && name != e.Name {
			continue
		}
		running := e.Status == StatusRunning
		if !s.Unattended() || !running { // nobody would answer
			e = s.detail(ctx, e)
		}
		if running && !s.Unattended() {
			if full := room.look(time.Now()); full != nil {
				e.Waiting = &Wait{Waiting: *full}
			}
		}
		found = append(found, e)
	}
	return found, err
}

// list is every export once, the newest first.
func (s *Session) list(ctx context.Context) ([]Export, error) {
	found, err := s.workflows(ctx, "Export")
	var all []Export
	for _, info := range found {
		if parts := strings.SplitN(info.Execution.WorkflowId, "/", 3); len(parts) == 3 {
			all = append(all, Export{Account: parts[1], Name: parts[2], Status: statusName(info.Status), StartedAt: info.StartTime.AsTime()})
		}
	}
	return all, err
}

// workflows are the last runs of all workflows of a type, each workflow id once, the newest first.
func (s *Session) workflows(ctx context.Context, kind string) ([]*workflow.WorkflowExecutionInfo, error) {
	return s.executions(ctx, "WorkflowType = '"+kind+"'")
}

// executions are the last runs of the workflows of a query, each workflow id once, the newest first.
func (s *Session) executions(ctx context.Context, query string) ([]*workflow.WorkflowExecutionInfo, error) {
	var all []*workflow.WorkflowExecutionInfo
	seen := map[string]bool{}
	var token []byte
	for {
		page, err := s.client().ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: token})
		if err != nil {
			return nil, fmt.Errorf("list workflows: %w", err)
		}
		for _, info := range page.Executions {
			if id := info.Execution.WorkflowId; !seen[id] {
				seen[id] = true
				all = append(all, info)
			}
		}
		if token = page.NextPageToken; len(token) == 0 {
			return all, nil
		}
	}
}

// status is that of one workflow id.
func (s *Session) status(ctx context.Context, id string) (string, error) {
	d, err := s.client().DescribeWorkflowExecution(ctx, id, "")
	var missing *serviceerror.NotFound
	if errors.As(err, &missing) {
		return statusNone, nil
	}
	if err != nil {
		return "", fmt.Errorf("look for %s: %w", id, err)
	}
	return statusName(d.WorkflowExecutionInfo.Status), nil
}

// detail asks a running export for its progress, and a finished one for its result.
func (s *Session) detail(ctx context.Context, e Export) Export {
	switch e.Status {
	case StatusRunning:
		progress, err := s.observe(ctx, e.ID())
		if err != nil {
			e.Waiting = &Wait{Waiting: *silence(err, time.Now(), s.health(ctx))}
			return e
		}
		e.Progress = &progress
	case StatusDone:
		var out workflows.ExportOutput
		if err := s.client().GetWorkflow(ctx, e.ID(), "").Get(ctx, &out); err == nil {
			e.Result = &out
		}
	}
	return e
}

// observe asks an export and its windows in flight how far they are.
func (s *Session) observe(ctx context.Context, id string) (Snapshot, error) {
	p, err := s.progress(ctx, id)
	if err != nil {
		return Snapshot{}, err
	}
	var shards []workflows.ShardProgress
	for _, shard := range p.Running {
		var of workflows.ShardProgress
		if err := s.query(ctx, shard, &of); err == nil {
			if of.Waiting == nil && of.Blocked == nil {
				of.Waiting = worker.Waiting(ctx, s.client(), shard)
			}
			shards = append(shards, of) // one that has just ended shows up in the totals next time
		}
	}
	if p.Waiting == nil && len(p.Running) == 0 {
		p.Waiting = worker.Waiting(ctx, s.client(), id)
	}
	return newSnapshot(time.Now(), p, shards), nil
}

func (s *Session) progress(ctx context.Context, id string) (p workflows.ExportProgress, err error) {
	err = s.query(ctx, id, &p)
	return p, err
}

func (s *Session) query(ctx context.Context, id string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := s.client().QueryWorkflow(ctx, id, "", workflows.ProgressQuery)
	if err != nil {
		return fmt.Errorf("ask %s for its progress: %w", id, err)
	}
	return answer.Get(into)
}

package operate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// answerTimeout is how long a worker that has just begun has to answer: it may get the question only after the server has given up on
// the worker before it.
const answerTimeout = time.Minute

// A Run is an export that was started, or met.
type Run struct {
	Met bool // one ran already under the name
	run client.WorkflowRun
}

// Start starts an export by the policy of this release, or meets the one that runs under the same name. Whether that one has the same range is for SameRange to say.
func (s *Session) Start(ctx context.Context, in workflows.ExportInput) (*Run, error) {
	id := workflows.ExportID(in.Account, in.Name)
	described, err := s.client().DescribeWorkflowExecution(ctx, id, "")
	var missing *serviceerror.NotFound
	if err != nil && !errors.As(err, &missing) {
		return nil, fmt.Errorf("look for export %s: %w", in.Name, err)
	}
	if err == nil && described.WorkflowExecutionInfo.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return &Run{Met: true, run: s.client().GetWorkflow(ctx, id, "")}, nil
	}
	in.Policy = workflows.NewPolicy()
	run, err := s.start(ctx, in.Account, "export", id, workflows.Export, in)
	if err != nil {
		return nil, fmt.Errorf("start export %s: %w", in.Name, err)
	}
	return &Run{run: run}, nil
}

// start starts a workflow, or meets the one that runs under the same id.
func (s *Session) start(ctx context.Context, account, kind, id string, workflow, in any) (run client.WorkflowRun, err error) {
	options := client.StartWorkflowOptions{
		ID:                       id,
		TaskQueue:                s.config.TaskQueue(),
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		TypedSearchAttributes:    s.attributes(ctx, account, kind),
	}
	err = worker.WithAttributes(ctx, func() (err error) {
		run, err = s.client().ExecuteWorkflow(ctx, options, workflow, in)
		return err
	})
	return run, err
}

// SameRange refuses, with an OrderError, to meet an export of another range under the same name.
func (s *Session) SameRange(ctx context.Context, in workflows.ExportInput) error {
	id := workflows.ExportID(in.Account, in.Name)
	first, err := s.client().GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT).Next()
	if err != nil {
		return fmt.Errorf("read how %s began: %w", id, err)
	}
	var began workflows.ExportInput
	if err := converter.GetDefaultDataConverter().FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &began); err != nil {
		return fmt.Errorf("read how %s began: %w", id, err)
	}
	if !began.From.Equal(in.From) || began.To.After(in.To) {
		return &OrderError{Kind: OtherRange, Run: in.Name, Range: began.Range()}
	}
	return nil
}

// Attended is how one export ended.
type Attended struct {
	Output workflows.ExportOutput
	Took   time.Duration
	Err    error // as Follow returns it
}

// Attend starts or meets exports, works on them in this process, and follows them until each has ended or only people can go on. It
// calls met for each that runs already, and tells the watcher of the same place of each. How they ended comes in the order of ins; an
// error means that none was begun, or that all were left.
func (s *Session) Attend(ctx context.Context, ins []workflows.ExportInput, met func(workflows.ExportInput), watchers []Watcher) ([]Attended, error) {
	for _, in := range ins {
		status, err := s.status(ctx, workflows.ExportID(in.Account, in.Name))
		if err == nil && status == StatusRunning {
			err = s.SameRange(ctx, in)
		} else if err == nil {
			err = worker.Check(ctx, s.config, in.Account)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := s.Work(ctx); err != nil {
		return nil, err
	}
	runs := make([]*Run, len(ins))
	for i, in := range ins {
		run, err := s.Start(ctx, in)
		if err == nil && run.Met {
			met(in)
			err = s.unblock(ctx, run.run.GetID())
		}
		if err != nil {
			return nil, err
		}
		runs[i] = run
	}
	began := time.Now()
	ends := make([]Attended, len(ins))
	var watching sync.WaitGroup
	for i := range ins {
		watching.Go(func() {
			out, err := s.Follow(ctx, runs[i], watchers[i])
			ends[i] = Attended{out, time.Since(began), err}
		})
	}
	watching.Wait()
	return ends, ctx.Err()
}

// unblock tells an export that was blocked that a person has acted: who gives the command again wants it tried again.
func (s *Session) unblock(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	p, err := s.progress(ctx, id)
	for ; err != nil; p, err = s.progress(ctx, id) { // a question that went to the worker before this one is lost with it
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lookEvery):
		}
	}
	if len(p.Blocked) == 0 {
		return nil
	}
	return s.send(ctx, id, instruction{name: workflows.RetryBlockedUpdate})
}

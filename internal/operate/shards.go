package operate

import (
	"context"
	"sync"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// A ShardRun is a window that is being copied.
type ShardRun struct {
	Window    string // account/stream/window
	StartedAt time.Time
	// Progress is set if a worker answers; Waiting is what it waits for, also if none answers.
	Progress *workflows.ShardProgress
	Waiting  *Wait
}

// Blocked reports whether it waits for a person, and why.
func (r ShardRun) Blocked() (Cause, bool) {
	if r.Progress == nil || r.Progress.Blocked == nil {
		return Cause{}, false
	}
	return Causes([]workflows.BlockedShard{*r.Progress.Blocked})[0], true
}

const (
	shardsAsked = 100 // how many windows are asked how far they are
	askedAtOnce = 8
)

// Shards are the windows that are being copied, by any run, or only one of them if it is named. Of the windows beyond the first hundred
// only the names are known.
func (s *Session) Shards(ctx context.Context, window string) ([]ShardRun, error) {
	query := "WorkflowType = 'Shard' AND ExecutionStatus = 'Running'"
	if window != "" {
		status, err := s.status(ctx, "shard/"+window)
		if err != nil || status != StatusRunning {
			return nil, err
		}
		query += " AND WorkflowId = 'shard/" + window + "'"
	}
	found, err := s.executions(ctx, query)
	if err != nil {
		return nil, err
	}
	all := make([]ShardRun, len(found))
	var asking sync.WaitGroup
	free := make(chan struct{}, askedAtOnce)
	for i, info := range found {
		all[i] = ShardRun{Window: WindowOf(info.Execution.WorkflowId), StartedAt: info.StartTime.AsTime()}
		if i >= shardsAsked || s.Unattended() {
			continue
		}
		asking.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			s.ask(ctx, &all[i])
		})
	}
	asking.Wait()
	return all, nil
}

// ask asks a window how far it is.
func (s *Session) ask(ctx context.Context, r *ShardRun) {
	id := "shard/" + r.Window
	var p workflows.ShardProgress
	if err := s.query(ctx, id, &p); err != nil {
		r.Waiting = &Wait{Waiting: *silence(err, time.Now(), s.health(ctx))}
		return
	}
	if p.Waiting == nil && p.Blocked == nil {
		p.Waiting = worker.Waiting(ctx, s.client(), id)
	}
	if r.Progress = &p; p.Waiting != nil {
		r.Waiting = &Wait{Waiting: *p.Waiting}
	}
}

// A Range is what a running export copies of an account.
type Range struct {
	Account string
	Window  schemas.Window
}

// Ranges are those of the exports that are running and give answers.
func (s *Session) Ranges(ctx context.Context) (all []Range, err error) {
	found, err := s.list(ctx)
	for _, e := range found {
		if e.Status != StatusRunning || s.Unattended() {
			continue
		}
		if p, err := s.progress(ctx, e.ID()); err == nil && p.From.Before(p.To) {
			all = append(all, Range{e.Account, p.Range()})
		}
	}
	return all, err
}

// Retry lets one blocked window be tried again. That it is not being copied is an OrderError.
func (s *Session) Retry(ctx context.Context, window string) error {
	return s.order(ctx, "shard/"+window, instruction{name: workflows.RetryBlockedUpdate})
}

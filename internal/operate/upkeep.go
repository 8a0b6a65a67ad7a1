package operate

import (
	"context"
	"time"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// Upkeep is a schedule of an account and what its runs under way are doing.
type Upkeep struct {
	Schedule
	// Progress is set while a run is under way and a worker answers, and Waiting if none answers.
	Progress *Snapshot `json:"progress,omitempty"`
	Waiting  *Wait     `json:"waiting,omitempty"`
	// Ended is how the last run ended that is not under way.
	Ended *Ended `json:"ended,omitempty"`
}

// Upkeep returns the schedules of all accounts, each with what its runs are doing.
func (s *Session) Upkeep(ctx context.Context, account string) ([]Upkeep, error) {
	all, err := s.Schedules(ctx, Choice{Account: account})
	if err != nil {
		return nil, err
	}
	var found []Upkeep
	for _, schedule := range all {
		u := Upkeep{Schedule: schedule, Ended: s.ended(ctx, schedule)}
		if len(schedule.Running) > 0 && !s.Unattended() {
			progress, err := s.observeRun(ctx, schedule.Kind, schedule.Running[len(schedule.Running)-1])
			if err == nil {
				u.Progress = &progress
			} else {
				u.Waiting = &Wait{Waiting: *silence(err, time.Now(), s.health(ctx))}
			}
		}
		found = append(found, u)
	}
	return found, nil
}

// observeRun asks a run of a schedule how far it is. Maintain, EndStaleChats and Remap have no windows to count.
func (s *Session) observeRun(ctx context.Context, kind Kind, id string) (Snapshot, error) {
	if kind != KindMaintain && kind != KindEndStale && kind != KindRemap {
		return s.observe(ctx, id)
	}
	var p struct { // what the progress of all three has
		State   workflows.State         `json:"state"`
		Waiting *workflows.Waiting      `json:"waiting"`
		Blocked *workflows.BlockedShard `json:"blocked"`
	}
	if err := s.query(ctx, id, &p); err != nil {
		return Snapshot{}, err
	}
	found := Snapshot{At: time.Now(), State: p.State}
	if p.Waiting == nil {
		p.Waiting = worker.Waiting(ctx, s.client(), id)
	}
	if p.Waiting != nil {
		found.Waiting = addWait(nil, *p.Waiting, 0)
	}
	if p.Blocked != nil {
		found.Blocked = []workflows.BlockedShard{*p.Blocked}
	}
	return found, nil
}

// Reachable reports whether a server can be asked without starting one: the configured one, or that of a process that uses the state
// folder.
func Reachable(c worker.Config) bool {
	if c.Temporal != nil {
		return true
	}
	running, err := worker.Running(c.StateDir)
	return err == nil && running
}

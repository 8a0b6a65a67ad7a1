package operate

import (
	"context"
	"strings"
	"time"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// Vitals are what metrics show of the work.
type Vitals struct {
	// Schedules have no Progress: their runs under way are among Runs.
	Schedules []Upkeep
	Runs      []Stray
	Quotas    []Quota
	// Alerts is nil if the configuration has none.
	Alerts *Alerts
}

// Quota is what is left of a quota that the platform of an account gives.
type Quota struct {
	Account, Name string
	// Left are the uses that the limit allows now that is used up first.
	Left int
}

// AtWork is a session on the same connection, for those who look while a worker of this process works. It may be used at the same time as s,
// and must not be stopped.
func (s *Session) AtWork() *Session {
	return &Session{config: s.config, temporal: s.temporal, attended: true}
}

// Spent is what this process has sent to platforms, by account. It is false for a session that only visits.
func (s *Session) Spent() (map[string]worker.Spent, bool) { return s.temporal.Spent() }

// Health asks the server whether it is there.
func (s *Session) Health(ctx context.Context) error { return s.health(ctx)() }

// Vitals returns what every schedule, run and quota is doing. Unlike Upkeep and Exports, it leaves out runs that have ended, so that its cost
// does not grow with time.
func (s *Session) Vitals(ctx context.Context) (v Vitals, err error) {
	schedules, err := s.Schedules(ctx, Choice{})
	if err != nil {
		return v, err
	}
	for _, schedule := range schedules {
		v.Schedules = append(v.Schedules, Upkeep{Schedule: schedule, Ended: s.ended(ctx, schedule)})
	}
	if s.config.Alerts != nil {
		alerts, err := s.Alerts(ctx)
		if err != nil {
			return v, err
		}
		v.Alerts = &alerts
	}
	under, err := s.executions(ctx, "WorkflowType IN ('Export', 'Sync', 'Settle', 'Maintain', 'Remap', 'EndStaleChats', 'Push', 'Quota') AND ExecutionStatus = 'Running'")
	if err != nil {
		return v, err
	}
	for _, info := range under {
		id := info.Execution.WorkflowId
		if KindOfRun(id) == kindQuota {
			if q, ok := s.quota(ctx, id); ok {
				v.Quotas = append(v.Quotas, q)
			}
			continue
		}
		run := Stray{Kind: KindOfRun(id), Account: accountOfRun(id), ID: id, StartedAt: info.StartTime.AsTime()}
		if !s.Unattended() {
			progress, err := s.observeRun(ctx, run.Kind, id)
			if err == nil {
				run.Progress = &progress
			} else {
				run.Waiting = &Wait{Waiting: *silence(err, time.Now(), s.health(ctx))}
			}
		}
		v.Runs = append(v.Runs, run)
	}
	return v, ctx.Err()
}

// Quotas returns what is left of the quotas that somebody counts now.
func (s *Session) Quotas(ctx context.Context) (all []Quota, err error) {
	running, err := s.executions(ctx, "WorkflowType = 'Quota' AND ExecutionStatus = 'Running'")
	for _, info := range running {
		if q, ok := s.quota(ctx, info.Execution.WorkflowId); ok {
			all = append(all, q)
		}
	}
	return all, err
}

// kindQuota is the first part of a quota's workflow id.
const kindQuota Kind = "quota"

// quota asks a Quota for what is left. It is false if nobody answers, or if nobody has told the quota its limits yet.
func (s *Session) quota(ctx context.Context, id string) (Quota, bool) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	parts := strings.SplitN(id, "/", 3)
	if len(parts) != 3 || s.Unattended() {
		return Quota{}, false
	}
	answer, err := s.client().QueryWorkflow(ctx, id, "", workflows.ProgressQuery)
	var p workflows.QuotaProgress
	if err != nil || answer.Get(&p) != nil || len(p.Limits) == 0 {
		return Quota{}, false
	}
	return Quota{Account: parts[1], Name: parts[2], Left: p.Left(time.Now())}, true
}

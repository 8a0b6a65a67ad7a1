// Package alerts finds out what a person should know about the accounts of a configuration, and tells receivers by webhook. It is for those
// who have no Prometheus: the kinds of alerts, their limits and their advice are those of deploy/prometheus/chatlake.rules.yaml, except for
// what only somebody outside can notice, such as that no worker runs.
//
// It must not know rows, documents or the ledger. Alerts contain names of accounts, streams and schedules, counts and times.
package alerts

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// The limits beyond which something is an alert.
const (
	lateAfter      = 15 * time.Minute // the start of a scheduled run
	verifyOldAfter = 30 * 24 * time.Hour
	// longestLook is how long reading one source may take.
	longestLook = 50 * time.Second
)

// Alerts is activities.Alerting for a configuration with a section alerts.
type Alerts struct {
	config worker.Config
	client *http.Client
	now    func() time.Time
	// lake and temporal read the two sources.
	lake     func(context.Context) ([]inspect.Freshness, error)
	temporal func(context.Context) (operate.Vitals, error)
}

// New returns the alerts of a configuration, or nil if it has none. s must be a session at work.
func New(c worker.Config, s *operate.Session) activities.Alerting {
	if c.Alerts == nil {
		return nil
	}
	accounts := slices.Sorted(maps.Keys(c.Accounts))
	return &Alerts{
		config: c, client: newClient(), now: time.Now,
		lake: func(ctx context.Context) ([]inspect.Freshness, error) {
			return inspect.FreshnessOf(ctx, c, accounts, time.Now())
		},
		temporal: func(ctx context.Context) (operate.Vitals, error) {
			if err := s.Health(ctx); err != nil {
				return operate.Vitals{}, err
			}
			return s.Vitals(ctx)
		},
	}
}

// Find reads the lake and Temporal. If one of them cannot be read, that is an alert, and nothing is said of what it would have told.
func (a *Alerts) Find(ctx context.Context) (activities.FindAlertsOutput, error) {
	out := activities.FindAlertsOutput{Receivers: slices.Sorted(maps.Keys(a.config.Alerts.Receivers)), Repeat: a.config.Alerts.Repeat}
	f := &finding{out: &out, now: a.now()}
	look := func(source string, read func(context.Context) error) {
		within, cancel := context.WithTimeout(ctx, longestLook)
		defer cancel()
		if read(within) == nil {
			return
		}
		f.add(Unreadable, "", source, 0, nil)
		for _, k := range Kinds {
			if k.Source == source {
				out.Unread = append(out.Unread, k.Name)
			}
		}
	}
	look(SourceLake, func(ctx context.Context) error {
		all, err := a.lake(ctx)
		if err == nil {
			f.ofLake(all, a.config.Alerts.MaxLag)
		}
		return err
	})
	look(SourceTemporal, func(ctx context.Context) error {
		v, err := a.temporal(ctx)
		if err == nil {
			f.ofWork(v)
		}
		return err
	})
	return out, ctx.Err()
}

// finding collects what is wrong.
type finding struct {
	out *activities.FindAlertsOutput
	now time.Time
}

func (f *finding) add(k *Kind, account, about string, count int64, at *time.Time) {
	f.out.Alerts = append(f.out.Alerts, activities.AlertState{
		AlertName: activities.AlertName{Kind: k.Name, Account: account, About: about}, Count: count, At: at, For: k.For,
	})
}

func (f *finding) count(k *Kind, account, about string, value int64, unless *int64) {
	f.out.Counts = append(f.out.Counts, activities.AlertCount{
		AlertName: activities.AlertName{Kind: k.Name, Account: account, About: about}, Value: value, Unless: unless, Within: k.Within, For: k.For,
	})
}

// gapped are the streams that can have gaps.
var gapped = []schemas.Stream{schemas.StreamCreated, schemas.StreamChanges, schemas.StreamReports}

func (f *finding) ofLake(all []inspect.Freshness, maxLag time.Duration) {
	for _, one := range all {
		if lag, ok := one.Lag(); ok && lag > maxLag {
			f.add(Stale, one.Account, "", 0, one.Watermark)
		}
		if at := firstDeadline(one.Expiring); at != nil {
			f.add(Retention, one.Account, "", 0, at)
		}
		for _, stream := range gapped {
			var gaps, losses int64
			for _, g := range one.Gaps {
				if g.Stream == stream {
					gaps++
				}
			}
			for _, l := range one.Lost {
				if l.Stream == stream {
					losses++
				}
			}
			f.count(GapsGrew, one.Account, string(stream), gaps, nil)
			f.count(Loss, one.Account, string(stream), losses, nil)
		}
		if a := one.Announced; a != nil {
			pushed := a.Pushed
			f.count(PushSilent, one.Account, "", a.Missed, &pushed)
		}
		if v := one.Verified; v != nil {
			if !v.Whole {
				f.add(VerifyFailed, one.Account, "", 0, &v.At)
			}
			if f.now.Sub(v.At) > verifyOldAfter {
				f.add(VerifyOld, one.Account, "", 0, &v.At)
			}
		}
	}
}

func firstDeadline(all []inspect.Expiring) (first *time.Time) {
	for _, e := range all {
		if first == nil || e.Deadline.Before(*first) {
			first = &e.Deadline
		}
	}
	return first
}

func (f *finding) ofWork(v operate.Vitals) {
	for _, s := range v.Schedules {
		kind := string(s.Kind)
		if s.Ended != nil && s.Ended.State != workflows.StateComplete {
			f.add(Incomplete, s.Account, kind, 0, nil)
		}
		f.count(ScheduleMissed, s.Account, kind, int64(s.Missed), nil)
		if s.Next != nil && f.now.Sub(*s.Next) > lateAfter {
			f.add(ScheduleLate, s.Account, kind, 0, s.Next)
		}
	}
	blocked, stopped := map[[2]string]int64{}, map[string]bool{}
	for _, run := range v.Runs {
		if run.Progress == nil {
			continue
		}
		for _, b := range run.Progress.Blocked {
			blocked[[2]string{run.Account, string(run.Kind) + " " + b.Kind}]++
			stopped[run.Account] = stopped[run.Account] || b.Kind == string(providers.Stopped)
		}
	}
	for name, windows := range blocked {
		f.add(Blocked, name[0], name[1], windows, nil)
	}
	for account, is := range stopped {
		if is {
			f.add(AccountStopped, account, "", 0, nil)
		}
	}
	slices.SortFunc(f.out.Alerts, func(x, y activities.AlertState) int { // maps have no order, and histories are compared
		return slices.Compare([]string{x.Kind, x.Account, x.About}, []string{y.Kind, y.Account, y.About})
	})
}

package page

import (
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/workflows"
)

// run is something that is under way for an account.
type run struct {
	ID, Account string
	Kind        operate.Kind
	Name        string // of an export
	Began       time.Time
	Progress    *operate.Snapshot
	Waiting     *operate.Wait // if it gives no answer
}

// runsOf are the runs of an account that are under way.
func (s state) runsOf(account string) (all []run) {
	for _, r := range s.runs() {
		if r.Account == account {
			all = append(all, r)
		}
	}
	return all
}

// runs are all that are under way.
func (s state) runs() (all []run) {
	for _, e := range s.Exports {
		if e.Status == operate.StatusRunning {
			all = append(all, run{e.ID(), e.Account, operate.KindExport, e.Name, e.StartedAt, e.Progress, e.Waiting})
		}
	}
	for _, u := range s.Schedules {
		if len(u.Running) > 0 {
			r := run{ID: u.Running[len(u.Running)-1], Account: u.Account, Kind: u.Kind, Progress: u.Progress, Waiting: u.Waiting}
			if u.Last != nil {
				r.Began = *u.Last
			}
			all = append(all, r)
		}
	}
	for _, one := range s.Strays {
		all = append(all, run{one.ID, one.Account, one.Kind, "", one.StartedAt, one.Progress, one.Waiting})
	}
	return all
}

// Title is how people know the run.
func (r run) Title() string { return strings.TrimSpace(string(r.Kind) + " " + r.Name) }

// Mark is its state.
func (r run) Mark() mark {
	switch p := r.Progress; {
	case p == nil:
		return nothing("no answer")
	case len(p.Blocked) > 0:
		return bad("blocked")
	case p.State == workflows.StatePaused:
		return paused("paused")
	case p.Stands:
		return underWay("waiting")
	case p.State == workflows.StateDone:
		return underWay("ending")
	default:
		return underWay(string(p.State))
	}
}

// IsPaused reports whether a person has paused it.
func (r run) IsPaused() bool { return r.Progress != nil && r.Progress.State == workflows.StatePaused }

// Text says how far it is.
func (r run) Text() string {
	switch {
	case r.Progress == nil && r.Waiting != nil:
		return r.Waiting.Brief()
	case r.Progress == nil:
		return "begun, but no worker is running; `chatlake worker` resumes it"
	case r.Progress.Windows == 0 && len(r.Progress.Waiting) > 0:
		return "" // what it waits for follows
	case r.Progress.Windows == 0:
		return string(r.Progress.State)
	}
	return r.Progress.WindowsText()
}

// Waits are what it waits for, in words.
func (r run) Waits() (all []operate.Wait) {
	if r.Waiting != nil {
		all = append(all, *r.Waiting)
	}
	if r.Progress != nil {
		all = append(all, r.Progress.Waiting...)
	}
	return all
}

// Losses are what the platform deletes, or has deleted, before it is copied.
func (r run) Losses() []string {
	if r.Progress == nil {
		return nil
	}
	s := *r.Progress
	s.Yields = nil
	return s.Alarms()
}

// Yields is why it has less than its share of the budget; nil if it has not.
func (r run) Yields() *operate.Wait {
	if r.Progress == nil {
		return nil
	}
	return r.Progress.Yields
}

// Causes are why windows of it wait for a person.
func (r run) Causes() []operate.Cause {
	if r.Progress == nil {
		return nil
	}
	return operate.Causes(r.Progress.Blocked)
}

// find returns a run under way by its workflow id.
func (s state) find(id string) (run, bool) {
	all := s.runs()
	i := slices.IndexFunc(all, func(r run) bool { return r.ID == id })
	if i < 0 {
		return run{}, false
	}
	return all[i], true
}

// Share is how much of it is done, from 0 to 1. Where every conversation that is known of is copied and windows are left, nobody knows how
// much is in them, so the windows count.
func (r run) Share() float64 {
	switch p := r.Progress; {
	case p == nil:
		return 0
	case p.Done < p.Windows && p.Conversations >= p.Expected:
		return float64(p.Done) / float64(p.Windows)
	default:
		return p.Share()
	}
}

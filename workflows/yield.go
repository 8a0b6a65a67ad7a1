package workflows

import (
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/activities"
)

// yieldsSince notes whether a sync of the account has its share of the budget first, and since when.
func (e *export) yieldsSince(yields bool, now time.Time) {
	switch {
	case !yields:
		e.state.YieldsSince = nil
	case e.state.YieldsSince == nil:
		e.state.YieldsSince = &now
	}
}

// yields says that a sync goes first. It is known until when only to the sync.
func (e *export) yields() *Waiting {
	if e.state.YieldsSince == nil || e.closed {
		return nil
	}
	return &Waiting{
		For: ForSync, Since: *e.state.YieldsSince,
		Why: fmt.Sprintf("it goes first; until it ends, this export has %.3g of the account's %.3g requests a second", e.state.RequestsPerSecond, e.state.AccountRequestsPerSecond),
	}
}

// mostDeadlines is how many deadlines an export tells.
const mostDeadlines = 100

// deadlines are those of the windows that are not committed yet.
func (e *export) deadlines() (all []time.Time) {
	add := func(p activities.Planned) {
		if at := e.state.Open.Keeps[p.Stream].Deadline(p.Window); at.After(e.state.Open.CheckedAt) {
			all = append(all, at)
		}
	}
	for _, c := range e.children {
		add(c.Planned)
	}
	for _, p := range e.plan[min(e.state.Next, len(e.plan)):] {
		add(p)
	}
	for _, p := range e.state.Extra {
		add(p)
	}
	slices.SortFunc(all, time.Time.Compare)
	return all[:min(len(all), mostDeadlines)]
}

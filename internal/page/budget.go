package page

import (
	"time"

	"github.com/chatlake/chatlake/internal/operate"
)

// limits are what an account may use.
type limits struct {
	Configured float64   // requests a second; 0 is no limit
	Set        float64   // in force for the runs under way
	Now        float64   // that of the hour
	Share      float64   // of it by the hour
	Until      time.Time // when that changes; zero is never
	Changed    bool      // a person has set another rate
}

// budgetOf is the budget of an account now: that of its runs, or else the configured one, with the share of the hour.
func (p *Page) budgetOf(s state, account string) limits {
	a := p.o.Config.Accounts[account]
	l := limits{Configured: a.RequestsPerSecond, Set: a.RequestsPerSecond}
	for _, progress := range s.progressOf(account) {
		if progress.Account > 0 {
			l.Set = progress.Account
		}
	}
	l.Changed = l.Set != l.Configured
	l.Share, l.Until = a.Schedule.At(p.now())
	l.Now = l.Set * l.Share
	return l
}

// progressOf are the runs of an account that answer.
func (s state) progressOf(account string) (all []operate.Snapshot) {
	for _, r := range s.runsOf(account) {
		if r.Progress != nil {
			all = append(all, *r.Progress)
		}
	}
	return all
}

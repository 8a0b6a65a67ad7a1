package page

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/worker"
)

var budgetView = &view{
	name: "budget", title: "Budget", link: "Budget", model: budgetModel, orders: map[string]order{"rate": setRate},
}

// budgets is what the view shows.
type budgets struct {
	Accounts    []accountBudget
	Since       time.Time // the page counts
	Counts      bool      // false if others send the requests
	WorkProblem string
}

// accountBudget is what an account may use, and what it has used.
type accountBudget struct {
	Name, Provider string
	limits
	Used      float64 // requests a second, over the last minute
	Mean      float64 // since the first sample
	Refused   int64   // 429 since the first sample
	Spent     worker.Spent
	Measured  bool
	Chart     *chart
	Table     []bin
	Hours     []string // in which only a share is used
	Quotas    []operate.Quota
	Runs      []run
	SyncShare float64
}

func budgetModel(ctx context.Context, p *Page, r *request) (any, error) {
	s := p.readState(ctx)
	m := budgets{Counts: p.o.Session != nil, WorkProblem: s.WorkProblem}
	only := r.URL.Query().Get("account")
	quotas := p.quotas(ctx, s)
	for _, name := range p.accounts() {
		if only != "" && only != name {
			continue
		}
		a := p.o.Config.Accounts[name]
		all, since := p.meter.used(name)
		m.Since = since
		b := accountBudget{Name: name, Provider: a.Provider, limits: p.budgetOf(s, name), Runs: s.runsOf(name), SyncShare: a.SyncShare}
		b.Spent, _ = p.meter.counts(name)
		b.fill(all, since, r.now)
		for _, h := range a.Schedule {
			b.Hours = append(b.Hours, hoursText(h.From, h.To, h.Zone, h.Days, h.Share))
		}
		for _, q := range quotas {
			if q.Account == name {
				b.Quotas = append(b.Quotas, q)
			}
		}
		m.Accounts = append(m.Accounts, b)
	}
	return m, nil
}

// quotas are those that somebody counts now.
func (p *Page) quotas(ctx context.Context, s state) (all []operate.Quota) {
	if s.WorkProblem != "" {
		return nil
	}
	_ = p.visit(ctx, func(work *operate.Session) (err error) { // what is not known is not shown
		all, err = work.Quotas(ctx)
		return err
	})
	return all
}

// fill adds what the samples say. An account that has sent nothing has none, and nothing is what it used.
func (b *accountBudget) fill(all []sample, since, now time.Time) {
	if b.Measured = len(all) > 0; !b.Measured {
		return
	}
	b.Used = recent(all)
	for _, s := range all {
		b.Mean += s.Rate / float64(len(all))
		b.Refused += s.Counts
	}
	b.Table = bins(all)
	b.Chart = newChart(all, since, now)
}

// Share of the budget that is used, of 1; 0 without a limit.
func (b accountBudget) UsedShare() float64 {
	if b.Now <= 0 {
		return 0
	}
	return b.Used / b.Now
}

var dayNames = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// hoursText says in which hours which share of a budget is used.
func hoursText(from, to time.Duration, zone *time.Location, days []time.Weekday, share float64) string {
	at := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	text := at(from) + " to " + at(to)
	if zone != nil {
		text += " " + zone.String()
	}
	if len(days) > 0 {
		var names []string
		for _, d := range days {
			names = append(names, dayNames[d])
		}
		text += ", " + strings.Join(names, " ")
	}
	if share == 0 {
		return text + ": no requests"
	}
	return fmt.Sprintf("%s: %.0f %%", text, 100*share)
}

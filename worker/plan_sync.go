package worker

import (
	"cmp"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// SyncCost is what keeping a copy up to date would cost in a month of 30 days.
type SyncCost struct {
	// Every is the time between syncs in seconds. Configured is false if the account has no section sync, so that it was assumed.
	Every      float64 `json:"every_seconds"`
	Configured bool    `json:"configured"`
	Syncs      int     `json:"syncs"`
	// Unchanged is the number of requests if nothing changes: checks, lists, directories and reports.
	Unchanged providers.Figure `json:"unchanged"`
	// Fetches is how many changed conversations all syncs fetch, and Changed the requests for them, as the sample changed. Both are nil
	// without a sample.
	Fetches *providers.Figure `json:"fetches"`
	Changed *providers.Figure `json:"changed"`
	// SettleList and SettleFull are the requests of one settle of a month; Settles are those of all settles.
	SettleList providers.Figure `json:"settle_list"`
	SettleFull providers.Figure `json:"settle_full"`
	Settles    providers.Figure `json:"settles"`
	Requests   providers.Figure `json:"requests"`
	// Share is the part of the account's budget that Requests take; nil without a limit.
	Share *providers.Figure `json:"share"`
}

// assumedEvery is the interval of syncs of an account that has none configured.
const assumedEvery = 15 * time.Minute

// recent is how many months at the end of the range count for what a month has.
const recent = 3

// syncCost estimates a month of syncs and settles, or returns nil if the platform has no list of changes.
func (c Config) syncCost(account string, d providers.Definition, reader providers.Reader, s sampling) *SyncCost {
	if _, ok := reader.(providers.Changer); !ok {
		return nil
	}
	settings, configured := SyncDefaults(d.Name), false
	settings.Every = max(assumedEvery, d.LeastInterval)
	if set := c.Accounts[account].Sync; set != nil {
		settings, configured = *set, true
	}
	every := cmp.Or(SyncInterval(settings), assumedEvery)
	out := SyncCost{Every: every.Seconds(), Configured: configured, Syncs: int(month / every)}
	unchanged := float64(out.Syncs) * (s.prices.Sync + s.prices.Open*float64(s.size.Open))
	unchanged += min(float64(out.Syncs), float64(month/time.Hour)) * s.prices.Run // the credentials are checked once an hour
	if settings.Directory > 0 {
		unchanged += float64(month/settings.Directory) * (s.prices.Directory + s.size.Directory)
	}
	if _, ok := reader.(providers.Reporter); ok {
		unchanged += float64(month/max(time.Hour, every)) * s.prices.Reports
	}
	out.Unchanged = whole(providers.Exactly(unchanged))
	out.Requests = providers.Exactly(unchanged)
	conversations := s.monthly()
	if len(s.threads) > 0 {
		fetches := conversations.Times(s.mean(func(t sampled) float64 { return float64(intervals(t.times, every)) }))
		changed := fetches.Times(s.fetching(s.prices.Changed).Plus(providers.Exactly(s.prices.Changed.Listing())))
		out.Requests = out.Requests.Plus(changed)
		out.Fetches, out.Changed = new(whole(fetches)), new(whole(changed))
	}
	full, list, all := s.settles(settings, len(d.Blind) > 0, conversations)
	out.SettleFull, out.SettleList, out.Settles = whole(full), whole(list), whole(all)
	out.Requests = whole(out.Requests.Plus(all))
	if rate := c.rate(account); rate > 0 {
		out.Share = new(out.Requests.Times(providers.Exactly(1 / (rate * month.Seconds()))))
	}
	return &out
}

// monthly is how many conversations begin in 30 days, as in the last months of the range.
func (s *sampling) monthly() providers.Figure {
	n, seconds := 0.0, 0.0
	for i := max(0, len(s.windows)-recent); i < len(s.windows); i++ {
		n, seconds = n+s.counts[i], seconds+s.windows[i].To.Sub(s.windows[i].From).Seconds()
	}
	return s.share(n * month.Seconds() / max(1, seconds))
}

// intervals is in how many syncs something of a conversation has happened.
func intervals(times []time.Time, every time.Duration) int {
	seen := map[time.Time]bool{}
	for _, t := range times {
		seen[t.Truncate(every)] = true
	}
	return len(seen)
}

// settles estimates a settle of a month in which nothing changed, of each depth, and all settles of a month: those of its days while it is
// open, and those of the month. The last one is full if the platform has blind spots.
func (s *sampling) settles(settings activities.SyncSettings, blind bool, conversations providers.Figure) (full, list, all providers.Figure) {
	one := schemas.Window{From: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC)} // 30 days
	listing := func(w schemas.Window, n providers.Figure) providers.Figure {
		return n.Times(providers.Exactly(s.prices.Listing())).Plus(providers.Exactly(s.prices.Relist(w) + s.walk))
	}
	whole := func(w schemas.Window, n providers.Figure) providers.Figure {
		return s.window(w, n).Plus(providers.Exactly(s.walk))
	}
	full, list = whole(one, conversations), listing(one, conversations)
	today, daily := one.Cut("day")[0], conversations.Times(providers.Exactly(float64(day)/float64(month)))
	for i, after := range settings.Settle {
		days := max(0, month-day-after) / day // that have been over for so long before the month ends
		depth, ofDay := list, listing(today, daily)
		if blind && i == len(settings.Settle)-1 {
			depth, ofDay = full, whole(today, daily)
		}
		all = all.Plus(depth).Plus(ofDay.Times(providers.Exactly(float64(days))))
	}
	// A settle takes up all windows that are due at once, so it checks the credentials once a day.
	if len(settings.Settle) > 0 {
		all = all.Plus(providers.Exactly(s.prices.Run * float64(month/day)))
	}
	return full, list, all
}

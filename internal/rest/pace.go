package rest

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// pace is how fast an account may be asked by this process: as fast as the leases of the activities at work allow together,
// so that what one does not use others do; never faster than the account's budget, the hours of its schedule and what the
// platform was seen to bear. Requests outside of activities are held to the configured budget.
//
// What the platform bears is learned from its refusals: a 429 takes 0.7 of the rate, nine tenths of the refused rate come back
// within seconds, and the rest is felt for slowly, so that the next refusal is minutes away.
type pace struct {
	configured providers.Rate
	leases     map[*providers.Meter]struct{}
	account    float64 // the budget of the account that came with the newest lease, 0 is none

	last time.Time // when the request before was due

	ceiling float64 // what the platform bears, +Inf until it has refused
	refused float64 // the rate at which it did
	at      float64 // what was allotted when it did
	crept   time.Time
	recent  tally

	hinted     float64 // what the platform says is left, spread over its window; +Inf where it says nothing
	hintedTill time.Time
}

const (
	slowdown   = 0.7
	nearly     = 0.9   // of the refused rate
	quickCreep = 1.05  // a creepEvery, below nearly
	slowCreep  = 1.001 // above it
	freeCreep  = 1.01  // where more than the refused rate is borne
	beyond     = 1.05  // of the refused rate, from where on that is so
	creepEvery = time.Second
	slowest    = 0.02 // one request in 50 s
	// lateness is how much time a process that was held up may make good: so much of a rate is its largest burst.
	lateness = 100 * time.Millisecond
	// leastHint is the part of the rate that is kept whatever the platform says is left of its window: then it is used up, and waited for.
	leastHint = 0.1
)

func newPace(r providers.Rate) pace {
	return pace{configured: r, leases: map[*providers.Meter]struct{}{}, ceiling: math.Inf(1), at: math.Inf(1), hinted: math.Inf(1)}
}

func (p *pace) join(m *providers.Meter) {
	p.leases[m] = struct{}{}
	p.account = m.Lease().Account
}

func (p *pace) leave(m *providers.Meter) { delete(p.leases, m) }

// rate is what is allowed at a time, in requests per second; +Inf where there is no limit.
func (p *pace) rate(now time.Time) float64 {
	share, _ := p.configured.Schedule.At(now)
	rate := p.allotted() * share
	if share == 0 {
		rate = 0 // of no limit, too
	}
	rate = min(rate, p.borne())
	if now.Before(p.hintedTill) {
		rate = min(rate, max(p.hinted, leastHint*rate))
	}
	return rate
}

// borne is what the platform bears of what this process may ask. What it refused, it refused all processes together: one that has
// got leases from another since may ask more in proportion, and one that has fewer no less than before.
func (p *pace) borne() float64 {
	if math.IsInf(p.at, 1) {
		return p.ceiling
	}
	return p.ceiling * max(1, p.allotted()/p.at)
}

// allotted is what leases and budget allow.
func (p *pace) allotted() float64 {
	if len(p.leases) == 0 {
		return limited(p.configured.RequestsPerSecond)
	}
	sum := 0.0
	for m := range p.leases {
		sum += limited(m.Lease().RequestsPerSecond)
	}
	return min(sum, limited(p.account))
}

// limited is a number of requests per second of which 0 is no limit.
func limited(requestsPerSecond float64) float64 {
	if requestsPerSecond <= 0 {
		return math.Inf(1)
	}
	return requestsPerSecond
}

// next books a request that is due, or says how long it is until one will be.
func (p *pace) next(now time.Time) time.Duration {
	rate := p.rate(now)
	if math.IsInf(rate, 1) {
		p.recent.add(now)
		return 0
	}
	interval := time.Duration(float64(time.Second) / max(rate, slowest))
	due := p.last.Add(interval)
	if due.After(now) {
		return due.Sub(now)
	}
	if earliest := now.Add(-lateness); due.Before(earliest) {
		due = earliest
	}
	p.last = due
	p.recent.add(now)
	return 0
}

// closed is how long the schedule allows nothing at all.
func (p *pace) closed(now time.Time) time.Duration {
	share, until := p.configured.Schedule.At(now)
	if share > 0 {
		return 0
	}
	if until.IsZero() {
		return maxPause
	}
	return until.Sub(now)
}

// slowDown is told of a refusal.
func (p *pace) slowDown(now time.Time) {
	p.crept = now
	p.refused, p.at = p.rate(now), p.allotted()
	if math.IsInf(p.refused, 1) {
		p.refused = p.recent.perSecond(now) // no budget was set: what was just too much is all that is known
	}
	p.ceiling = max(slowest, p.refused*slowdown)
}

// creep is told of clean answers.
func (p *pace) creep(now time.Time) {
	if math.IsInf(p.ceiling, 1) || now.Sub(p.crept) < creepEvery {
		return
	}
	p.crept = now
	switch {
	case p.ceiling < nearly*p.refused:
		p.ceiling = min(p.ceiling*quickCreep, nearly*p.refused)
	case p.ceiling < beyond*p.refused:
		p.ceiling *= slowCreep
	default:
		p.ceiling *= freeCreep
	}
	if p.ceiling >= p.at {
		p.ceiling = math.Inf(1)
	}
}

// hint is told what is left of the platform's own window.
func (p *pace) hint(now time.Time, l left) {
	p.hinted, p.hintedTill = l.requests/l.until.Seconds(), now.Add(l.until)
}

// left is what a platform says that may still be asked, until its count begins anew.
type left struct {
	requests float64
	until    time.Duration
}

// leftOf reads X-RateLimit-Remaining and -Reset (X-RateLimitReset on one platform), the latter in seconds from now or as a
// time in Unix seconds.
func leftOf(h http.Header, now time.Time) (left, bool) {
	remaining, err := strconv.ParseFloat(h.Get("X-RateLimit-Remaining"), 64)
	if err != nil || math.IsNaN(remaining) {
		return left{}, false
	}
	reset, err := strconv.ParseFloat(cmp.Or(h.Get("X-RateLimit-Reset"), h.Get("X-RateLimitReset")), 64)
	if err != nil {
		return left{}, false
	}
	const unixTimes = 5e8 // sixteen years, no wait
	if reset > unixTimes {
		reset -= float64(now.UnixMilli()) / 1000
	}
	l := left{remaining, pause(reset)}
	return l, l.until > 0
}

// tally counts requests, to know the rate of an account that has no budget.
type tally struct {
	start         time.Time // of the current span
	before        time.Time // of the span before it
	current, last int
}

const tallySpan = 10 * time.Second

func (t *tally) add(now time.Time) {
	if now.Sub(t.start) >= tallySpan {
		t.before, t.last = t.start, t.current
		t.start, t.current = now, 0
	}
	t.current++
}

// perSecond is the mean rate over the current span and the one before it.
func (t *tally) perSecond(now time.Time) float64 {
	from, n := t.start, t.current
	if now.Sub(t.before) <= 3*tallySpan {
		from, n = t.before, n+t.last
	}
	return float64(n) / max(1, now.Sub(from).Seconds())
}

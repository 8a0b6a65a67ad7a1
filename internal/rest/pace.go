package rest

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// pace is how fast this process may send requests to an account. It is the sum of the leases of all running activities, so that one
// activity can use what another leaves over. It never exceeds the account's budget, the hours of its schedule, and the rate that the
// platform has been seen to tolerate. Requests outside activities stay within the configured budget.
//
// The tolerated rate is learned from refusals: a 429 cuts the rate to 70 %. Within seconds the rate climbs back to 90 % of the
// refused one. After that it rises slowly, so that the next refusal is minutes away.
type pace struct {
	configured providers.Rate
	leases     map[*providers.Meter]struct{}
	account    float64 // the account's budget according to the newest lease, 0 means none

	last time.Time // when the previous request was due

	ceiling float64 // the rate that the platform tolerates, +Inf until it has refused
	refused float64 // the rate at which it refused
	at      float64 // what was allotted at that time
	crept   time.Time
	recent  tally

	hinted     float64 // the rate that spreads the platform's remaining requests over its window; +Inf if unknown
	hintedTill time.Time
}

const (
	slowdown   = 0.7
	nearly     = 0.9   // of the refused rate
	quickCreep = 1.05  // per creepEvery, below nearly
	slowCreep  = 1.001 // above it
	freeCreep  = 1.01  // above beyond: the platform tolerates more than it once refused
	beyond     = 1.05  // of the refused rate
	creepEvery = time.Second
	slowest    = 0.02 // one request in 50 s
	// lateness is how much lost time a delayed process may catch up on. So the largest burst is that much time at the rate.
	lateness = 100 * time.Millisecond
	// leastHint is the share of the rate that remains, however little the platform says is left of its window. The process then uses up
	// the window and waits for the next.
	leastHint = 0.1
)

func newPace(r providers.Rate) pace {
	return pace{configured: r, leases: map[*providers.Meter]struct{}{}, ceiling: math.Inf(1), at: math.Inf(1), hinted: math.Inf(1)}
}

func (p *pace) join(m *providers.Meter) {
	p.leases[m] = struct{}{}
	p.account = m.Lease().AccountRequestsPerSecond
}

func (p *pace) leave(m *providers.Meter) { delete(p.leases, m) }

// rate is the allowed rate at a time, in requests per second; +Inf if there is no limit.
func (p *pace) rate(now time.Time) float64 {
	share, _ := p.configured.Schedule.At(now)
	rate := p.allotted() * share
	if share == 0 {
		rate = 0 // also without a limit, since +Inf * 0 is not a number
	}
	rate = min(rate, p.tolerated())
	if now.Before(p.hintedTill) {
		rate = min(rate, max(p.hinted, leastHint*rate))
	}
	return rate
}

// tolerated returns the rate that the platform tolerates from this process. The platform refused the sum of all processes, so a process
// that has since taken over leases from another may send proportionally more. A process with fewer leases keeps its rate.
func (p *pace) tolerated() float64 {
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

// limited converts a rate in which 0 means no limit.
func limited(requestsPerSecond float64) float64 {
	if requestsPerSecond <= 0 {
		return math.Inf(1)
	}
	return requestsPerSecond
}

// next books a request if one is due, or returns how long it takes until one is.
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

// closed is how long the schedule will allow no requests at all.
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

// slowDown reports a refusal.
func (p *pace) slowDown(now time.Time) {
	p.crept = now
	p.refused, p.at = p.rate(now), p.allotted()
	if math.IsInf(p.refused, 1) {
		p.refused = p.recent.perSecond(now) // without a budget, the rate just refused is all that is known
	}
	p.ceiling = max(slowest, p.refused*slowdown)
}

// creep reports an answer that was no refusal.
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

// hint reports what is left of the platform's own window.
func (p *pace) hint(now time.Time, l left) {
	p.hinted, p.hintedTill = l.requests/l.until.Seconds(), now.Add(l.until)
}

// left is how many requests a platform says it still allows, and when its count starts again.
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
	const unixTimes = 5e8 // sixteen years: too long for a wait in seconds
	if reset > unixTimes {
		reset -= float64(now.UnixMilli()) / 1000
	}
	l := left{remaining, pause(reset)}
	return l, l.until > 0
}

// tally counts requests, to estimate the rate of an account without a budget.
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

// perSecond is the mean rate over the current span and the previous one.
func (t *tally) perSecond(now time.Time) float64 {
	from, n := t.start, t.current
	if now.Sub(t.before) <= 3*tallySpan {
		from, n = t.before, n+t.last
	}
	return float64(n) / max(1, now.Sub(from).Seconds())
}

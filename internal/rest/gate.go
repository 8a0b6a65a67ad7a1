package rest

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// gate holds all requests of one account to its budget, and stops them all when the platform says that it is too much.
// A 429 pauses every goroutine until the time the answer names, or for 1, 2, 4 ... 60 seconds where it names none, and
// slows the account down to 0.7 of its rate, which creeps back by 2 % a second while answers are clean. Answers to
// requests that were on their way when the pause began extend it but do not slow down again.
type gate struct {
	mu      sync.Mutex
	limit   rate.Limit // the budget; rate.Inf where there is none
	limiter *rate.Limiter
	until   time.Time
	episode int // counts the pauses
	silent  int // 429s in a row that named no time
	crept   time.Time
	recent  tally
}

const (
	slowdown   = 0.7
	creep      = 1.02
	creepEvery = time.Second
	slowest    = rate.Limit(0.02) // one request in 50 s
	maxSilent  = 60 * time.Second
)

// newGate makes a gate for a budget; 0 is no limit.
func newGate(requestsPerSecond float64) *gate {
	limit := rate.Inf
	if requestsPerSecond > 0 {
		limit = rate.Limit(requestsPerSecond)
	}
	return &gate{limit: limit, limiter: rate.NewLimiter(limit, 1)}
}

// pass is the leave to send one request. It remembers which pause it came after.
type pass struct{ episode int }

// Wait blocks until one more request may be sent. Time spent in pauses is taken from p; a pause longer than what is left
// of it is an error at once.
func (g *gate) Wait(ctx context.Context, p *patience) (pass, error) {
	if err := g.resumed(ctx, p); err != nil {
		return pass{}, err
	}
	if err := g.limiter.Wait(ctx); err != nil {
		return pass{}, err
	}
	if err := g.resumed(ctx, p); err != nil { // it may have begun while we stood in the queue
		return pass{}, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.recent.add(time.Now())
	return pass{episode: g.episode}, nil
}

// resumed returns when no pause is on.
func (g *gate) resumed(ctx context.Context, p *patience) error {
	for {
		left := g.Left()
		if left <= 0 {
			return nil
		}
		if left > p.waits {
			return &tooLong{after: left}
		}
		p.waits -= left
		if err := sleep(ctx, left); err != nil {
			return err
		}
	}
}

// Left is how long the pause will still last, 0 when there is none.
func (g *gate) Left() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.until))
}

// Rate is the rate now allowed, in requests per second; infinite where there is no limit.
func (g *gate) Rate() float64 { return float64(g.limiter.Limit()) }

// Throttled is told of a 429 to a request that was let through with p; after is 0 where the answer named no time.
func (g *gate) Throttled(p pass, after time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	fresh := p.episode == g.episode
	if after <= 0 {
		if !fresh {
			return // the pause that is on already answers it
		}
		after = min(time.Second<<min(g.silent, 6), maxSilent)
		g.silent++
	}
	g.pauseUntil(now.Add(min(after, maxPause)))
	if !fresh {
		return
	}
	g.episode++
	g.crept = now
	current := g.limiter.Limit()
	if current == rate.Inf {
		current = rate.Limit(g.recent.perSecond(now)) // no budget was set: what was just too much is all that is known
	}
	g.limiter.SetLimit(max(slowest, current*slowdown))
}

// Answered is told of an answer that was not a 429.
func (g *gate) Answered(p pass, h http.Header) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if p.episode == g.episode {
		g.silent = 0
	}
	if d, ok := exhausted(h, now); ok {
		g.pauseUntil(now.Add(d))
	}
	if current := g.limiter.Limit(); current < g.limit && now.Sub(g.crept) >= creepEvery {
		g.crept = now
		g.limiter.SetLimit(min(g.limit, current*creep))
	}
}

func (g *gate) pauseUntil(t time.Time) {
	if t.After(g.until) {
		g.until = t
	}
}

// exhausted reads X-RateLimit-Remaining and -Reset (X-RateLimitReset on one platform): nothing is left until the reset,
// given in seconds from now or as a time in Unix seconds.
func exhausted(h http.Header, now time.Time) (time.Duration, bool) {
	remaining, err := strconv.ParseFloat(h.Get("X-RateLimit-Remaining"), 64)
	if err != nil || remaining > 0 {
		return 0, false
	}
	reset, err := strconv.ParseFloat(cmp.Or(h.Get("X-RateLimit-Reset"), h.Get("X-RateLimitReset")), 64)
	if err != nil {
		return 0, false
	}
	const unixTimes = 5e8 // sixteen years, no wait
	if reset > unixTimes {
		reset -= float64(now.UnixMilli()) / 1000
	}
	d := pause(reset)
	return d, d > 0
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

package rest

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// gate controls all requests of one account in this process. It keeps them within the account's rate (pace), pauses all of them when
// the platform throttles, and stops them for good when the platform keeps refusing (guard).
//
// A 429 pauses every goroutine until the time in the answer, or for 1, 2, 4 ... 900 seconds if the answer has none. From the third 429
// in a row on, the pause is at least that long, even if the answer has an earlier time. Only the first 429 in a row lowers the rate.
// Answers to requests that were in flight when a pause began can only extend it.
type gate struct {
	queue   queue
	changed chan struct{} // wakes the request at the head of the queue

	mu      sync.Mutex
	pace    pace
	guard   guard
	until   time.Time // of the pause
	episode int       // counts the pauses
	streak  int       // 429s in a row, each to a request sent after the previous pause
}

const (
	// maxSilent is the longest pause after an answer without a time.
	maxSilent = 15 * time.Minute
	// maxTrusted is how many times in a row the gate trusts the time in the answer although the platform refuses again after it.
	maxTrusted = 2
)

// newGate returns a gate for a rate.
func newGate(r providers.Rate) *gate {
	g := &gate{changed: make(chan struct{}, 1)}
	g.pace = newPace(r)
	return g
}

// pass is the permission to send one request. It records how many pauses and refusals came before it.
type pass struct {
	episode, refusals int
	probe             bool
}

// Wait blocks until an activity may send one more request. Time spent in pauses is deducted from p; a pause longer than what is
// left of p is an error at once.
func (g *gate) Wait(ctx context.Context, p *patience, m *providers.Meter) (pass, error) {
	g.join(m)
	if err := g.resumed(ctx, p, m); err != nil {
		return pass{}, err
	}
	if err := g.queue.acquire(ctx, m); err != nil {
		return pass{}, err
	}
	defer g.queue.release()
	for {
		if err := g.resumed(ctx, p, m); err != nil { // a pause may have begun while we waited in the queue
			return pass{}, err
		}
		left, pass, err := g.take(m)
		if left <= 0 || err != nil {
			return pass, err
		}
		if err := g.sleep(ctx, left); err != nil {
			return pass, err
		}
	}
}

// take returns the permission to send a request now, or how long to wait before asking again.
func (g *gate) take(m *providers.Meter) (time.Duration, pass, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	p := pass{episode: g.episode, refusals: g.guard.refusals}
	wait, err := g.guard.admit(m, &p)
	if wait > 0 || err != nil {
		return wait, p, err
	}
	if wait := g.pace.next(now); wait > 0 {
		g.guard.release(p)
		return wait, p, nil
	}
	return 0, p, nil
}

// sleep sleeps, but wakes up early if something has changed.
func (g *gate) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	case <-g.changed:
	}
	return nil
}

// wake wakes the request at the head of the queue.
func (g *gate) wake() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// join adds the activity's lease to the rate until the activity ends.
func (g *gate) join(m *providers.Meter) {
	if m == nil {
		return
	}
	g.mu.Lock()
	_, known := g.pace.leases[m]
	if !known {
		g.pace.join(m)
		g.guard.join(m)
	}
	g.mu.Unlock()
	if known {
		return
	}
	g.wake()
	m.OnGrow(g.wake)
	m.OnEnd(func() {
		g.queue.forget(m)
		g.mu.Lock()
		g.pace.leave(m)
		g.guard.leave(m)
		g.mu.Unlock()
		g.wake()
	})
}

// resumed returns when neither the platform nor the schedule pauses the account.
func (g *gate) resumed(ctx context.Context, p *patience, m *providers.Meter) error {
	for {
		left, what := g.Pause()
		if left <= 0 {
			return nil
		}
		if err := p.wait(ctx, left, what, m); err != nil {
			return err
		}
	}
}

// Left returns how long the current pause will last, 0 if there is none.
func (g *gate) Left() time.Duration {
	left, _ := g.Pause()
	return left
}

// Pause returns how long the current pause will last, 0 if there is none, and what causes it.
func (g *gate) Pause() (left time.Duration, what providers.Awaited) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	paused, closed := max(0, g.until.Sub(now)), g.pace.closed(now)
	if closed > paused {
		return closed, providers.AwaitSchedule
	}
	return paused, providers.AwaitPlatform
}

// Stopped returns the reason why the account is stopped, nil if it is not.
func (g *gate) Stopped() *stopped {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.guard.stopped
}

// Tolerated returns the rate that the platform has been seen to tolerate, in requests per second; infinite if it has not refused any.
func (g *gate) Tolerated() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.tolerated()
}

// Rate returns the current rate in requests per second; infinite if there is no limit.
func (g *gate) Rate() float64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.rate(time.Now())
}

// Throttled reports a 429 to the request with pass p; after is 0 if the answer has no time.
func (g *gate) Throttled(p pass, after time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.wake()
	g.guard.refused(p, http.StatusTooManyRequests)
	now := time.Now()
	fresh := p.episode == g.episode
	if fresh {
		if backoff := min(time.Second<<min(g.streak, 10), maxSilent); after <= 0 || g.streak >= maxTrusted {
			after = max(after, backoff)
		}
		if g.streak == 0 {
			g.pace.slowDown(now)
		}
		g.streak++
		g.episode++
	}
	g.pauseUntil(now.Add(min(after, maxPause)))
}

// Answered reports any other answer that says something about limits.
func (g *gate) Answered(p pass, status int, h http.Header) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		g.guard.refused(p, status)
		g.wake()
		return
	}
	g.guard.accepted(p)
	if p.episode == g.episode {
		g.streak = 0
	}
	if left, ok := leftOf(h, now); ok && left.requests <= 0 {
		g.pauseUntil(now.Add(left.until))
	} else if ok {
		g.pace.hint(now, left)
	}
	g.pace.creep(now)
}

// Failed reports a request that was not sent, had no answer, or had one that says nothing about limits.
func (g *gate) Failed(p pass) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.guard.release(p)
	g.wake()
}

func (g *gate) pauseUntil(t time.Time) {
	if t.After(g.until) {
		g.until = t
	}
}

package chatwoot

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Throttle limits the requests to the account. A request over a limit is answered with 429, a text and no Retry-After.
type Throttle struct {
	// PerSecond and Burst are a token bucket: Burst requests at once, PerSecond on average. 0 means no limit.
	PerSecond float64
	Burst     int
	// PerWindow limits each fixed Window (a minute if 0), counted from the epoch as on the real site. 0 means no limit.
	PerWindow int
	Window    time.Duration
	// MetaPerMinute limits /conversations/meta separately: 30 on new versions. 0 means no limit.
	MetaPerMinute int
	// Headers, together with PerSecond, adds to every answer how many requests are left: X-RateLimit-Limit, -Remaining and
	// -Reset, the latter in whole seconds until one more is allowed. A 429 also has Retry-After with the same value.
	Headers bool
}

// limiter enforces a Throttle.
type limiter struct {
	throttle Throttle
	now      func() time.Time

	mu     sync.Mutex
	tokens float64
	at     time.Time
	all    window
	meta   window
}

// window counts the requests of one fixed window.
type window struct {
	number int64
	count  int
}

func (w *window) over(now time.Time, length time.Duration, limit int) bool {
	if number := now.UnixNano() / int64(length); number != w.number {
		*w = window{number: number}
	}
	w.count++
	return limit > 0 && w.count > limit
}

func (l *limiter) start(t Throttle, now func() time.Time) {
	if t.Window == 0 {
		t.Window = time.Minute
	}
	t.Burst = max(t.Burst, 1)
	l.throttle, l.now, l.tokens = t, now, float64(t.Burst)
}

// SetThrottle replaces the limits. A token bucket keeps only the tokens that fit into the new one.
func (s *Site) SetThrottle(t Throttle) {
	l := &s.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	limited, tokens := l.throttle.PerSecond > 0, l.tokens
	l.start(t, l.now)
	if limited {
		l.tokens = min(tokens, l.tokens)
	}
}

// allow reports whether one more request to an endpoint is within the limits, and what the answer's headers say about them.
func (l *limiter) allow(endpoint string, h http.Header) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	allowed := l.take(endpoint)
	if !l.throttle.Headers || l.throttle.PerSecond == 0 {
		return allowed
	}
	wait := 0
	if l.tokens < 1 {
		wait = int(math.Ceil((1 - l.tokens) / l.throttle.PerSecond))
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(l.throttle.Burst))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(int(l.tokens)))
	h.Set("X-RateLimit-Reset", strconv.Itoa(wait))
	if !allowed {
		h.Set("Retry-After", strconv.Itoa(max(1, wait)))
	}
	return allowed
}

// take counts one more request. The caller holds l.mu.
func (l *limiter) take(endpoint string) bool {
	if l.throttle.PerSecond == 0 && l.throttle.PerWindow == 0 && l.throttle.MetaPerMinute == 0 {
		return true
	}
	now := l.now()
	if l.all.over(now, l.throttle.Window, l.throttle.PerWindow) {
		return false
	}
	if endpoint == "conversations/meta" && l.meta.over(now, time.Minute, l.throttle.MetaPerMinute) {
		return false
	}
	if l.throttle.PerSecond == 0 {
		return true
	}
	if !l.at.IsZero() {
		l.tokens = min(float64(l.throttle.Burst), l.tokens+now.Sub(l.at).Seconds()*l.throttle.PerSecond)
	}
	l.at = now
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}

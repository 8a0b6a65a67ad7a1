package freshchat

import (
	"maps"
	"sync"
	"time"
)

// Stats counts the requests to a site.
type Stats struct {
	Requests  int64
	Endpoints map[string]int64 // by path below the API's root, for example conversations/{id}/messages; downloads are extracts
	Throttled int64            // requests answered with 429
	// PeakPerSecond is the largest number of requests within one second of the clock.
	PeakPerSecond int
}

// Stats returns the counts so far.
func (s *Site) Stats() Stats {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	stats := s.stats.stats
	stats.Endpoints = maps.Clone(stats.Endpoints)
	return stats
}

type counter struct {
	mu     sync.Mutex
	stats  Stats
	second int64
	within int
}

func (c *counter) count(endpoint string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests++
	if c.stats.Endpoints == nil {
		c.stats.Endpoints = map[string]int64{}
	}
	c.stats.Endpoints[endpoint]++
	if second := now.Unix(); second != c.second {
		c.second, c.within = second, 0
	}
	c.within++
	c.stats.PeakPerSecond = max(c.stats.PeakPerSecond, c.within)
}

func (c *counter) throttle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Throttled++
}

// Throttle limits the requests to the account: Burst at once, PerSecond on average. 0 means no limit. Requests over it are
// answered with 429 without Retry-After.
type Throttle struct {
	PerSecond float64
	Burst     int
}

type limiter struct {
	throttle Throttle
	now      func() time.Time
	mu       sync.Mutex
	tokens   float64
	at       time.Time
}

func (l *limiter) start(t Throttle, now func() time.Time) {
	t.Burst = max(t.Burst, 1)
	l.throttle, l.now, l.tokens = t, now, float64(t.Burst)
}

func (l *limiter) allow() bool {
	if l.throttle.PerSecond == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
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

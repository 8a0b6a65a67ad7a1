package chatwoot

import (
	"maps"
	"sync"
	"time"
)

// Stats counts the requests to a site.
type Stats struct {
	Requests  int64
	Endpoints map[string]int64 // by path below the account, for example conversations/{id}/messages
	Throttled int64            // requests answered with 429
	// PeakPerSecond is the largest number of requests within one second, in steps of a hundredth.
	PeakPerSecond int
	PeakInFlight  int
}

// Stats returns the counts so far.
func (s *Site) Stats() Stats { return s.stats.report() }

// slots is how many slots a second has.
const slots = 100

type counter struct {
	mu       sync.Mutex
	stats    Stats
	inFlight int
	slot     int64      // the newest, in hundredths of a second
	ring     [slots]int // requests of the last second by slot
	second   int        // their sum
}

func (c *counter) begin(endpoint string, now time.Time) (done func()) {
	c.count(endpoint, now)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight++
	c.stats.PeakInFlight = max(c.stats.PeakInFlight, c.inFlight)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.inFlight--
	}
}

func (c *counter) count(endpoint string, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Requests++
	if c.stats.Endpoints == nil {
		c.stats.Endpoints = map[string]int64{}
	}
	c.stats.Endpoints[endpoint]++
	slot := now.UnixNano() / int64(time.Second/slots)
	if slot-c.slot >= slots {
		c.ring, c.second, c.slot = [slots]int{}, 0, slot
	}
	for c.slot < slot {
		c.slot++
		c.second -= c.ring[c.slot%slots]
		c.ring[c.slot%slots] = 0
	}
	c.ring[c.slot%slots]++
	c.second++
	c.stats.PeakPerSecond = max(c.stats.PeakPerSecond, c.second)
}

func (c *counter) throttle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Throttled++
}

func (c *counter) report() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Endpoints = maps.Clone(stats.Endpoints)
	return stats
}

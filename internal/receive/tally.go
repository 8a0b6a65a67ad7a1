package receive

import (
	"maps"
	"sync"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// Counts are how many announcements about an account were received since the receiver began.
type Counts struct {
	Accepted int64                      `json:"accepted"`
	Repeated int64                      `json:"repeated"` // they were acknowledged before
	Ignored  int64                      `json:"ignored"`  // they are about no conversation, or probes
	Refused  map[providers.Reason]int64 `json:"refused,omitempty"`
}

// Stats are the counts of all accounts, by name. Those about no known account have an empty name.
type Stats map[string]Counts

// tally counts.
type tally struct {
	mu     sync.Mutex
	counts map[string]*Counts
	said   map[string]time.Time // when a refusal was logged last, by account and reason
}

func (t *tally) count(account string, change func(*Counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t.of(account))
}

func (t *tally) of(account string) *Counts {
	if t.counts == nil {
		t.counts, t.said = map[string]*Counts{}, map[string]time.Time{}
	}
	c, ok := t.counts[account]
	if !ok {
		c = &Counts{Refused: map[providers.Reason]int64{}}
		t.counts[account] = c
	}
	return c
}

// logEvery is the shortest time between two lines of the log about the same refusal, so that a stranger cannot fill the log.
const logEvery = time.Minute

// refuse counts a refusal, and reports whether it should be logged.
func (t *tally) refuse(account string, reason providers.Reason, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(account).Refused[reason]++
	key := account + "\n" + string(reason)
	if last, ok := t.said[key]; ok && now.Sub(last) < logEvery {
		return false
	}
	t.said[key] = now
	return true
}

func (t *tally) stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := Stats{}
	for name, c := range t.counts {
		copied := *c
		copied.Refused = maps.Clone(c.Refused)
		all[name] = copied
	}
	return all
}

const (
	// rememberFor is how long an announcement is remembered at least. Signatures are valid for less.
	rememberFor = time.Hour
	// mostSeen is how many announcements are remembered at most, twice.
	mostSeen = 100_000
)

// seen remembers which announcements were kept, in two sets: when the newer one is old or full, it becomes the older one. What is forgotten
// may be kept again, which costs a fetch.
type seen struct {
	mu           sync.Mutex
	newer, older map[[16]byte]struct{}
	since        time.Time // of newer
}

func (s *seen) has(key [16]byte, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	_, a := s.newer[key]
	_, b := s.older[key]
	return a || b
}

func (s *seen) add(key [16]byte, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	s.newer[key] = struct{}{}
}

func (s *seen) turn(now time.Time) {
	if s.newer == nil || len(s.newer) >= mostSeen || now.Sub(s.since) >= rememberFor {
		s.newer, s.older, s.since = map[[16]byte]struct{}{}, s.newer, now
	}
}

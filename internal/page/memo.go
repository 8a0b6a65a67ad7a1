package page

import (
	"context"
	"sync"
	"time"
)

const (
	// shownAgain is how old something may be that is shown while it is read anew, because reading takes long.
	shownAgain = 30 * time.Second
	// worthWaiting is how long to wait for something newer.
	worthWaiting = 2 * time.Second
)

// memo keeps what was read for a moment, so that many viewers cost no more than one, and none waits long. The zero value is ready.
type memo[T any] struct {
	mu      sync.Mutex
	value   T
	err     error
	until   time.Time     // it is fresh; zero is not known or forgotten
	reading chan struct{} // is closed when the reading ends; nil if nobody reads
	forgot  int
}

// get returns what was read less than fresh ago, or longer if reading takes long, or else reads it. Who stops waiting does not stop the reading, because others wait for it.
func (m *memo[T]) get(ctx context.Context, fresh time.Duration, read func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	if time.Now().Before(m.until) {
		defer m.mu.Unlock()
		return m.value, m.err
	}
	known := !m.until.IsZero() && time.Since(m.until) < shownAgain
	if m.reading == nil {
		m.reading = make(chan struct{})
		go m.read(context.WithoutCancel(ctx), fresh, read)
	}
	reading := m.reading
	m.mu.Unlock()
	enough := make(<-chan time.Time)
	if known {
		enough = time.After(worthWaiting)
	}
	select {
	case <-reading:
	case <-enough:
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.value, m.err
}

// read reads until it gets something that was not forgotten meanwhile.
func (m *memo[T]) read(ctx context.Context, fresh time.Duration, read func(context.Context) (T, error)) {
	for {
		m.mu.Lock()
		forgot := m.forgot
		m.mu.Unlock()
		began := time.Now()
		within, cancel := context.WithTimeout(ctx, longestAnswer)
		value, err := read(within)
		cancel()
		m.mu.Lock()
		if m.forgot == forgot {
			m.value, m.err, m.until = value, err, time.Now().Add(restAfter(time.Since(began), fresh))
			close(m.reading)
			m.reading = nil
			m.mu.Unlock()
			return
		}
		m.mu.Unlock()
	}
}

// forget lets the next get read.
func (m *memo[T]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.until, m.forgot = time.Time{}, m.forgot+1
}

// longestRest is the longest time for which something is shown again.
const longestRest = time.Minute

// restAfter is for how long something is shown again that took so long to read: long enough that an open page does not keep a large lake
// busy.
func restAfter(took, fresh time.Duration) time.Duration { return max(fresh, min(10*took, longestRest)) }

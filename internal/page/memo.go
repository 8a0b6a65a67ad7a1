package page

import (
	"context"
	"sync"
	"time"
)

// memo keeps what was read for a moment, so that many viewers cost no more than one. The zero value is ready.
type memo[T any] struct {
	mu    sync.Mutex
	until time.Time
	value T
	err   error
}

// get returns what was read less than fresh ago, or longer if reading takes long, or else reads it. Who stops waiting does not stop the reading, because others wait for it.
func (m *memo[T]) get(ctx context.Context, fresh time.Duration, read func(context.Context) (T, error)) (T, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Now().Before(m.until) {
		return m.value, m.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestAnswer)
	defer cancel()
	began := time.Now()
	m.value, m.err = read(ctx)
	m.until = time.Now().Add(restAfter(time.Since(began), fresh))
	return m.value, m.err
}

// longestRest is the longest time for which something is shown again.
const longestRest = time.Minute

// restAfter is for how long something is shown again that took so long to read: long enough that an open page does not keep a large lake
// busy.
func restAfter(took, fresh time.Duration) time.Duration { return max(fresh, min(10*took, longestRest)) }

// forget lets the next get read.
func (m *memo[T]) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.until = time.Time{}
}

package rest

import (
	"container/heap"
	"context"
	"slices"
	"sync"

	"github.com/chatlake/chatlake/providers"
)

// queue decides which request goes next. Activities get turns in proportion to their leases, however many requests each has
// waiting, except for their first ones; see prompt. An idle activity's turns go to the others (start-time fair queuing: Goyal, Vin, Cheng, 1996).
type queue struct {
	mu      sync.Mutex
	held    bool
	virtual float64 // the tag of the latest turn
	turns   map[*providers.Meter]turns
	waiting waiters
}

// turns is what an activity has had: the tag of its latest request, and how many it has made.
type turns struct {
	tag      float64
	requests int
}

// prompt is how many requests of an activity go as if it had the largest lease. Without that, a step of a few requests that has next to
// no lease, such as counting a window again, would wait for hundreds of requests of others.
const prompt = 12

type waiter struct {
	tag   float64
	ready chan struct{}
}

// acquire returns when it is the caller's turn. The caller must release it.
func (q *queue) acquire(ctx context.Context, m *providers.Meter) error {
	q.mu.Lock()
	if q.turns == nil {
		q.turns = map[*providers.Meter]turns{}
	}
	had := q.turns[m]
	tag := max(q.virtual, had.tag) + 1/q.weight(m, had.requests)
	q.turns[m] = turns{tag, had.requests + 1}
	if !q.held {
		q.held, q.virtual = true, tag
		q.mu.Unlock()
		return nil
	}
	w := &waiter{tag, make(chan struct{})}
	heap.Push(&q.waiting, w)
	q.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	at := slices.Index(q.waiting, w)
	if at >= 0 {
		heap.Remove(&q.waiting, at)
	}
	q.mu.Unlock()
	if at < 0 {
		q.release() // the turn came meanwhile
	}
	return context.Cause(ctx)
}

// release gives the turn to the next request.
func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held = len(q.waiting) > 0; q.held {
		w := heap.Pop(&q.waiting).(*waiter)
		q.virtual = w.tag
		close(w.ready)
	}
}

// forget removes an activity that has ended.
func (q *queue) forget(m *providers.Meter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.turns, m)
}

// weight is what an activity gets in proportion, for its next request.
func (q *queue) weight(m *providers.Meter, requests int) float64 {
	most := weight(m)
	if requests < prompt {
		for other := range q.turns {
			most = max(most, weight(other))
		}
	}
	return most
}

// weight is the rate of an activity's lease; 1 if there is no lease, or one without limit.
func weight(m *providers.Meter) float64 {
	if r := m.Lease().RequestsPerSecond; r > 0 {
		return r
	}
	return 1
}

type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].tag < w[j].tag }
func (w waiters) Swap(i, j int)      { w[i], w[j] = w[j], w[i] }
func (w *waiters) Push(x any)        { *w = append(*w, x.(*waiter)) }
func (w *waiters) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	*w = (*w)[:last]
	return x
}

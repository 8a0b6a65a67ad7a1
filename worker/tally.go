package worker

import (
	"context"
	"maps"
	"sync"

	"github.com/chatlake/chatlake/providers"
)

// tally counts the requests to platforms that workers on a connection send. The zero value is ready, and nil counts nothing.
type tally struct {
	mu  sync.Mutex
	all map[string]Spent
}

// Spent is what a process has sent to the platform of an account.
type Spent struct {
	Sent, Throttled int64 // requests, and those answered with 429
	// Tolerated is the rate in requests per second that the platform has been seen to tolerate; 0 means that it has not refused any.
	Tolerated float64
	// Stopped reports whether no more requests are sent, because the platform refused too many in a row.
	Stopped bool
}

// Spent returns what workers on the connection have sent, by account. It is false if none can be on it.
func (t *Temporal) Spent() (map[string]Spent, bool) {
	if t.tally == nil {
		return nil, false
	}
	t.tally.mu.Lock()
	defer t.tally.mu.Unlock()
	return maps.Clone(t.tally.all), true
}

// watch lets other see the requests of an account, and counts them. Other may be nil.
func (t *tally) watch(account string, other providers.Watch) providers.Watch {
	if t == nil {
		return other
	}
	return func(ctx context.Context, a providers.Attempt) (context.Context, func(providers.Outcome)) {
		seen := func(providers.Outcome) {}
		if other != nil {
			ctx, seen = other(ctx, a)
		}
		return ctx, func(o providers.Outcome) {
			t.add(account, o)
			seen(o)
		}
	}
}

func (t *tally) add(account string, o providers.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]Spent{}
	}
	s := t.all[account]
	s.Sent++
	if o.Status == 429 {
		s.Throttled++
	}
	if o.Tolerated > 0 {
		s.Tolerated = o.Tolerated
	}
	s.Stopped = o.Stopped
	t.all[account] = s
}

package providers

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Lease is the part of an account's request budget that an export, a shard or an activity may use. The leases of an account that are in
// use at the same time never add up to more than its budget.
type Lease struct {
	// RequestsPerSecond is 0 where the account has no limit.
	RequestsPerSecond float64 `json:"requests_per_second"`
	// AccountRequestsPerSecond is the budget of the whole account, which a process does not exceed whatever leases it has; 0 is no limit.
	AccountRequestsPerSecond float64 `json:"account_requests_per_second,omitempty"`
}

// Meter tracks one activity's lease, requests and waits. The context carries it, so providers need not know about leases. All
// methods are safe for concurrent use and work on a nil *Meter.
type Meter struct {
	lease               atomic.Pointer[Lease]
	requests, throttled atomic.Int64

	mu      sync.Mutex
	waiting map[meterWait]int // how many requests wait
	ended   bool
	onEnd   []func()
	onGrow  []func()
}

// NewMeter returns a meter for a lease. The lease is in use until End.
func NewMeter(l Lease) *Meter {
	m := &Meter{waiting: map[meterWait]int{}}
	m.lease.Store(&l)
	return m
}

// Lease returns the activity's lease.
func (m *Meter) Lease() Lease {
	if m == nil {
		return Lease{}
	}
	return *m.lease.Load()
}

// Grow makes the lease larger, if the activity has one: whoever leased it has no other use for the rest. A rate that is not larger changes
// nothing.
func (m *Meter) Grow(requestsPerSecond float64) {
	if m == nil {
		return
	}
	m.mu.Lock()
	l := m.Lease()
	grows := !m.ended && 0 < l.RequestsPerSecond && l.RequestsPerSecond < requestsPerSecond
	if grows {
		l.RequestsPerSecond = requestsPerSecond
		m.lease.Store(&l)
	}
	todo := m.onGrow
	m.mu.Unlock()
	if grows {
		for _, f := range todo {
			f()
		}
	}
}

// OnGrow calls f whenever the lease has grown.
func (m *Meter) OnGrow(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onGrow = append(m.onGrow, f)
}

// Count counts a request that is about to be sent.
func (m *Meter) Count() {
	if m != nil {
		m.requests.Add(1)
	}
}

// Throttle counts a 429 answer.
func (m *Meter) Throttle() {
	if m != nil {
		m.throttled.Add(1)
	}
}

// Requests returns the number of requests.
func (m *Meter) Requests() int64 {
	if m == nil {
		return 0
	}
	return m.requests.Load()
}

// Throttled returns the number of 429 answers.
func (m *Meter) Throttled() int64 {
	if m == nil {
		return 0
	}
	return m.throttled.Load()
}

// Awaited is what a request waits for before it can be sent.
type Awaited string

const (
	AwaitPlatform Awaited = "platform" // the platform said to retry later, or its limit is reached
	AwaitSchedule Awaited = "schedule" // the account's rate.schedule allows no requests now
)

// meterWait is the wait of one request.
type meterWait struct {
	until time.Time
	what  Awaited
}

// Waits records that a request waits until a time, and for what. The caller calls done when the wait is over.
func (m *Meter) Waits(until time.Time, what Awaited) (done func()) {
	if m == nil {
		return func() {}
	}
	w := meterWait{until, what}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting[w]++
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.waiting[w]--; m.waiting[w] == 0 {
			delete(m.waiting, w)
		}
	}
}

// Waiting returns the latest time until which a request of the activity waits, and for what; zero if no request waits.
func (m *Meter) Waiting() (until time.Time, what Awaited) {
	if m == nil {
		return until, what
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.waiting {
		if w.until.After(until) {
			until, what = w.until, w.what
		}
	}
	return until, what
}

// End reports that the activity sends no more requests. Others may use its lease from now on.
func (m *Meter) End() {
	if m == nil {
		return
	}
	m.mu.Lock()
	todo := m.onEnd
	m.ended, m.onEnd = true, nil
	m.mu.Unlock()
	for _, f := range todo {
		f()
	}
}

// OnEnd calls f when the meter ends, or at once if it has already ended.
func (m *Meter) OnEnd(f func()) {
	m.mu.Lock()
	ended := m.ended
	if !ended {
		m.onEnd = append(m.onEnd, f)
	}
	m.mu.Unlock()
	if ended {
		f()
	}
}

type meterKey struct{}

// WithMeter returns a context whose requests m tracks and limits.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// MeterFrom returns the meter of ctx, or nil.
func MeterFrom(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}

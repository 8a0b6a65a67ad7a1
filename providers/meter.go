package providers

import (
	"context"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Lease is the share of an account's request budget that the workflow gives to one activity.
type Lease struct {
	// RequestsPerSecond is 0 where the account has no limit.
	RequestsPerSecond float64 `json:"requests_per_second"`
}

// Meter holds one activity to its lease and counts what it asks of the platform. It travels in the context, so that
// providers need not know of leases. All methods are safe for concurrent use and work on a nil *Meter.
type Meter struct {
	limiter             *rate.Limiter
	requests, throttled atomic.Int64
}

// NewMeter makes a meter for a lease.
func NewMeter(l Lease) *Meter {
	m := &Meter{}
	if l.RequestsPerSecond > 0 {
		m.limiter = rate.NewLimiter(rate.Limit(l.RequestsPerSecond), 1)
	}
	return m
}

// Wait blocks until the lease allows one more request, and counts it.
func (m *Meter) Wait(ctx context.Context) error {
	if m == nil {
		return nil
	}
	if m.limiter != nil {
		if err := m.limiter.Wait(ctx); err != nil {
			return err
		}
	}
	m.requests.Add(1)
	return nil
}

// Throttle counts an answer that said "too many requests".
func (m *Meter) Throttle() {
	if m != nil {
		m.throttled.Add(1)
	}
}

// Requests is how many requests were made.
func (m *Meter) Requests() int64 {
	if m == nil {
		return 0
	}
	return m.requests.Load()
}

// Throttled is how many of them were answered with "too many requests".
func (m *Meter) Throttled() int64 {
	if m == nil {
		return 0
	}
	return m.throttled.Load()
}

type meterKey struct{}

// WithMeter returns a context in which requests are held to m.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	return context.WithValue(ctx, meterKey{}, m)
}

// MeterFrom returns the meter of ctx, or nil.
func MeterFrom(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}

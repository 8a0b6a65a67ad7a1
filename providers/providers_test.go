package providers

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMeterHoldsTheLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter(Lease{RequestsPerSecond: 4})
		ctx := WithMeter(t.Context(), m)
		start := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for range 7 {
					if err := MeterFrom(ctx).Wait(ctx); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took != 5*time.Second || m.Requests() != 21 {
			t.Errorf("%d requests at 4 a second took %s", m.Requests(), took)
		}
	})
}

func TestMeterWithoutALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter(Lease{})
		start := time.Now()
		for range 1000 {
			if err := m.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		m.Throttle()
		if time.Since(start) != 0 || m.Requests() != 1000 || m.Throttled() != 1 {
			t.Errorf("%d requests, %d throttled, in %s", m.Requests(), m.Throttled(), time.Since(start))
		}
	})
}

func TestMeterCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMeter(Lease{RequestsPerSecond: 0.001})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_ = m.Wait(ctx)
		if err := m.Wait(ctx); !errors.Is(err, context.Canceled) || m.Requests() != 1 {
			t.Errorf("the wait ended with %v, %d requests are counted", err, m.Requests())
		}
	})
}

func TestNoMeter(t *testing.T) {
	m := MeterFrom(t.Context())
	m.Throttle()
	if err := m.Wait(t.Context()); err != nil || m.Requests() != 0 || m.Throttled() != 0 {
		t.Errorf("no meter: %v, %d, %d", err, m.Requests(), m.Throttled())
	}
}

func TestError(t *testing.T) {
	tests := []struct {
		err  Error
		want string
	}{
		{Error{Op: "list conversations"}, "list conversations"},
		{Error{Op: "list conversations", Status: 500}, "list conversations: status 500"},
		{Error{Op: "list conversations", Status: 200, Err: io.ErrUnexpectedEOF}, "list conversations: status 200: unexpected EOF"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
		if tt.err.Err != nil && !errors.Is(&tt.err, tt.err.Err) {
			t.Errorf("%q hides its cause", tt.want)
		}
	}
}

func TestSpanOfAQuota(t *testing.T) {
	day := 24 * time.Hour
	reports := Quota{Limits: []Limit{{Uses: 1, Per: time.Minute}, {Uses: 120, Per: day}}}
	for uses, want := range map[int]time.Duration{
		0: 0, 1: 0, 2: time.Minute, 120: 119 * time.Minute, 121: day, 240: day, 365: 3 * day,
	} {
		if got := reports.Span(uses); got != want {
			t.Errorf("%d uses take %s, want %s", uses, got, want)
		}
	}
}

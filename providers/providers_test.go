package providers

import (
	"errors"
	"io"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	m := NewMeter(Lease{RequestsPerSecond: 4})
	if MeterFrom(WithMeter(t.Context(), m)) != m || m.Lease().RequestsPerSecond != 4 {
		t.Error("the meter is not in its context")
	}
	m.Count()
	m.Count()
	m.Throttle()
	if m.Requests() != 2 || m.Throttled() != 1 {
		t.Errorf("%d requests, %d throttled", m.Requests(), m.Throttled())
	}
	soon, late := time.Unix(100, 0), time.Unix(200, 0)
	first, second, third := m.Waits(late, AwaitPlatform), m.Waits(soon, AwaitSchedule), m.Waits(late, AwaitPlatform)
	first()
	if got, what := m.Waiting(); got != late || what != AwaitPlatform {
		t.Errorf("waiting for %s until %s, want the platform until %s", what, got, late)
	}
	third()
	if got, what := m.Waiting(); got != soon || what != AwaitSchedule {
		t.Errorf("waiting for %s until %s, want the schedule until %s", what, got, soon)
	}
	second()
	if got, _ := m.Waiting(); !got.IsZero() {
		t.Error("no request waits any more, but Waiting returns a time")
	}
	ends := 0
	m.OnEnd(func() { ends++ })
	m.End()
	m.End()
	if m.OnEnd(func() { ends++ }); ends != 2 {
		t.Errorf("%d calls at the end, want 2", ends)
	}
}

func TestNoMeter(t *testing.T) {
	m := MeterFrom(t.Context())
	m.Count()
	m.Throttle()
	m.Waits(time.Now(), AwaitPlatform)()
	m.End()
	if m.Requests() != 0 || m.Throttled() != 0 || m.Lease() != (Lease{}) {
		t.Error("a nil meter counts")
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

func TestFreeOfAQuota(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	quota := Quota{Limits: []Limit{{Uses: 1, Per: time.Minute}, {Uses: 2, Per: 24 * time.Hour}}}
	for name, c := range map[string]struct {
		ago  []time.Duration
		want time.Duration
	}{
		"unused":      {nil, 0},
		"just used":   {[]time.Duration{20 * time.Second}, 40 * time.Second},
		"used up":     {[]time.Duration{20 * time.Hour, time.Hour}, 4 * time.Hour},
		"free again":  {[]time.Duration{24 * time.Hour, time.Minute}, 0},
		"both limits": {[]time.Duration{24*time.Hour - time.Second, time.Second}, 59 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var uses []time.Time
			for _, ago := range c.ago {
				uses = append(uses, now.Add(-ago))
			}
			if got := quota.Free(quota.Recent(uses, now), now); got != c.want {
				t.Errorf("free after %s, want %s", got, c.want)
			}
		})
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

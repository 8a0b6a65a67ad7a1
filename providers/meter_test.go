package providers_test

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
)

// TestALeaseOnlyGrows: whoever leases counts on the activity to keep to the last lease that was decided.
func TestALeaseOnlyGrows(t *testing.T) {
	m := providers.NewMeter(providers.Lease{RequestsPerSecond: 5, AccountRequestsPerSecond: 50})
	grown := 0
	m.OnGrow(func() { grown++ })
	for _, step := range []struct{ to, want float64 }{{4, 5}, {0, 5}, {8, 8}, {8, 8}, {7, 8}} {
		if m.Grow(step.to); m.Lease().RequestsPerSecond != step.want || m.Lease().AccountRequestsPerSecond != 50 {
			t.Errorf("after %g: %+v, want %g", step.to, m.Lease(), step.want)
		}
	}
	m.End()
	if m.Grow(20); m.Lease().RequestsPerSecond != 8 || grown != 1 {
		t.Errorf("%+v, grown %d times, want once and not after the end", m.Lease(), grown)
	}
	unlimited := providers.NewMeter(providers.Lease{})
	if unlimited.Grow(20); unlimited.Lease().RequestsPerSecond != 0 {
		t.Errorf("%+v, want no limit as before", unlimited.Lease())
	}
	(*providers.Meter)(nil).Grow(1)
}

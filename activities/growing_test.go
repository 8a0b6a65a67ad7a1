package activities

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// TestActivityAsksForALargerLease: not before it can be one, then again and again, until the activity ends. What is not known is no lease.
func TestActivityAsksForALargerLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := providers.NewMeter(providers.Lease{RequestsPerSecond: 2})
		answers, asked := []float64{2, 0, 6}, []time.Duration{}
		began := time.Now()
		go (&Growing{Every: time.Second, After: 3 * time.Second}).keepAsking(ctx, m, func(context.Context) float64 {
			asked = append(asked, time.Since(began))
			return answers[len(asked)-1]
		})
		time.Sleep(5500 * time.Millisecond)
		if m.Lease().RequestsPerSecond != 2 {
			t.Errorf("%+v, want the lease that it began with", m.Lease())
		}
		time.Sleep(time.Second)
		if m.Lease().RequestsPerSecond != 6 {
			t.Errorf("%+v, want 6", m.Lease())
		}
		cancel()
		time.Sleep(time.Minute)
		if len(asked) != 3 || asked[0] != 4*time.Second || asked[2] != 6*time.Second {
			t.Errorf("asked after %v, want after 4, 5 and 6 s", asked)
		}
	})
}

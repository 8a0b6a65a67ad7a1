package rest

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// TestStepOfFewRequestsDoesNotWaitForHundreds: a step with a fiftieth of the rate sends its first requests in turn with the others. After
// them it gets what its lease says.
func TestStepOfFewRequestsDoesNotWaitForHundreds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{RequestsPerSecond: 50})
		var all sync.WaitGroup
		defer all.Wait()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		large := providers.NewMeter(providers.Lease{RequestsPerSecond: 49, AccountRequestsPerSecond: 50})
		for range 8 { // always more waiting
			all.Go(func() {
				for ctx.Err() == nil {
					_, _ = g.Wait(ctx, patient(), large)
				}
			})
		}
		time.Sleep(2 * time.Second)
		small := providers.NewMeter(providers.Lease{RequestsPerSecond: 1, AccountRequestsPerSecond: 50})
		took := func(requests int) time.Duration {
			start := time.Now()
			for range requests {
				if _, err := g.Wait(ctx, patient(), small); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(start)
		}
		if first := took(prompt); first > 3*prompt*time.Second/50+100*time.Millisecond {
			t.Errorf("the first %d requests took %s, want about every other turn", prompt, first)
		}
		if later := took(3); later < 2*time.Second {
			t.Errorf("the next 3 requests took %s, want about 1 a second", later)
		}
		stop()
	})
}

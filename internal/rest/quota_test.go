package rest

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// A 429 of an endpoint with a quota of its own is returned at once, is counted, and delays no other request.
func TestOwnQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPost {
				return answering(429, "{}", "Retry-After", "60"), nil
			}
			return answering(200, "{}"), nil
		})
		c := client(t, "https://api.example.com", transport)
		meter := providers.NewMeter(providers.Lease{})
		ctx := providers.WithMeter(t.Context(), meter)
		start := time.Now()
		answer, err := c.Do(ctx, Request{Op: "order", Method: http.MethodPost, Path: "/x", OwnQuota: true})
		if err != nil || answer.Status != 429 || answer.After != time.Minute {
			t.Errorf("%d after %s, %v", answer.Status, answer.After, err)
		}
		if _, err := c.Get(ctx, "get", "/y", nil); err != nil || time.Since(start) != 0 || meter.Throttled() != 1 {
			t.Errorf("another request waited %s, %v; %d throttled", time.Since(start), err, meter.Throttled())
		}
	})
}

func TestWhatIsLeftByHeaders(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, want := range map[string]bool{"X-RateLimit-Reset": true, "X-RateLimitReset": true, "X-Reset": false} {
		h := http.Header{}
		h.Set("X-RateLimit-Remaining", "0")
		h.Set(name, "7")
		if l, ok := leftOf(h, now); ok != want || ok && l != (left{0, 7 * time.Second}) {
			t.Errorf("%s: %+v, %v", name, l, ok)
		}
	}
}

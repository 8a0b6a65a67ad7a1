package rest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// account is a platform that gives prepared answers, and counts requests.
type account struct {
	mu     sync.Mutex
	status int
	asked  int
}

func (a *account) RoundTrip(*http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return answering(a.status, "{}"), nil
}

func (a *account) becomes(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status, a.asked = status, 0
}

// TestGuardStopsAnAccountThatIsRefused uses a revoked token: after five refusals in a row no more requests are sent, and an activity
// that starts later sends one.
func TestGuardStopsAnAccountThatIsRefused(t *testing.T) {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		synctest.Test(t, func(t *testing.T) {
			platform := &account{status: status}
			c := client(t, "https://api.example.com", platform)
			ask := func(ctx context.Context) (stopped bool) {
				t.Helper()
				_, err := c.Get(ctx, "get", "/x", nil)
				var refused *providers.Error
				if errors.As(err, &refused) && refused.Kind != providers.Stopped {
					t.Errorf("the error is %v", err)
				}
				return err != nil
			}
			activity := func() context.Context {
				return providers.WithMeter(t.Context(), providers.NewMeter(providers.Lease{}))
			}
			old := activity()
			for i := range 20 {
				if stopped := ask(old); stopped != (i >= maxDenials) {
					t.Errorf("request %d: stopped is %v", i, stopped)
				}
			}
			if platform.asked != maxDenials {
				t.Errorf("%d requests were sent, want %d", platform.asked, maxDenials)
			}
			platform.becomes(status)
			young := activity()
			for range 5 {
				ask(young)
			}
			if platform.asked != 1 {
				t.Errorf("a new activity sent %d requests, want 1", platform.asked)
			}
			platform.becomes(http.StatusOK)
			younger := activity()
			var all sync.WaitGroup
			for range 10 { // one probes, then all send
				all.Go(func() {
					if ask(younger) {
						t.Error("the account stays stopped when it is open again")
					}
				})
			}
			all.Wait()
			if ask(old) || platform.asked != 11 {
				t.Errorf("%d requests were sent, want 11", platform.asked)
			}
		})
	}
}

// Refusals of concurrent requests count as one, and refusals with successes in between do not add up.
func TestGuardKnowsARowOfRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{})
		var passes []pass
		for range 100 {
			passes = append(passes, wait(t, g))
		}
		for _, p := range passes {
			g.Answered(p, http.StatusUnauthorized, nil)
		}
		for range 100 {
			g.Answered(wait(t, g), http.StatusForbidden, nil)
			g.Answered(wait(t, g), http.StatusOK, nil)
		}
	})
}

func TestGuardStopsWhatIsThrottledForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		platform := &account{status: http.StatusTooManyRequests}
		c := client(t, "https://api.example.com", platform)
		start := time.Now()
		for range 1000 {
			activity := providers.WithMeter(t.Context(), providers.NewMeter(providers.Lease{}))
			_, err := c.Get(activity, "get", "/x", nil)
			var refused *providers.Error
			if !errors.As(err, &refused) {
				t.Fatal(err)
			}
			if refused.Kind == providers.Stopped {
				break
			}
			time.Sleep(refused.After)
		}
		if platform.asked < maxThrottled || platform.asked > maxThrottled+1 || time.Since(start) < 8*time.Hour {
			t.Errorf("%d requests were sent in %s", platform.asked, time.Since(start))
		}
	})
}

// After a probe without an answer, another one may be sent.
func TestGuardProbesAgain(t *testing.T) {
	g := guard{stopped: &stopped{}}
	m := providers.NewMeter(providers.Lease{})
	g.join(m)
	var first, second pass
	if wait, err := g.admit(m, &first); wait != 0 || err != nil || !first.probe {
		t.Fatalf("the first: %s, %v", wait, err)
	}
	if wait, err := g.admit(m, &second); wait == 0 || err != nil || second.probe {
		t.Fatalf("the second: %s, %v", wait, err)
	}
	g.release(first)
	if wait, err := g.admit(m, &second); wait != 0 || err != nil || !second.probe {
		t.Fatalf("after a probe without an answer: %s, %v", wait, err)
	}
}

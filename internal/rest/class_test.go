package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

var tenPerMinute = Class{
	Quota: providers.Quota{Name: "meta", Limits: []providers.Limit{{Uses: 10, Per: time.Minute}}}, Suffixes: []string{"/meta"},
}

func TestClassesAreHeldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := client(t, "https://api.example.com", roundTrip(func(*http.Request) (*http.Response, error) { return answering(200, "{}"), nil }),
			func(c *Config) { c.Classes = []Class{tenPerMinute} })
		start := time.Now()
		ask := func(path string, n int) time.Duration {
			t.Helper()
			for range n {
				if _, err := c.Get(t.Context(), "get", path, nil); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(start)
		}
		if took := ask("/meta", 10); took != 0 {
			t.Errorf("ten took %s", took)
		}
		if took := ask("/other", 100); took != 0 {
			t.Errorf("others waited %s", took)
		}
		if took := ask("/meta", 11); took != 2*time.Minute {
			t.Errorf("the eleventh and ten more took %s", took)
		}
	})
}

func TestClassRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refusals := 1
		c := client(t, "https://api.example.com", roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/meta") && refusals > 0 {
				refusals--
				return answering(429, ""), nil
			}
			return answering(200, "{}"), nil
		}), func(c *Config) { c.Classes = []Class{tenPerMinute} })
		start := time.Now()
		done := make(chan error)
		go func() {
			_, err := c.Get(t.Context(), "get", "/meta", nil)
			done <- err
		}()
		synctest.Wait()
		if _, err := c.Get(t.Context(), "get", "/other", nil); err != nil || time.Since(start) != 0 {
			t.Errorf("a request of no class waited %s, %v", time.Since(start), err)
		}
		if err := <-done; err != nil || time.Since(start) != time.Minute {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		refusals = 100
		_, err := c.Get(t.Context(), "get", "/meta", nil)
		var refused *providers.Error
		if !errors.As(err, &refused) || refused.Kind != providers.Throttled || refused.After == 0 || refusals < 90 {
			t.Errorf("after %d refusals: %v", 100-refusals, err)
		}
	})
}

// Other processes use the same quota: the client asks the shared counter, and waits as it says.
func TestClassesOfAllProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		c := client(t, "https://api.example.com", roundTrip(func(*http.Request) (*http.Response, error) { return answering(200, "{}"), nil }),
			func(c *Config) {
				c.Classes = []Class{tenPerMinute}
				c.Take = func(_ context.Context, q providers.Quota) error {
					if asked++; asked == 1 {
						return &providers.Error{Kind: providers.Throttled, After: 40 * time.Second}
					}
					return nil
				}
			})
		start := time.Now()
		if _, err := c.Get(t.Context(), "get", "/meta", nil); err != nil || time.Since(start) != 40*time.Second || asked != 2 {
			t.Errorf("after %s and %d questions: %v", time.Since(start), asked, err)
		}
	})
}

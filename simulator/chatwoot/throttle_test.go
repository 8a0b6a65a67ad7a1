package chatwoot_test

import (
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/simulator/chatwoot"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func TestThrottledAnswer(t *testing.T) {
	site := newSite(t, 3, chatwoot.Options{Throttle: chatwoot.Throttle{PerWindow: 1, Window: time.Hour}, Now: fixed})
	ask(t, site, "GET", "agents", chatwoot.AdministratorToken, "")
	w := ask(t, site, "GET", "agents", "any token", "")
	if w.Code != http.StatusTooManyRequests || w.Body.String() != string(sample(t, "error_429.txt")) {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
	if diff := cmp.Diff(http.Header{"Content-Type": {"text/plain"}, "Date": {"Thu, 01 Jan 2026 12:00:00 GMT"}}, w.Header()); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if s := site.Stats(); s.Throttled != 1 || s.Requests != 2 {
		t.Errorf("stats %+v, want 1 of 2 throttled", s)
	}
}

func fixed() time.Time { return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC) }

// allowed counts the successful answers to n requests, one every gap.
func allowed(t *testing.T, site http.Handler, path string, n int, gap time.Duration) int {
	good := 0
	for range n {
		if ask(t, site, "GET", path, chatwoot.AdministratorToken, "").Code == http.StatusOK {
			good++
		}
		time.Sleep(gap)
	}
	return good
}

func TestThrottle(t *testing.T) {
	tests := []struct {
		name     string
		throttle chatwoot.Throttle
		path     string
		n        int
		gap      time.Duration
		want     int
	}{
		{"none", chatwoot.Throttle{}, "agents", 50, 0, 50},
		{"bucket, slow enough", chatwoot.Throttle{PerSecond: 10}, "agents", 50, 100 * time.Millisecond, 50},
		{"bucket, twice too fast", chatwoot.Throttle{PerSecond: 10}, "agents", 50, 50 * time.Millisecond, 25},
		{"bucket, burst", chatwoot.Throttle{PerSecond: 1, Burst: 7}, "agents", 50, 0, 7},
		{"windows", chatwoot.Throttle{PerWindow: 10, Window: time.Second}, "agents", 60, 50 * time.Millisecond, 30},
		{"meta apart", chatwoot.Throttle{MetaPerMinute: 30}, "conversations/meta", 60, time.Second, 30},
		{"meta only", chatwoot.Throttle{MetaPerMinute: 30}, "agents", 60, 0, 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := newSite(t, 3, chatwoot.Options{Throttle: tt.throttle})
				if got := allowed(t, site, tt.path, tt.n, tt.gap); got != tt.want {
					t.Errorf("%d of %d requests allowed, want %d", got, tt.n, tt.want)
				}
			})
		})
	}
}

func TestThrottleSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, 3, chatwoot.Options{Throttle: chatwoot.Throttle{PerSecond: 0.5, Burst: 2, Headers: true}})
		for i, want := range []http.Header{
			{"X-Ratelimit-Limit": {"2"}, "X-Ratelimit-Remaining": {"1"}, "X-Ratelimit-Reset": {"0"}},
			{"X-Ratelimit-Limit": {"2"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"2"}},
			{"X-Ratelimit-Limit": {"2"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"2"}, "Retry-After": {"2"}},
		} {
			got := ask(t, site, "GET", "agents", chatwoot.AdministratorToken, "").Header()
			got.Del("Date")
			got.Del("Content-Type")
			got.Del("Content-Length")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer %d (-want +got):\n%s", i+1, diff)
			}
		}
		time.Sleep(2 * time.Second)
		if got := allowed(t, site, "agents", 2, 0); got != 1 {
			t.Errorf("%d of 2 requests allowed after the reset, want 1", got)
		}
	})
}

func TestSetThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, 3, chatwoot.Options{Throttle: chatwoot.Throttle{PerSecond: 10, Burst: 10}})
		for i, step := range []struct {
			throttle *chatwoot.Throttle
			n        int
			gap      time.Duration
			want     int
		}{
			{nil, 50, 100 * time.Millisecond, 50},
			{&chatwoot.Throttle{PerSecond: 5, Burst: 5}, 100, 100 * time.Millisecond, 55}, // five of them from the burst
			{&chatwoot.Throttle{PerSecond: 5, Burst: 5}, 5, 0, 0},                         // no new burst
			{&chatwoot.Throttle{}, 50, 0, 50},
			{&chatwoot.Throttle{PerSecond: 1, Burst: 3}, 5, 0, 3},
		} {
			if step.throttle != nil {
				site.SetThrottle(*step.throttle)
			}
			if got := allowed(t, site, "agents", step.n, step.gap); got < step.want-1 || got > step.want+1 {
				t.Errorf("step %d: %d of %d requests allowed, want %d", i, got, step.n, step.want)
			}
		}
	})
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		site := newSite(t, 3, chatwoot.Options{Latency: 10 * time.Millisecond})
		allowed(t, site, "agents", 30, 90*time.Millisecond) // ten a second
		time.Sleep(10 * time.Second)
		begin := time.Now()
		allowed(t, site, "conversations/1/messages", 40, 15*time.Millisecond) // forty a second
		if d := time.Since(begin); d != time.Second {
			t.Errorf("40 requests took %s, want 40 times latency and gap", d)
		}
		want := chatwoot.Stats{
			Requests:  70,
			Endpoints: map[string]int64{"agents": 30, "conversations/{id}/messages": 40}, PeakPerSecond: 40, PeakInFlight: 1,
		}
		if diff := cmp.Diff(want, site.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
	})
}

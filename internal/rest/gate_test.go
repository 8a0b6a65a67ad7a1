package rest

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func patient() *patience { return &patience{waits: maxWaits} }

func wait(t *testing.T, g *gate) pass {
	t.Helper()
	p, err := g.Wait(t.Context(), patient())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGateHoldsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(10)
		start := time.Now()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 25 {
					wait(t, g)
				}
			})
		}
		all.Wait()
		if took := time.Since(start).Seconds(); math.Abs(took-19.9) > 0.2 {
			t.Errorf("200 requests at 10 a second took %.2f s", took)
		}
	})
}

func TestGatePausesEveryGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0)
		g.Throttled(wait(t, g), 30*time.Second)
		start := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				wait(t, g)
				if waited := time.Since(start); waited < 30*time.Second {
					t.Errorf("a request went out after %s", waited)
				}
			})
		}
		all.Wait()
	})
}

func TestGateWithoutRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0)
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			g.Throttled(wait(t, g), 0)
			if left := g.Left(); left != want*time.Second {
				t.Errorf("pause %d lasts %s, want %d s", i, left, want)
			}
			if want == 60 {
				break
			}
		}
		p := wait(t, g)
		g.Answered(p, nil)
		g.Throttled(wait(t, g), 0)
		if left := g.Left(); left != time.Second {
			t.Errorf("the pause after a clean answer lasts %s", left)
		}
	})
}

func TestGateSlowsDownOncePerPauseAndCreepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(100)
		var passes []pass
		for range 5 {
			passes = append(passes, wait(t, g))
		}
		for _, p := range passes {
			g.Throttled(p, 0)
		}
		if r := g.Rate(); math.Abs(r-70) > 0.01 {
			t.Errorf("after five 429s of one moment the rate is %.2f, want 70", r)
		}
		if left := g.Left(); left != time.Second {
			t.Errorf("five 429s of one moment pause for %s", left)
		}
		start := time.Now()
		for g.Rate() < 100 && time.Since(start) < time.Minute {
			g.Answered(wait(t, g), nil)
		}
		if took := time.Since(start); took < 10*time.Second || took > 30*time.Second {
			t.Errorf("the rate came back after %s", took)
		}
	})
}

func TestGateLearnsARateWhereThereIsNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0)
		var p pass
		for range 500 {
			p = wait(t, g)
			time.Sleep(20 * time.Millisecond) // 50 a second
		}
		g.Throttled(p, time.Second)
		if r := g.Rate(); r < 30 || r > 40 {
			t.Errorf("the rate is %.1f, want about 35", r)
		}
	})
}

func TestGateLongPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0)
		g.Throttled(wait(t, g), 1000*time.Hour)
		_, err := g.Wait(t.Context(), patient())
		var refused *tooLong
		if !errors.As(err, &refused) || refused.after != maxPause {
			t.Errorf("a pause of 1000 h: %v", err)
		}
	})
}

func TestGateCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0)
		g.Throttled(wait(t, g), 2*time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := g.Wait(ctx, patient()); err == nil || time.Since(start) != 10*time.Second {
			t.Errorf("a cancelled wait ended with %v after %s", err, time.Since(start))
		}
	})
}

func TestGateReadsRateLimitHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unix := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(d).Unix(), 10) }
		tests := []struct {
			remaining, reset string
			want             time.Duration
		}{
			{"5", "30", 0},
			{"0", "30", 30 * time.Second},
			{"0", unix(45 * time.Second), 45 * time.Second},
			{"0", "", 0},
			{"0", "-5", 0},
			{"0", "NaN", 0},
			{"0", "400000000", maxPause},
			{"", "30", 0},
		}
		for _, tt := range tests {
			g := newGate(0)
			h := http.Header{}
			h.Set("X-RateLimit-Remaining", tt.remaining)
			h.Set("X-RateLimit-Reset", tt.reset)
			g.Answered(wait(t, g), h)
			if left := g.Left(); left != tt.want {
				t.Errorf("remaining %q, reset %q: pause %s, want %s", tt.remaining, tt.reset, left, tt.want)
			}
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"-3":                            0,
		"7":                             7 * time.Second,
		"1.5":                           1500 * time.Millisecond,
		"1e300":                         maxPause,
		"inf":                           maxPause,
		"nan":                           0,
		"soon":                          0,
		"Fri, 01 May 2026 12:00:20 GMT": 20 * time.Second,
		"Fri, 01 May 2026 11:00:20 GMT": 0,
		"Fri, 01 May 2099 11:00:20 GMT": maxPause,
	}
	for text, want := range tests {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After %q is %s, want %s", text, got, want)
		}
	}
}

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

	"github.com/chatlake/chatlake/providers"
)

func patient() *patience { return &patience{waits: maxWaits} }

func wait(t *testing.T, g *gate) pass {
	t.Helper()
	p, err := g.Wait(t.Context(), patient(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestGateHoldsTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{RequestsPerSecond: 10})
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
		g := newGate(providers.Rate{})
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
		g := newGate(providers.Rate{})
		refuse := func(after time.Duration) time.Duration {
			t.Helper()
			p, err := g.Wait(t.Context(), &patience{waits: time.Hour}, nil)
			if err != nil {
				t.Fatal(err)
			}
			g.Throttled(p, after)
			return g.Left()
		}
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
			if left := refuse(0); left != want*time.Second {
				t.Errorf("pause %d lasts %s, want %d s", i, left, want)
			}
		}
		p, err := g.Wait(t.Context(), &patience{waits: time.Hour}, nil)
		if err != nil {
			t.Fatal(err)
		}
		g.Answered(p, 200, nil)
		// If a platform names a time and refuses again after it, the gate trusts it twice.
		for i, want := range []time.Duration{1, 1, 4, 8, 30} {
			after := time.Second
			if want == 30 {
				after = 30 * time.Second
			}
			if left := refuse(after); left != want*time.Second {
				t.Errorf("pause %d after a time that was named lasts %s, want %d s", i, left, want)
			}
		}
	})
}

func TestGateSlowsDownOncePerPauseAndCreepsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{RequestsPerSecond: 100})
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
		answers := func(until float64) time.Duration {
			for g.Rate() < until && time.Since(start) < time.Hour {
				g.Answered(wait(t, g), 200, nil)
			}
			return time.Since(start).Round(time.Second)
		}
		if took := answers(90); took < 5*time.Second || took > 10*time.Second {
			t.Errorf("nine tenths of the rate came back after %s", took)
		}
		if took := answers(100); took < 90*time.Second || took > 3*time.Minute {
			t.Errorf("the rate came back after %s", took)
		}
	})
}

// TestGateFindsALoweredLimit halves the limit of the platform, a token bucket that never says when to come back.
func TestGateFindsALoweredLimit(t *testing.T) {
	for _, budget := range []float64{10, 50, 500} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate(providers.Rate{RequestsPerSecond: budget})
			tokens, at := budget/2, time.Now()
			begin := time.Now()
			var sent, refused, late, lateRefused float64
			for time.Since(begin) < 10*time.Minute {
				p := wait(t, g)
				now := time.Now()
				tokens, at = min(budget/2, tokens+now.Sub(at).Seconds()*budget/2), now
				settled := now.Sub(begin) > time.Minute
				sent++
				if settled {
					late++
				}
				if tokens < 1 {
					refused++
					if settled {
						lateRefused++
					}
					g.Throttled(p, 0)
					continue
				}
				tokens--
				g.Answered(p, 200, nil)
			}
			used := (late - lateRefused) / (budget / 2 * (time.Since(begin) - time.Minute).Seconds())
			t.Logf("budget %g: %.0f requests, %.0f refused; after a minute %.2f%% refused, %.1f%% of what is allowed used", budget, sent, refused, 100*lateRefused/late, 100*used)
			if lateRefused > 0.01*late || used < 0.9 {
				t.Errorf("budget %g: after a minute %.2f%% refused, %.1f%% used", budget, 100*lateRefused/late, 100*used)
			}
		})
	}
}

// TestGateKeepsWhatItLearnedAsLeasesMove: the process's share of an account changes, but the rate that the account tolerates does not.
func TestGateKeepsWhatItLearnedAsLeasesMove(t *testing.T) {
	small, large := providers.Lease{RequestsPerSecond: 12.5, AccountRequestsPerSecond: 50}, providers.Lease{RequestsPerSecond: 37.5, AccountRequestsPerSecond: 50}
	for name, tt := range map[string]struct {
		first, then []providers.Lease
		want        float64
	}{
		"more":  {[]providers.Lease{small}, []providers.Lease{small, large}, 35},
		"fewer": {[]providers.Lease{small, large}, []providers.Lease{small}, 12.5}, // 35 were tolerated
		"same":  {[]providers.Lease{large}, []providers.Lease{large}, 26.25},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(providers.Rate{RequestsPerSecond: 50})
				begin := func(leases []providers.Lease) (last pass, end func()) {
					var meters []*providers.Meter
					for _, lease := range leases {
						m := providers.NewMeter(lease)
						meters = append(meters, m)
						var err error
						if last, err = g.Wait(t.Context(), patient(), m); err != nil {
							t.Fatal(err)
						}
					}
					return last, func() {
						for _, m := range meters {
							m.End()
						}
					}
				}
				last, end := begin(tt.first)
				g.Throttled(last, time.Second)
				end()
				time.Sleep(2 * time.Second)
				if _, end := begin(tt.then); math.Abs(g.Rate()-tt.want) > 0.01 {
					t.Errorf("the rate is %.2f, want %g", g.Rate(), tt.want)
				} else {
					end()
				}
			})
		})
	}
}

func TestGateLearnsARateWhereThereIsNoBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{})
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
		g := newGate(providers.Rate{})
		g.Throttled(wait(t, g), 1000*time.Hour)
		_, err := g.Wait(t.Context(), patient(), nil)
		var refused *tooLong
		if !errors.As(err, &refused) || refused.after != maxPause {
			t.Errorf("a pause of 1000 h: %v", err)
		}
	})
}

func TestGateCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{})
		g.Throttled(wait(t, g), 2*time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		if _, err := g.Wait(ctx, patient(), nil); err == nil || time.Since(start) != 10*time.Second {
			t.Errorf("a cancelled wait ended with %v after %s", err, time.Since(start))
		}
	})
}

// TestGateKeepsToLeases lets activities come and go: together they get the sum of their leases, whichever of them uses it.
func TestGateKeepsToLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{RequestsPerSecond: 1})
		lease := providers.Lease{RequestsPerSecond: 10, AccountRequestsPerSecond: 25}
		busy, idle, third := providers.NewMeter(lease), providers.NewMeter(lease), providers.NewMeter(lease)
		ask := func(m *providers.Meter, n int) float64 {
			t.Helper()
			start := time.Now()
			for range n {
				if _, err := g.Wait(t.Context(), patient(), m); err != nil {
					t.Fatal(err)
				}
			}
			return float64(n) / time.Since(start).Seconds()
		}
		near := func(got, want float64) {
			t.Helper()
			if math.Abs(got-want) > 0.03*want {
				t.Errorf("%.2f requests a second, want %.0f", got, want)
			}
		}
		near(ask(busy, 100), 10)
		ask(idle, 1)
		near(ask(busy, 200), 20)
		ask(third, 1)
		near(ask(busy, 250), 25) // of the account's budget
		idle.End()
		third.End()
		near(ask(busy, 100), 10)
		busy.End()
		near(ask(nil, 20), 1) // outside of activities
		unlimited := providers.NewMeter(providers.Lease{})
		if ask(unlimited, 1); g.Rate() != math.Inf(1) {
			t.Errorf("a lease without limit allows %.1f", g.Rate())
		}
	})
}

// TestGateIsFair: an activity with a larger lease gets a larger share, however many requests the other has waiting.
func TestGateIsFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{})
		small := providers.NewMeter(providers.Lease{RequestsPerSecond: 20, AccountRequestsPerSecond: 50})
		large := providers.NewMeter(providers.Lease{RequestsPerSecond: 80, AccountRequestsPerSecond: 50})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var all sync.WaitGroup
		run := func(m *providers.Meter, sideBySide int) {
			for range sideBySide {
				all.Go(func() {
					for ctx.Err() == nil {
						if _, err := g.Wait(ctx, patient(), m); err == nil {
							m.Count()
						}
					}
				})
			}
		}
		run(small, 30)
		run(large, 3)
		all.Wait()
		s, l := small.Requests(), large.Requests()
		if math.Abs(float64(s)-600) > 15 || math.Abs(float64(l)-2400) > 15 {
			t.Errorf("%d and %d requests, want 600 and 2400", s, l)
		}
	})
}

// TestGateWakesUpForANewLease: a request that waits because of a slow lease profits at once from a new lease.
func TestGateWakesUpForANewLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{})
		slow, quick := providers.NewMeter(providers.Lease{RequestsPerSecond: 0.1}), providers.NewMeter(providers.Lease{RequestsPerSecond: 10})
		if _, err := g.Wait(t.Context(), patient(), slow); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() {
			if _, err := g.Wait(t.Context(), patient(), quick); err != nil {
				t.Error(err)
			}
		})
		if _, err := g.Wait(t.Context(), patient(), slow); err != nil || time.Since(start) > 2*time.Second {
			t.Errorf("it waited %s, %v", time.Since(start), err)
		}
	})
}

func TestGateKeepsOfficeHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC
		hours := providers.Schedule{
			{From: time.Hour, To: 2 * time.Hour, Zone: time.UTC, Share: 0.5},
			{From: 2 * time.Hour, To: 3 * time.Hour, Zone: time.UTC},
		}
		g := newGate(providers.Rate{RequestsPerSecond: 10, Schedule: hours})
		m := providers.NewMeter(providers.Lease{RequestsPerSecond: 10})
		g.join(m)
		for _, want := range []float64{10, 5, 0, 10} {
			if r := g.Rate(); r != want {
				t.Errorf("at %s the rate is %.1f, want %.0f", time.Now().UTC().Format(time.TimeOnly), r, want)
			}
			var refused *tooLong
			if _, err := g.Wait(t.Context(), patient(), m); want == 0 && (!errors.As(err, &refused) || refused.after != time.Hour) || want > 0 && err != nil {
				t.Errorf("at a rate of %.0f: %v", want, err)
			}
			time.Sleep(time.Hour)
		}
		// Hours without requests also apply if there is no budget.
		time.Sleep(22*time.Hour + 1*time.Minute)
		if left, what := g.Pause(); left == 0 || what != providers.AwaitSchedule {
			t.Errorf("it waits %s for %s, want for the schedule", left, what)
		}
		if free := newGate(providers.Rate{Schedule: hours}); free.Left() == 0 {
			t.Error("without a budget the schedule is not kept")
		}
	})
}

func TestGateShowsWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(providers.Rate{})
		m := providers.NewMeter(providers.Lease{})
		g.Throttled(wait(t, g), time.Minute)
		go func() { _, _ = g.Wait(t.Context(), patient(), m) }()
		synctest.Wait()
		if until, what := m.Waiting(); time.Until(until) != time.Minute || what != providers.AwaitPlatform {
			t.Errorf("it is said to wait for %s, for %s", what, time.Until(until))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if until, _ := m.Waiting(); !until.IsZero() {
			t.Error("it does not wait any more")
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
			{"-1", "30", 30 * time.Second},
			{"NaN", "30", 0},
			{"0", "-5", 0},
			{"0", "NaN", 0},
			{"0", "400000000", maxPause},
			{"", "30", 0},
		}
		for _, tt := range tests {
			g := newGate(providers.Rate{})
			h := http.Header{}
			h.Set("X-RateLimit-Remaining", tt.remaining)
			h.Set("X-RateLimit-Reset", tt.reset)
			g.Answered(wait(t, g), 200, h)
			if left := g.Left(); left != tt.want {
				t.Errorf("remaining %q, reset %q: pause %s, want %s", tt.remaining, tt.reset, left, tt.want)
			}
		}
	})
}

// TestGateSpreadsWhatIsLeft: the requests that a platform says are left in its window are not used up at once.
func TestGateSpreadsWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for remaining, want := range map[string]float64{"300": 5, "6000": 20, "1": 2} { // 1 is a tenth of the rate, and then a pause
			g := newGate(providers.Rate{RequestsPerSecond: 20})
			h := http.Header{}
			h.Set("X-RateLimit-Remaining", remaining)
			h.Set("X-RateLimit-Reset", "60")
			g.Answered(wait(t, g), 200, h)
			if r := g.Rate(); r != want {
				t.Errorf("%s left of a minute: %.1f a second, want %.0f", remaining, r, want)
			}
			if time.Sleep(time.Minute); g.Rate() != 20 {
				t.Errorf("after the window %.1f a second", g.Rate())
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

// TestAGrownLeaseCountsAtOnce: the request that waits for its turn does not sleep for as long as the smaller lease said.
func TestAGrownLeaseCountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := newGate(providers.Rate{RequestsPerSecond: 50}), providers.NewMeter(providers.Lease{RequestsPerSecond: 0.1, AccountRequestsPerSecond: 50})
		defer m.End()
		send := func() {
			if _, err := g.Wait(t.Context(), patient(), m); err != nil {
				t.Error(err)
			}
		}
		send()
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			m.Grow(50)
		}()
		if send(); time.Since(began) > 1100*time.Millisecond {
			t.Errorf("the request was sent after %s, want a second, when the lease grew", time.Since(began))
		}
	})
}

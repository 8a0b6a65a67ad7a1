package page

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestMemo checks that a slow reading keeps nobody waiting who may see what was read before, and that an order makes all wait for what it changed.
func TestMemo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m memo[int]
		reads, takes := 0, 500*time.Millisecond
		get := func() (int, time.Duration) {
			began := time.Now()
			value, err := m.get(t.Context(), 5*time.Second, func(context.Context) (int, error) {
				reads++
				n := reads
				time.Sleep(takes)
				return n, nil
			})
			if err != nil {
				t.Error(err)
			}
			return value, time.Since(began)
		}
		expect := func(what string, value int, took time.Duration) {
			t.Helper()
			if v, d := get(); v != value || d != took {
				t.Errorf("%s: %d after %s, want %d after %s", what, v, d, value, took)
			}
		}
		expect("the first", 1, takes)
		expect("one at once", 1, 0)
		takes = 20 * time.Second
		time.Sleep(6 * time.Second)
		expect("one while a slow reading begins", 1, worthWaiting)
		expect("another", 1, worthWaiting)
		time.Sleep(20 * time.Second)
		expect("one after the slow reading", 2, 0)
		takes = 3 * time.Second
		time.Sleep(30 * time.Second)
		m.forget()
		expect("one after an order", 3, 3*time.Second)
		time.Sleep(time.Hour)
		expect("one after an hour", 4, 3*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		m.forget()
		if _, err := m.get(ctx, time.Second, func(context.Context) (int, error) { time.Sleep(time.Minute); return 0, nil }); err == nil {
			t.Error("who gives up gets something")
		}
		time.Sleep(2 * time.Minute)
	})
}

func TestRestAfter(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 2 * time.Second, 200 * time.Millisecond: 2 * time.Second, time.Second: 10 * time.Second, 20 * time.Second: time.Minute,
	} {
		if got := restAfter(took, 2*time.Second); got != want {
			t.Errorf("after %s: %s, want %s", took, got, want)
		}
	}
}

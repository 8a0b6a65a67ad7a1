package worker

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

func TestIntervalsOfSyncs(t *testing.T) {
	at := func(minutes ...int) (times []time.Time) {
		for _, m := range minutes {
			times = append(times, time.Date(2025, 1, 1, 0, m, 0, 0, time.UTC))
		}
		return times
	}
	for _, test := range []struct {
		times []time.Time
		want  int
	}{{nil, 0}, {at(0, 1, 14), 1}, {at(0, 14, 15, 44, 45), 4}} {
		if got := intervals(test.times, 15*time.Minute); got != test.want {
			t.Errorf("%v: %d, want %d", test.times, got, test.want)
		}
	}
}

// TestSettlesOfAMonth counts what a month of settles lists and fetches. Days are settled while the month is open, then the month.
func TestSettlesOfAMonth(t *testing.T) {
	prices := providers.Prices{Costs: providers.Costs{MessageRequests: 1, ListRequests: 0.1}, Window: providers.Constant(10), Relist: providers.Constant(4), Run: 2}
	s := sampling{prices: prices}
	settings := activities.SyncSettings{Settle: []time.Duration{day, 7 * day, 30 * day}}
	full, list, all := s.settles(settings, true, providers.Exactly(300))
	if full.About != 10+300*1.1 || list.About != 4+30 {
		t.Errorf("a month takes %v, and %v at full depth", list, full)
	}
	// The days that have been over for a day or for a week before the month ends, the month twice by its list and once whole.
	if want := (28+22)*(4+1.0) + 2*list.About + full.About + 30*2; all.About != want {
		t.Errorf("all settles take %v, want %v", all, want)
	}
	if _, _, none := s.settles(activities.SyncSettings{}, true, providers.Exactly(300)); none.About != 0 {
		t.Errorf("without times of settles: %v", none)
	}
}

func TestOvertaken(t *testing.T) {
	now := time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)
	windows := schemas.Window{From: time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}.Cut("month")
	deadlines, lost := make([]time.Time, len(windows)), make([]bool, len(windows))
	for i, w := range windows {
		deadlines[i] = w.From.AddDate(0, 13, 0) // the first has begun to vanish already
	}
	after := func(length time.Duration) *Overtaken {
		lengths := make([]time.Duration, len(windows))
		for i := range lengths {
			lengths[i] = length
		}
		return overtakenBy(windows, lengths, deadlines, lost, now)
	}
	if got := after(day); got != nil {
		t.Errorf("fast enough: %+v", got)
	}
	on, reached := deadlines[1], now.Add(12*3*day)
	want := &Overtaken{
		Orders: []OvertakenOrder{
			{Order: activities.OldestFirst}, {Order: activities.NewestFirst, Windows: 1, First: &windows[1], On: &on, Reached: &reached}, {Order: activities.ByDeadline},
		},
		Better: []activities.Order{activities.OldestFirst, activities.ByDeadline},
	}
	if diff := cmp.Diff(want, after(3*day)); diff != "" {
		t.Errorf("too slow newest first (-want +got):\n%s", diff)
	}
	if got := after(60 * day); len(got.Orders) != 3 || got.Orders[0].Windows == 0 || got.Orders[2].Windows == 0 {
		t.Errorf("too slow: %+v", got)
	}
	// What is wholly lost is copied last, and makes nothing late.
	lost[0] = true
	lengths := make([]time.Duration, len(windows))
	lengths[0] = 365 * day
	if got := overtakenBy(windows, lengths, deadlines, lost, now); got == nil || got.Orders[2].Windows != 0 || got.Orders[0].Windows == 0 {
		t.Errorf("a lost window first: %+v", got)
	}
	if got := overtakenBy(windows, make([]time.Duration, len(windows)), make([]time.Time, len(windows)), lost, now); got != nil {
		t.Errorf("without retention: %+v", got)
	}
}

package providers

import (
	"math"
	"testing"
	"time"
)

func TestSchedule(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Helsinki")
	if err != nil {
		t.Fatal(err)
	}
	weekdays := []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}
	office := Hours{From: 8 * time.Hour, To: 18 * time.Hour, Zone: zone, Days: weekdays, Share: 0.6}
	night := Hours{From: 22 * time.Hour, To: 2 * time.Hour, Zone: zone, Share: 0}
	always := Hours{Zone: time.UTC, Share: 0.9} // from midnight to the next
	at := func(text string) time.Time {
		moment, err := time.ParseInLocation("Mon 2006-01-02 15:04", text, zone)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	tests := []struct {
		schedule   Schedule
		now, until string
		share      float64
	}{
		{nil, "Wed 2026-01-07 12:00", "", 1},
		{Schedule{office}, "Wed 2026-01-07 07:59", "Wed 2026-01-07 08:00", 1},
		{Schedule{office}, "Wed 2026-01-07 08:00", "Wed 2026-01-07 18:00", 0.6},
		{Schedule{office}, "Wed 2026-01-07 18:00", "Thu 2026-01-08 08:00", 1},
		{Schedule{office}, "Fri 2026-01-09 18:00", "Mon 2026-01-12 08:00", 1},
		{Schedule{office, night}, "Wed 2026-01-07 23:00", "Thu 2026-01-08 02:00", 0},
		{Schedule{office, night}, "Thu 2026-01-08 01:00", "Thu 2026-01-08 02:00", 0},
		{Schedule{always, office}, "Wed 2026-01-07 12:00", "Wed 2026-01-07 18:00", 0.6},
		// The nights in which daylight saving time begins and ends: hours are local time.
		{Schedule{{From: 2 * time.Hour, To: 8 * time.Hour, Zone: zone, Share: 0.5}}, "Sun 2026-03-29 07:00", "Sun 2026-03-29 08:00", 0.5},
		{Schedule{{From: 2 * time.Hour, To: 8 * time.Hour, Zone: zone, Share: 0.5}}, "Sun 2026-10-25 07:00", "Sun 2026-10-25 08:00", 0.5},
	}
	for _, tt := range tests {
		share, until := tt.schedule.At(at(tt.now).UTC())
		want := time.Time{}
		if tt.until != "" {
			want = at(tt.until)
		}
		if share != tt.share || !until.Equal(want) {
			t.Errorf("%s: %v until %s, want %v until %s", tt.now, share, until.In(zone), tt.share, want.In(zone))
		}
	}
	if share, until := (Schedule{always}).At(at("Wed 2026-01-07 12:00")); share != 0.9 || until.IsZero() {
		t.Errorf("a span of a day: %v until %s", share, until)
	}
	for want, schedule := range map[float64]Schedule{1: nil, 0.9: {always}, 1 - 0.4*50/168: {office}} {
		if got := schedule.Mean(at("Wed 2026-01-07 12:34")); math.Abs(got-want) > 1e-9 {
			t.Errorf("over a week %g of the rate, want %g", got, want)
		}
	}
}

package schemas

import (
	"testing"
	"time"
)

func TestRetention(t *testing.T) {
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	months, days := Retention{Months: 13}, Retention{Rest: 90 * 24 * time.Hour}
	for _, test := range []struct {
		keeps    Retention
		now, was string
	}{
		{months, "2026-12-01T00:00:00Z", "2025-11-01T00:00:00Z"},
		{months, "2026-03-31T12:30:00Z", "2025-03-01T00:00:00Z"}, // not 3 March, which would be after that of 1 April
		{months, "2026-04-01T00:00:00+03:00", "2025-03-01T00:00:00Z"},
		{days, "2026-04-01T00:00:00.5Z", "2026-01-01T00:00:01Z"},
		{Retention{Months: 1, Rest: time.Hour}, "2026-04-01T00:30:00Z", "2026-03-01T00:00:00Z"},
	} {
		if got := test.keeps.Horizon(at(test.now)); !got.Equal(at(test.was)) {
			t.Errorf("%s, at %s: the horizon is %s, want %s", test.keeps, test.now, got, test.was)
		}
	}
	w := Window{From: at("2025-11-01T00:00:00Z"), To: at("2025-12-01T00:00:00Z")}
	if got := months.Deadline(w); !got.Equal(at("2026-12-01T00:00:00Z")) {
		t.Errorf("the deadline of %s is %s", w, got)
	}
	if _, ok := months.Behind(w, at("2026-12-01T00:00:00Z")); ok {
		t.Error("at its deadline, nothing of a window is behind the horizon")
	}
	if got, ok := months.Behind(w, at("2026-12-03T00:00:00Z")); !ok || got != (Window{From: w.From, To: at("2025-11-03T00:00:00Z")}) {
		t.Errorf("two days later: %s, %v", got, ok)
	}
	if got, ok := months.Behind(w, at("2027-12-03T00:00:00Z")); !ok || got != w {
		t.Errorf("a year later: %s, %v", got, ok)
	}
	var forever Retention
	if _, ok := forever.Behind(w, at("2227-01-01T00:00:00Z")); ok || forever.Limited() || !forever.Deadline(w).IsZero() {
		t.Error("something of a platform that keeps everything is behind the horizon")
	}
	for want, r := range map[string]Retention{
		"13 months": months, "90 days": days, "for ever": forever, "1 month and 1 day and 2 hours": {Months: 1, Rest: 26 * time.Hour},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The horizon never moves back, and a deadline is never late: before it, nothing of the window is behind the horizon.
func TestRetentionMovesForward(t *testing.T) {
	keeps := Retention{Months: 13}
	var before, last time.Time
	for now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); now.Year() < 2029; now = now.Add(7 * time.Hour) {
		horizon := keeps.Horizon(now)
		if horizon.Before(before) {
			t.Fatalf("at %s the horizon moves back from %s to %s", now, before, horizon)
		}
		before = horizon
		if deadline := keeps.Deadline(Window{From: now, To: now.Add(time.Hour)}); deadline.Before(last) {
			t.Fatalf("of %s the deadline moves back from %s to %s", now, last, deadline)
		} else {
			last = deadline
		}
		w := Window{From: now, To: now.Add(24 * time.Hour)}
		if _, ok := keeps.Behind(w, keeps.Deadline(w)); ok {
			t.Fatalf("%s is behind the horizon at its deadline", w)
		}
	}
}

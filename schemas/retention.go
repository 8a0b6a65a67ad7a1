package schemas

import (
	"strconv"
	"strings"
	"time"
)

// Retention is how long a platform keeps what it has: a number of months of the calendar, and a time on top. The zero value means for
// ever, or not known.
type Retention struct {
	Months int           `json:"months,omitempty"`
	Rest   time.Duration `json:"rest,omitempty"`
}

// Limited reports whether the platform is known to delete what is old.
func (r Retention) Limited() bool { return r != Retention{} }

// Deadline returns the time at which the platform begins to delete a window: that of its first moment. It is zero if the retention is
// not limited.
func (r Retention) Deadline(w Window) time.Time {
	if !r.Limited() {
		return time.Time{}
	}
	at, cut := addMonths(w.From.UTC(), r.Months)
	if cut {
		at = at.Add(-time.Second) // rather early than late
	}
	return at.Add(r.Rest)
}

// Horizon returns the time before which the platform may have deleted everything, seen from now. It is zero if the retention is not
// limited.
func (r Retention) Horizon(now time.Time) time.Time {
	if !r.Limited() {
		return time.Time{}
	}
	at, _ := addMonths(now.UTC().Add(-r.Rest), -r.Months)
	if whole := at.Truncate(time.Second); whole.Before(at) {
		return whole.Add(time.Second) // windows have whole seconds
	}
	return at
}

// Behind returns the part of a window that is behind the horizon, and false if there is none.
func (r Retention) Behind(w Window, now time.Time) (Window, bool) {
	if horizon := r.Horizon(now); horizon.Before(w.To) {
		w.To = horizon
	}
	return w, r.Limited() && w.From.Before(w.To)
}

// String writes a retention for people: "13 months", "90 days", or "for ever".
func (r Retention) String() string {
	var parts []string
	add := func(n int64, unit string) int64 {
		if n != 1 {
			unit += "s"
		}
		if n != 0 {
			parts = append(parts, strconv.FormatInt(n, 10)+" "+unit)
		}
		return n
	}
	add(int64(r.Months), "month")
	rest := r.Rest
	for _, unit := range []struct {
		name   string
		length time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		rest -= time.Duration(add(int64(rest/unit.length), unit.name)) * unit.length
	}
	if len(parts) == 0 {
		return "for ever"
	}
	return strings.Join(parts, " and ")
}

// addMonths adds months of the calendar. A day that the month does not have becomes the end of the month, so that later times stay later.
func addMonths(t time.Time, months int) (at time.Time, cut bool) {
	year, month, day := t.Date()
	next := time.Date(year, month+time.Month(months)+1, 1, 0, 0, 0, 0, time.UTC)
	if day > next.AddDate(0, 0, -1).Day() {
		return next, true
	}
	return next.AddDate(0, -1, day-1).Add(t.Sub(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))), false
}

package providers

import (
	"slices"
	"time"
)

// Rate is the request rate of an account.
type Rate struct {
	// RequestsPerSecond is the account's whole budget; 0 means no limit.
	RequestsPerSecond float64
	// Schedule lists the hours in which only a share of the budget may be used.
	Schedule Schedule
}

// Schedule limits the rate at certain hours of the day. If several hours apply at the same time, the smallest share counts; if
// none applies, the full rate may be used.
type Schedule []Hours

// Hours is one span of the day, such as office hours.
type Hours struct {
	// From and To are local times in Zone, as durations since midnight; To is exclusive. A To that is not after From is on the next day.
	From, To time.Duration
	Zone     *time.Location
	Days     []time.Weekday // on which the span begins; empty means every day
	Share    float64        // of the rate, from 0 (no requests) to 1
}

// At returns the share of the rate that may be used at a time, and when that changes next; zero if never.
func (s Schedule) At(now time.Time) (share float64, until time.Time) {
	share = 1
	sooner := func(t time.Time) {
		if t.After(now) && (until.IsZero() || t.Before(until)) {
			until = t
		}
	}
	for _, h := range s {
		for day := -1; day <= 7; day++ {
			begin, end, ok := h.on(now, day)
			if !ok {
				continue
			}
			sooner(begin)
			sooner(end)
			if !now.Before(begin) && now.Before(end) {
				share = min(share, h.Share)
			}
		}
	}
	return share, until
}

// Mean returns the mean share of the rate over the week after a time.
func (s Schedule) Mean(now time.Time) float64 {
	const week = 7 * 24 * time.Hour
	sum := 0.0
	for at, end := now, now.Add(week); at.Before(end); {
		share, until := s.At(at)
		if until.IsZero() || until.After(end) {
			until = end
		}
		sum += share * float64(until.Sub(at)) / float64(week)
		at = until
	}
	return sum
}

// on returns the span that begins the given number of days after now, in local time; ok is false if none begins on that day.
func (h Hours) on(now time.Time, days int) (begin, end time.Time, ok bool) {
	year, month, day := now.In(h.Zone).Date()
	clock := func(day int, since time.Duration) time.Time {
		return time.Date(year, month, day, 0, int(since/time.Minute), 0, 0, h.Zone)
	}
	begin, end = clock(day+days, h.From), clock(day+days, h.To)
	if h.To <= h.From {
		end = clock(day+days+1, h.To)
	}
	weekday := time.Date(year, month, day+days, 12, 0, 0, 0, h.Zone).Weekday()
	return begin, end, len(h.Days) == 0 || slices.Contains(h.Days, weekday)
}

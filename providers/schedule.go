package providers

import (
	"slices"
	"time"
)

// Rate is how fast an account may be asked.
type Rate struct {
	// RequestsPerSecond is the account's whole budget; 0 is no limit.
	RequestsPerSecond float64
	// Schedule are the hours in which only a part of it is used.
	Schedule Schedule
}

// Schedule are spans of the day, each with the part of the rate that may be used in it. Where several hold at once, the smallest
// counts; where none does, all of the rate may be used.
type Schedule []Hours

// Hours is one span of the day: office hours, for example.
type Hours struct {
	// From and To are times since midnight by the clocks of Zone, To excluded. A To that is not after From is on the next day.
	From, To time.Duration
	Zone     *time.Location
	Days     []time.Weekday // on which the span begins; none are all
	Share    float64        // from 0, nothing at all, to 1
}

// At is the part of the rate that may be used at a time, and until when that holds; zero when for ever.
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

// Mean is the part of the rate that may be used over the week after a time.
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

// on is the span that begins so many days after now, by the clocks of its zone.
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

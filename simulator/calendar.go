package simulator

import (
	"slices"
	"sort"
	"time"
)

const day = 24 * time.Hour

// calendar spreads conversations over the range: more on working days than on weekends, more in office hours than at
// night, sometimes several in one second, and some exactly on the boundaries of months and at the first second of the range.
func (c *Corpus) calendar() []uint32 {
	days := c.days()
	total := 0
	for _, d := range days {
		total += d.weight
	}
	created := make([]uint32, 0, c.config.Conversations)
	sum := 0
	for i, d := range days {
		sum += d.weight
		n := c.config.Conversations*sum/total - len(created)
		created = append(created, c.times(i, d, n)...)
	}
	c.markEdges(created)
	return created
}

// A workday is the part of one calendar day that lies in the range, in seconds after From.
type workday struct {
	from, to uint32
	midnight int64 // in seconds after From, may be negative
	weight   int
}

func (c *Corpus) days() []workday {
	var days []workday
	start := c.config.From
	for at := start.Truncate(day); at.Before(c.config.To); at = at.Add(day) {
		from, to := at, at.Add(day)
		if from.Before(start) {
			from = start
		}
		if to.After(c.config.To) {
			to = c.config.To
		}
		d := c.dice(streamDays, len(days), 0)
		weight := 80 + d.below(40)
		if w := at.Weekday(); w == time.Saturday || w == time.Sunday {
			weight /= 4
		}
		days = append(days, workday{
			from:     uint32(from.Sub(start) / time.Second),
			to:       uint32(to.Sub(start) / time.Second),
			midnight: int64(at.Sub(start) / time.Second),
			weight:   weight,
		})
	}
	return days
}

// times returns n ascending times within one day.
func (c *Corpus) times(number int, w workday, n int) []uint32 {
	d := c.dice(streamDays, number, 1)
	times := make([]uint32, n)
	for i := range times {
		at := int64(w.from) + int64(d.below(int(w.to-w.from)))
		if !d.oneIn(7) {
			office := w.midnight + 8*3600 + int64(d.below(5*3600)+d.below(5*3600))
			if office >= int64(w.from) && office < int64(w.to) {
				at = office
			}
		}
		times[i] = uint32(at)
	}
	slices.Sort(times)
	for i := 1; i < n; i++ {
		if d.oneIn(25) {
			times[i] = times[i-1]
		}
	}
	return times
}

// markEdges moves the conversations nearest to the start of a month onto it: the first two to its first second, and the
// last one before it to the second before.
func (c *Corpus) markEdges(created []uint32) {
	if len(created) == 0 {
		return
	}
	created[0] = 0
	from := c.config.From
	edge := time.Date(from.Year(), from.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	for ; edge.Before(c.config.To); edge = edge.AddDate(0, 1, 0) {
		at := uint32(edge.Sub(from) / time.Second)
		i := sort.Search(len(created), func(i int) bool { return created[i] >= at })
		if i > 1 {
			created[i-1] = at - 1
		}
		for j := i; j < min(i+2, len(created)); j++ {
			if created[j]-at < uint32(5*day/time.Second) {
				created[j] = at
			}
		}
	}
}

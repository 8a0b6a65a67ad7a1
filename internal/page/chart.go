package page

import (
	"fmt"
	"strings"
	"time"
)

// The size of charts in their own units, and the frame around the plot.
const (
	chartWidth, chartHeight = 560, 190
	plotLeft, plotRight     = 40, 552
	plotTop, plotBottom     = 14, 160
)

// chart is a line of requests a second over time, with what was allowed, and refusals as marks. It is drawn without styles, because the
// policy of the page forbids inline ones.
type chart struct {
	Width, Height int
	Left, Right   int
	Top, Bottom   int
	Area, Line    string // what was used
	Limit         string // what was allowed
	Refused       []point
	Rows          []tick // of rates
	Times         []tick
	Summary       string
	Reduced       []box // periods in which less than the most was allowed
}

type point struct {
	X, Y float64
	Text string
}

type tick struct {
	At   float64
	Text string
}

type box struct{ X, Width float64 }

// newChart draws samples. The time axis is at least ten minutes long.
func newChart(all []sample, since, now time.Time) *chart {
	c := &chart{Width: chartWidth, Height: chartHeight}
	from := all[0].At.Add(-sampleEvery)
	if from.Before(since) {
		from = since
	}
	if earliest := now.Add(-10 * time.Minute); from.After(earliest) {
		from = earliest
	}
	top := 0.0
	for _, s := range all {
		top = max(top, s.Rate, s.Limit)
	}
	top = niceTop(top)
	x := func(t time.Time) float64 {
		return plotLeft + (plotRight-plotLeft)*float64(t.Sub(from))/float64(max(time.Second, now.Sub(from)))
	}
	y := func(rate float64) float64 { return plotBottom - (plotBottom-plotTop)*rate/top }
	c.lines(all, x, y)
	for _, share := range []float64{0, 0.5, 1} {
		c.Rows = append(c.Rows, tick{y(top * share), rateLabel(top * share)})
	}
	step := niceStep(now.Sub(from))
	for t := from.Truncate(step).Add(step); t.Before(now); t = t.Add(step) {
		if at := x(t); at > plotLeft+16 && at < plotRight-16 {
			c.Times = append(c.Times, tick{at, t.UTC().Format("15:04")})
		}
	}
	most, refused := 0.0, int64(0)
	for _, s := range all {
		most, refused = max(most, s.Rate), refused+s.Counts
	}
	c.Summary = fmt.Sprintf("Requests a second from %s to %s UTC: %s at most, %s over the last minute; %d refused with 429.",
		from.UTC().Format("15:04"), now.UTC().Format("15:04"), rateText(most), rateText(recent(all)), refused)
	return c
}

// lines draws what was used, what was allowed and what was refused.
func (c *chart) lines(all []sample, x func(time.Time) float64, y func(float64) float64) {
	var line, limit strings.Builder
	most := 0.0
	for _, s := range all {
		most = max(most, s.Limit)
	}
	for i, s := range all {
		verb := "L"
		if i == 0 {
			verb = "M"
		}
		at := x(s.At)
		begin := x(s.At.Add(-sampleEvery))
		fmt.Fprintf(&line, "%s%.1f %.1f", verb, at, y(s.Rate))
		if s.Limit > 0 {
			if limit.Len() == 0 || all[i-1].Limit == 0 {
				fmt.Fprintf(&limit, "M%.1f %.1f", begin, y(s.Limit))
			}
			fmt.Fprintf(&limit, "V%.1fH%.1f", y(s.Limit), at)
		}
		if s.Limit < most {
			if n := len(c.Reduced); n > 0 && c.Reduced[n-1].X+c.Reduced[n-1].Width >= begin-1 {
				c.Reduced[n-1].Width = at - c.Reduced[n-1].X
			} else {
				c.Reduced = append(c.Reduced, box{begin, at - begin})
			}
		}
		if s.Counts > 0 {
			c.Refused = append(c.Refused, point{at, y(s.Rate), fmt.Sprintf("%s UTC: %d refused with 429", s.At.UTC().Format("15:04:05"), s.Counts)})
		}
	}
	c.Line, c.Limit = line.String(), limit.String()
	c.Area = fmt.Sprintf("M%.1f %d%sL%.1f %dZ", x(all[0].At), plotBottom, strings.Replace(c.Line, "M", "L", 1), x(all[len(all)-1].At), plotBottom)
}

// niceTop is a round number that is not less.
func niceTop(most float64) float64 {
	for base := 1.0; ; base *= 10 {
		for _, n := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10} {
			if n*base >= most*1.05 {
				return n * base
			}
		}
	}
}

func rateLabel(rate float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", rate), ".0") }

// niceStep is the time between two labels.
func niceStep(span time.Duration) time.Duration {
	for _, step := range []time.Duration{2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute} {
		if span/step <= 6 {
			return step
		}
	}
	return 30 * time.Minute
}

// bin is a row of the table that says what the chart shows.
type bin struct {
	From    time.Time
	Mean    float64
	Most    float64
	Limit   float64
	Refused int64
}

// bins sums up samples by five minutes, the newest first.
func bins(all []sample) (rows []bin) {
	n := 0.0
	for i := len(all) - 1; i >= 0; i-- {
		s := all[i]
		from := s.At.Add(-time.Second).UTC().Truncate(5 * time.Minute)
		if len(rows) == 0 || !rows[len(rows)-1].From.Equal(from) {
			rows, n = append(rows, bin{From: from, Limit: s.Limit}), 0
		}
		r := &rows[len(rows)-1]
		r.Mean = (r.Mean*n + s.Rate) / (n + 1)
		n++
		r.Most, r.Refused = max(r.Most, s.Rate), r.Refused+s.Counts
	}
	return rows
}

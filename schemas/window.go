package schemas

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Cut splits w at the UTC boundaries of size: "month", "week" (Monday) or "day". No window crosses the end of a month, so the month of
// a file is unambiguous. The windows are ascending and adjacent, and cover w exactly. An unknown size means month.
func (w Window) Cut(size string) []Window {
	var windows []Window
	for from := w.From.UTC(); from.Before(w.To); {
		to := nextBoundary(from, size)
		if to.After(w.To) {
			to = w.To.UTC()
		}
		windows = append(windows, Window{From: from, To: to})
		from = to
	}
	return windows
}

func nextBoundary(t time.Time, size string) time.Time {
	year, month, day := t.Date()
	nextMonth := time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
	switch size {
	case "day":
		return time.Date(year, month, day+1, 0, 0, 0, 0, time.UTC)
	case "week":
		monday := time.Date(year, month, day+7-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
		if monday.After(nextMonth) {
			return nextMonth
		}
		return monday
	default:
		return nextMonth
	}
}

// Halve splits w in two at a whole second. It returns false if w is too short.
func (w Window) Halve() (Window, Window, bool) {
	middle := w.From.Add(w.To.Sub(w.From) / 2).Truncate(time.Second)
	if !middle.After(w.From) || !middle.Before(w.To) {
		return w, Window{}, false
	}
	return Window{From: w.From, To: middle}, Window{From: middle, To: w.To}, true
}

// Yields reports whether halving w repeatedly produces part. It does not produce w itself.
func (w Window) Yields(part Window) bool {
	for {
		left, right, ok := w.Halve()
		switch {
		case !ok:
			return false
		case left.holds(part):
			w = left
		case right.holds(part):
			w = right
		default:
			return false
		}
		if part.holds(w) {
			return true
		}
	}
}

// holds reports whether all of part is in w.
func (w Window) holds(part Window) bool {
	return !part.From.Before(w.From) && !part.To.After(w.To)
}

// Without returns the parts of w that none of the others covers, ascending.
func (w Window) Without(others []Window) []Window {
	others = slices.Clone(others)
	slices.SortFunc(others, func(a, b Window) int { return a.From.Compare(b.From) })
	var left []Window
	from := w.From
	for _, o := range others {
		if !o.To.After(from) {
			continue
		}
		if !o.From.Before(w.To) {
			break
		}
		if o.From.After(from) {
			left = append(left, Window{From: from, To: o.From})
		}
		from = o.To
	}
	if from.Before(w.To) {
		left = append(left, Window{From: from, To: w.To})
	}
	return left
}

// ParseWindow is the inverse of Window.String.
func ParseWindow(s string) (Window, error) {
	from, to, ok := strings.Cut(s, "~")
	var w Window
	var err error
	if ok {
		if w.From, err = time.Parse(windowLayout, from); err == nil {
			w.To, err = time.Parse(windowLayout, to)
		}
	}
	if !ok || err != nil || !w.From.Before(w.To) || w.String() != s { // the layout also accepts fractions of a second
		return Window{}, fmt.Errorf("window %q is not in the form 20260501T000000Z~20260601T000000Z", s)
	}
	return w, nil
}

package worker

import (
	"slices"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/schemas"
)

// Order is the order in which windows are copied.
type Order = activities.Order

// Overtaken says in which orders of its windows an export is slower than the platform deletes.
type Overtaken struct {
	Orders []OvertakenOrder `json:"orders"`
	// Better are the orders in which the fewest windows are overtaken.
	Better []Order `json:"better,omitempty"`
}

// OvertakenOrder is what retention overtakes in one order.
type OvertakenOrder struct {
	Order   Order `json:"order"`
	Windows int   `json:"windows"` // that begin to vanish before they are copied
	// First is the first of them in the order, On the time at which it begins to vanish, and Reached the time at which it is copied.
	First   *schemas.Window `json:"first,omitempty"`
	On      *time.Time      `json:"on,omitempty"`
	Reached *time.Time      `json:"reached,omitempty"`
}

// overtaken compares when windows are copied at the account's rate with when the platform begins to delete them. It returns nil if none is
// overtaken in any order, and if the rate or the retention is not known.
func (c Config) overtaken(account string, s sampling, windows []schemas.Window, counts []float64, now time.Time) *Overtaken {
	rate := c.rate(account)
	if rate <= 0 {
		return nil
	}
	lengths := make([]time.Duration, len(windows))
	deadlines, lost := make([]time.Time, len(windows)), make([]bool, len(windows))
	for i, w := range windows {
		lengths[i] = time.Duration(s.window(w, s.share(counts[i])).About / rate * float64(time.Second))
		deadlines[i] = c.Deadline(account, w)
		end := c.Deadline(account, schemas.Window{From: w.To})
		lost[i] = !end.IsZero() && !end.After(now)
	}
	return overtakenBy(windows, lengths, deadlines, lost, now)
}

// overtakenBy goes through the windows in each order. A window that has begun to vanish already is lost in any order, and does not count. Those of which nothing is left
// come last by deadline, as in an export.
func overtakenBy(windows []schemas.Window, lengths []time.Duration, deadlines []time.Time, lost []bool, now time.Time) *Overtaken {
	var out Overtaken
	any, fewest := false, len(windows)
	for _, order := range activities.Orders() {
		of := OvertakenOrder{Order: order}
		indexes := make([]int, len(windows))
		for i := range indexes {
			indexes[i] = i
		}
		switch order {
		case activities.NewestFirst:
			slices.Reverse(indexes)
		case activities.ByDeadline:
			slices.SortStableFunc(indexes, func(i, j int) int {
				switch {
				case lost[i] == lost[j]:
					return deadlines[i].Compare(deadlines[j])
				case lost[i]:
					return 1
				}
				return -1
			})
		}
		at := now
		for _, i := range indexes {
			at = at.Add(lengths[i])
			if deadlines[i].After(now) && at.After(deadlines[i]) {
				if of.Windows++; of.Windows == 1 {
					of.First, of.On, of.Reached = &windows[i], new(deadlines[i].UTC()), new(at.UTC().Truncate(time.Second))
				}
			}
		}
		any = any || of.Windows > 0
		fewest = min(fewest, of.Windows)
		out.Orders = append(out.Orders, of)
	}
	if !any {
		return nil
	}
	for _, of := range out.Orders {
		if of.Windows == fewest {
			out.Better = append(out.Better, of.Order)
		}
	}
	return &out
}

package inspect

import (
	"slices"

	"github.com/chatlake/chatlake/schemas"
)

// A Run is a range, and the size to cut it by, so that an export of it meets windows of the ledger and no others.
type Run struct {
	Range schemas.Window `json:"range"`
	Size  string         `json:"size"`
}

// holding is what the ledger has of an account and stream.
type holding struct {
	known   map[schemas.Window]bool // all windows; true where an export adopts what stands
	adopted []schemas.Window        // those that it adopts, by their beginning
}

func newHolding(known map[schemas.Window]bool) holding {
	h := holding{known: known}
	for w, adopts := range known {
		if adopts {
			h.adopted = append(h.adopted, w)
		}
	}
	slices.SortFunc(h.adopted, byBeginning)
	return h
}

// byBeginning puts the longer of windows that begin together first.
func byBeginning(a, b schemas.Window) int {
	if c := a.From.Compare(b.From); c != 0 {
		return c
	}
	return b.To.Compare(a.To)
}

// meets are the windows that an export adopts which has w in its plan: w itself, or the halves that it was split into. There
// are none when anything of w would be left.
func (h holding) meets(w schemas.Window) []schemas.Window {
	if adopts, known := h.known[w]; known {
		if adopts {
			return []schemas.Window{w}
		}
		return nil
	}
	var parts []schemas.Window
	first, _ := slices.BinarySearchFunc(h.adopted, w, byBeginning)
	for _, part := range h.adopted[first:] {
		if !part.From.Before(w.To) {
			break
		}
		if w.Yields(part) {
			parts = append(parts, part)
		}
	}
	if len(w.Without(parts)) > 0 {
		return nil
	}
	return parts
}

// runsOf are runs that meet all windows which an export adopts. No window is longer than a month, and each ends at the
// boundary of the month at the latest, so that one alone is a run too.
func (h holding) runsOf() []Run {
	var runs []Run
	met := map[schemas.Window]bool{}
	for _, w := range h.adopted {
		if met[w] {
			continue
		}
		best, found := Run{}, []schemas.Window(nil)
		for _, size := range []string{"month", "week", "day"} {
			if r, m := h.longest(w, size); len(m) > len(found) {
				best, found = r, m
			}
		}
		if len(found) == 0 {
			continue // across a boundary, as no export makes it; it is told as left
		}
		runs = append(runs, best)
		for _, m := range found {
			met[m] = true
		}
	}
	return runs
}

// longest begins with w and goes on as long as every window of the cut is met.
func (h holding) longest(w schemas.Window, size string) (Run, []schemas.Window) {
	r := Run{schemas.Window{From: w.From, To: w.From}, size}
	var all []schemas.Window
	for {
		next := schemas.Window{From: r.Range.To, To: r.Range.To.AddDate(0, 0, 32)}.Cut(size)[0]
		met := h.meets(next)
		wanted := func() bool { return len(met) > 0 && (len(all) > 0 || slices.Contains(met, w)) }
		last := !wanted()
		if last {
			next, met = h.clipped(next)
		}
		if !wanted() {
			return r, all
		}
		r.Range.To = next.To
		all = append(all, met...)
		if last {
			return r, all
		}
	}
}

// clipped is the longest beginning of a window that is met: the end of an export lay within the window.
func (h holding) clipped(w schemas.Window) (schemas.Window, []schemas.Window) {
	var ends []schemas.Window
	first, _ := slices.BinarySearchFunc(h.adopted, schemas.Window{From: w.From, To: w.To.AddDate(0, 0, 32)}, byBeginning)
	for _, part := range h.adopted[first:] {
		if !part.From.Before(w.To) {
			break
		}
		if part.To.Before(w.To) {
			ends = append(ends, schemas.Window{From: w.From, To: part.To})
		}
	}
	slices.SortFunc(ends, byBeginning)
	for _, beginning := range ends {
		if met := h.meets(beginning); len(met) > 0 {
			return beginning, met
		}
	}
	return schemas.Window{}, nil
}

// without leaves out of a holding what runs meet.
func (h holding) without(runs []Run) holding {
	met := map[schemas.Window]bool{}
	for _, r := range runs {
		for _, w := range r.Range.Cut(r.Size) {
			for _, m := range h.meets(w) {
				met[m] = true
			}
		}
	}
	left := holding{known: h.known}
	for _, w := range h.adopted {
		if !met[w] {
			left.adopted = append(left.adopted, w)
		}
	}
	return left
}

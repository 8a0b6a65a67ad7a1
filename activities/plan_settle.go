package activities

import (
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// mostSettled is how many windows one settle takes on. The next one takes the others.
const mostSettled = 200

// planSettle plans which windows of created conversations are listed again, oldest first: the days of the open month, and the
// windows of closed months. A window is due when a time of the settings has passed since its end and no generation has been opened
// after that. It is also due while it is only covered by narrower windows, which the new generation then replaces. Windows from before
// the first sync that the lake does not have are up to the exports of the history. The windows that were settled for the last time are
// returned as well.
func (p *planner) planSettle(now time.Time) (plan []Planned, last []lastSettle) {
	if len(p.settings.Settle) == 0 {
		return nil, nil
	}
	created := slices.DeleteFunc(slices.Clone(p.current), func(r ledger.Record) bool { return !r.Shard.Stream.IsByCreation() })
	since := p.firstSync()
	begin := since
	for _, r := range created {
		if begin.IsZero() || r.Shard.Window.From.Before(begin) {
			begin = r.Shard.Window.From
		}
	}
	if begin.IsZero() {
		return nil, nil
	}
	for _, w := range p.units(begin, now) {
		if behind, _ := p.retention.Behind(w, now); behind == w {
			continue // what is missing has been deleted by the platform's rule, not by a person
		}
		own := len(p.uncovered(w, created)) == 0 || !since.IsZero() && w.To.After(since)
		after, depth, opened := p.due(w, created, now)
		if longest := p.settings.Settle[len(p.settings.Settle)-1]; own && after == 0 && !now.Before(w.To.Add(longest)) {
			last = append(last, p.lastSettle(w, created, longest, opened))
		}
		if !own || after == 0 {
			continue
		}
		next := p.shard(schemas.StreamCreated, w)
		next.Cause, next.Depth, next.Refresh = ledger.CauseSettle, depth, fmt.Sprintf("settle/%s", after)
		if plan = append(plan, next); len(plan) == mostSettled {
			break
		}
	}
	return plan, last
}

// firstSync is when the first window of changes begins, as a day; zero without one.
func (p *planner) firstSync() (first time.Time) {
	for _, r := range p.current {
		if from := r.Shard.Window.From; r.Shard.Stream == schemas.StreamChanges && (first.IsZero() || from.Before(first)) {
			first = from
		}
	}
	return first.UTC().Truncate(24 * time.Hour)
}

// units are the windows that are settled: of closed months in the account's size of windows, of the open month the days that have
// ended.
func (p *planner) units(begin, now time.Time) []schemas.Window {
	now = now.UTC()
	open := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	first := begin.UTC().Truncate(time.Second)
	var units []schemas.Window
	if first.Before(open) {
		units = schemas.Window{From: first, To: open}.Cut(p.size)
	}
	if day := now.Truncate(24 * time.Hour); open.Before(day) {
		from := open
		if first.After(from) {
			from = first
		}
		units = append(units, schemas.Window{From: from, To: day}.Cut("day")...)
	}
	return units
}

// due returns the longest of the times after the end of a window that have passed and that no generation was opened after, and how
// deep to look. It returns 0 if the window is settled for now, and when that generation was opened.
func (p *planner) due(w schemas.Window, created []ledger.Record, now time.Time) (after time.Duration, depth Depth, opened time.Time) {
	opened = now
	missing := true
	for _, made := range []func(schemas.Window) bool{func(of schemas.Window) bool { return of == w }, w.Yields} {
		whole := slices.DeleteFunc(slices.Clone(created), func(r ledger.Record) bool { return !made(r.Shard.Window) })
		if len(p.uncovered(w, whole)) > 0 {
			continue
		}
		first := now
		for _, r := range whole {
			if at := openedAt(r); at.Before(first) {
				first = at
			}
		}
		if missing || first.After(opened) { // a window that was also made in halves counts as the later of both
			opened = first
		}
		missing = false
	}
	for i, d := range p.settings.Settle {
		at := w.To.Add(d)
		if now.Before(at) || !missing && !opened.Before(at) {
			continue
		}
		after, depth = d, DepthList
		if i == len(p.settings.Settle)-1 && p.blind {
			depth = DepthFull
		}
	}
	return after, depth, opened
}

// uncovered returns the parts of a window that the windows of records do not cover.
func (p *planner) uncovered(w schemas.Window, records []ledger.Record) []schemas.Window {
	var windows []schemas.Window
	for _, r := range records {
		windows = append(windows, r.Shard.Window)
	}
	return w.Without(windows)
}

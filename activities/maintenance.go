package activities

import (
	"cmp"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// MaintainStep is a window whose files can become fewer: the shards in it are merged into one if Merge is set, and those that others have
// all of are absorbed.
type MaintainStep struct {
	Shard ledger.Shard `json:"shard"`
	Merge bool         `json:"merge,omitempty"`
}

const (
	// mergeMonthAfter is how long after its end a month is merged. By then it is settled for the first time, so that the merged shard
	// leaves out what the window of creation has.
	mergeMonthAfter = 48 * time.Hour
	// absorbWithin is how long after the commit of a window of creation the merged windows of changes are compared with it. What it does
	// not have by then is in no other shard.
	absorbWithin = 7 * 24 * time.Hour
)

// maintenance returns the steps that are due in one month, given the current records of an account in that month and all those that have
// conversations by creation. Windows that begin in other months are ignored.
func maintenance(records []ledger.Record, month schemas.Window, now time.Time) []MaintainStep {
	streams, created := map[schemas.Stream][]ledger.Record{}, []ledger.Record{}
	for _, r := range records {
		if r.Shard.Stream.IsByCreation() {
			created = append(created, r)
		}
		if begins(r.Shard.Window, month) {
			streams[r.Shard.Stream] = append(streams[r.Shard.Stream], r)
		}
	}
	var steps []MaintainStep
	for _, stream := range []schemas.Stream{schemas.StreamChanges, schemas.StreamPushed, schemas.StreamReports} {
		for _, run := range due(streams[stream], month, now) {
			step := MaintainStep{Shard: run[0].Shard, Merge: withFiles(run) > 1}
			step.Shard.Window = cover(run)
			if step.Merge || stream.IsByChange() && slices.ContainsFunc(run, func(r ledger.Record) bool { return settledSince(r, created, now) }) {
				steps = append(steps, step)
			}
		}
	}
	if step, ok := directoryStep(records, streams[schemas.StreamDirectory], month, now); ok {
		steps = append(steps, step)
	}
	for _, wide := range streams[schemas.StreamCreated] {
		narrower := func(r ledger.Record) bool { return len(r.Files) > 0 && within(r.Shard.Window, wide.Shard.Window) }
		if len(wide.Files) > 0 && slices.ContainsFunc(created, narrower) {
			steps = append(steps, MaintainStep{Shard: wide.Shard})
		}
	}
	return steps
}

// due returns the runs of a month whose windows can become one: after the month those of the month, before that those of each day that
// has ended.
func due(records []ledger.Record, month schemas.Window, now time.Time) (found [][]ledger.Record) {
	records = slices.Clone(records)
	slices.SortFunc(records, byWindow)
	if !now.Before(month.To.Add(mergeMonthAfter)) {
		return adjacent(records)
	}
	for _, day := range month.Cut("day") {
		var of []ledger.Record
		for _, r := range records {
			if begins(r.Shard.Window, day) {
				of = append(of, r)
			}
		}
		for _, run := range adjacent(of) {
			// A run that ends before its day may go on, unless the next window has begun elsewhere.
			if !cover(run).To.Before(day.To) || !now.Before(day.To.Add(24*time.Hour)) {
				found = append(found, run)
			}
		}
	}
	return found
}

// adjacent splits records, sorted by window, at the gaps between their windows.
func adjacent(records []ledger.Record) (runs [][]ledger.Record) {
	var end time.Time
	for i, r := range records {
		w := r.Shard.Window
		if i == 0 || w.From.After(end) {
			runs = append(runs, nil)
		}
		runs[len(runs)-1] = append(runs[len(runs)-1], r)
		if w.To.After(end) {
			end = w.To
		}
	}
	return runs
}

// cover is the window from the beginning of the first to the end of the last of adjacent records.
func cover(run []ledger.Record) schemas.Window {
	w := run[0].Shard.Window
	for _, r := range run {
		if r.Shard.Window.To.After(w.To) {
			w.To = r.Shard.Window.To
		}
	}
	return w
}

// settledSince reports whether a window of creation that may have the conversations of r was committed after it, not long ago.
func settledSince(r ledger.Record, created []ledger.Record, now time.Time) bool {
	return len(r.Files) > 0 && slices.ContainsFunc(created, func(c ledger.Record) bool {
		return len(c.Files) > 0 && c.Shard.Window.From.Before(r.Shard.Window.To) && c.CommittedAt.After(r.CommittedAt) && now.Sub(c.CommittedAt) < absorbWithin
	})
}

// directoryStep merges the snapshots of a month that has ended. Readers use the newest snapshot, so it is left alone: there must be one
// after the month.
func directoryStep(records, snapshots []ledger.Record, month schemas.Window, now time.Time) (MaintainStep, bool) {
	later := func(r ledger.Record) bool {
		return r.Shard.Stream == schemas.StreamDirectory && len(r.Files) > 0 && !r.Shard.Window.From.Before(month.To)
	}
	if withFiles(snapshots) < 2 || now.Before(month.To.Add(mergeMonthAfter)) || !slices.ContainsFunc(records, later) {
		return MaintainStep{}, false
	}
	step := MaintainStep{Shard: snapshots[0].Shard, Merge: true}
	step.Shard.Window = month
	return step, true
}

func withFiles(records []ledger.Record) (n int) {
	for _, r := range records {
		if len(r.Files) > 0 {
			n++
		}
	}
	return n
}

// begins reports whether w begins in a period.
func begins(w, period schemas.Window) bool {
	return !w.From.Before(period.From) && w.From.Before(period.To)
}

// within reports whether w is a part of wide, and not all of it.
func within(w, wide schemas.Window) bool {
	return !w.From.Before(wide.From) && !w.To.After(wide.To) && (w.From.After(wide.From) || w.To.Before(wide.To))
}

// byWindow sorts records by the beginning of their windows, the widest first.
func byWindow(a, b ledger.Record) int {
	return cmp.Or(a.Shard.Window.From.Compare(b.Shard.Window.From), b.Shard.Window.To.Compare(a.Shard.Window.To))
}

package ledger

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Loss is a part of a stream that the platform may have deleted, by its retention, before the lake had it.
type Loss struct {
	Stream schemas.Stream `json:"stream"`
	Window schemas.Window `json:"window"`
	// Listed is when a committed window was listed there, too late; nil if the lake has no window there.
	Listed *time.Time `json:"listed,omitempty"`
}

// Losses returns what was lost of a part of a stream, oldest first. The filter names provider, account, stream and window; current are
// the records that Current returns for it. A window that was listed in time has everything, also if a later generation was not. What a
// person has accepted is among the losses.
func (l *Ledger) Losses(ctx context.Context, f Filter, current []Record, keeps schemas.Retention, now time.Time) ([]Loss, error) {
	behind, ok := keeps.Behind(f.Window, now)
	if !ok {
		return nil, nil
	}
	var inTime []schemas.Window
	for _, r := range current {
		if f.matches(r.Shard) {
			inTime = append(inTime, r.inTime(keeps)...)
		}
	}
	left := behind.Without(inTime)
	if len(left) == 0 {
		return nil, nil
	}
	// A superseded generation, or a window that another one has replaced, may have been listed in time.
	older := f
	older.Window = schemas.Window{From: left[0].From, To: left[len(left)-1].To}
	entries, err := l.Entries(ctx, older)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Record != nil {
			inTime = append(inTime, e.Record.inTime(keeps)...)
		}
	}
	var losses []Loss
	for _, w := range behind.Without(inTime) {
		losses = append(losses, lossesIn(w, f, current)...)
	}
	return losses, nil
}

// lossesIn tells the parts of a lost window apart: those that are committed, and those that are not.
func lossesIn(w schemas.Window, f Filter, current []Record) (losses []Loss) {
	var covered []schemas.Window
	for _, r := range current {
		if !f.matches(r.Shard) {
			continue
		}
		for _, part := range w.Without(w.Without([]schemas.Window{r.Shard.Window})) {
			for _, own := range part.Without(covered) {
				at := r.listedAt()
				losses = append(losses, Loss{f.Stream, own, &at})
			}
		}
		covered = append(covered, r.Shard.Window)
	}
	for _, part := range w.Without(covered) {
		losses = append(losses, Loss{Stream: f.Stream, Window: part})
	}
	slices.SortFunc(losses, func(a, b Loss) int { return cmp.Compare(a.Window.From.Unix(), b.Window.From.Unix()) })
	return losses
}

// inTime is the part of a record's window that the platform still had when it was listed.
func (r Record) inTime(keeps schemas.Retention) []schemas.Window {
	if behind, ok := keeps.Behind(r.Shard.Window, r.listedAt()); ok {
		return r.Shard.Window.Without([]schemas.Window{behind})
	}
	return []schemas.Window{r.Shard.Window}
}

// listedAt is when the list of a window ended. Records that do not say were listed when they were committed, at the latest.
func (r Record) listedAt() time.Time {
	if r.ListedAt != nil {
		return *r.ListedAt
	}
	return r.CommittedAt
}

// Unaccepted returns the parts of losses that no person has accepted.
func Unaccepted(losses []Loss, account string, acceptances []Acceptance) (open []Loss) {
	for _, loss := range losses {
		for _, w := range loss.Window.Without(AcceptedWindows(acceptances, account, loss.Stream)) {
			open = append(open, Loss{loss.Stream, w, loss.Listed})
		}
	}
	return open
}

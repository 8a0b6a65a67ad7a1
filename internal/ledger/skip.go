package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Skip says that a person gave up a window for now, while its shard was blocked. Unlike an [Acceptance], it changes nothing: the gap stays a
// gap, the watermark stays where it is, and the next run tries again. A window may be skipped several times.
type Skip struct {
	FormatVersion int            `json:"format_version"`
	Account       string         `json:"account"`
	Stream        schemas.Stream `json:"stream"`
	Window        schemas.Window `json:"window"`
	// Kind is why the shard was blocked, and Reason why it was given up, in the person's words.
	Kind      string    `json:"kind"`
	Reason    string    `json:"reason"`
	SkippedAt time.Time `json:"skipped_at"`
	// Writer is the program and version that wrote it.
	Writer string `json:"writer"`
}

var skips = decisions[Skip]{
	root: skipsRoot, what: "skipped window", bad: "it does not say that this window was skipped; restore it, or delete it",
	key: func(s Skip) string {
		return fmt.Sprintf("%saccount=%s/stream=%s/%s/%s.json", skipsRoot, s.Account, s.Stream, s.Window, s.SkippedAt.UTC().Format("20060102T150405Z"))
	},
	says: func(s Skip) (int, string) { return s.FormatVersion, s.Reason },
}

// Skip writes that a window was skipped, once for each second.
func (l *Ledger) Skip(ctx context.Context, s Skip) (Skip, error) {
	s.FormatVersion, s.SkippedAt = formatVersion, l.now().UTC().Truncate(time.Second)
	return skips.write(ctx, l, s)
}

// Skips returns what was skipped of an account, or of all if account is empty, sorted by account, stream, window and time.
func (l *Ledger) Skips(ctx context.Context, account string) ([]Skip, error) {
	return skips.list(ctx, l, account)
}

// MadeUpFor reports whether the ledger has what was skipped: records that were read from the platform after that cover the window. Older
// is true if records of before cover it.
func (s Skip) MadeUpFor(records []Record) (made, older bool) {
	var after, all []schemas.Window
	for _, r := range records {
		if r.Shard.Account != s.Account || r.Shard.Stream != s.Stream {
			continue
		}
		window := r.Shard.Window
		if !s.Stream.IsContinuous() && !window.To.Before(s.Window.To) {
			window = s.Window // a later snapshot is as good
		}
		all = append(all, window)
		if r.readAfter(s.SkippedAt) {
			after = append(after, window)
		}
	}
	return len(s.Window.Without(after)) == 0, len(s.Window.Without(all)) == 0
}

// readAfter reports whether the platform was asked for what is in the record after a time.
func (r Record) readAfter(at time.Time) bool {
	switch r.Cause {
	case CauseMerge, CauseAbsorb, CauseRemap: // from what was in the lake
		return r.OpenedAt != nil && r.OpenedAt.After(at)
	}
	return r.CommittedAt.After(at)
}

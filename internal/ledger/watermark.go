package ledger

import (
	"slices"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// longestOpen is how long a shard may have been open before it was committed, for records that do not say when they were opened.
const longestOpen = 7 * 24 * time.Hour

// Watermark returns the time up to which every change of an account is in the lake: the end of the gapless cover of the changes windows
// among an account's current records and of those accepted gaps. A window that another shard has absorbed covers as before. The cover
// begins at from, usually OpenedSince, or at the first window if that is earlier. With from zero and without a window it is zero.
func Watermark(records []Record, from time.Time, accepted ...schemas.Window) time.Time {
	windows := slices.Clone(accepted)
	for _, r := range records {
		if r.Shard.Stream == schemas.StreamChanges {
			windows = append(windows, r.Shard.Window)
		}
	}
	slices.SortFunc(windows, func(a, b schemas.Window) int { return a.From.Compare(b.From) })
	at := from
	for i, w := range windows {
		if i == 0 && (at.IsZero() || w.From.Before(at)) {
			at = w.From
		}
		if w.From.After(at) {
			break
		}
		if w.To.After(at) {
			at = w.To
		}
	}
	return at
}

// OpenedSince returns the earliest time at which a shard of created conversations among the records was opened. What changed before
// that is in the shards. It is zero if there is no such record.
func OpenedSince(records []Record) (earliest time.Time) {
	for _, r := range records {
		if !r.Shard.Stream.IsByCreation() {
			continue
		}
		at := r.CommittedAt.Add(-longestOpen)
		if r.OpenedAt != nil {
			at = *r.OpenedAt
		}
		if earliest.IsZero() || at.Before(earliest) {
			earliest = at
		}
	}
	return earliest
}

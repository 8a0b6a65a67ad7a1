package inspect

import (
	"fmt"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

// ExportCommand is the command that copies a range.
func ExportCommand(account string, w schemas.Window) string {
	return fmt.Sprintf("chatlake export --account %s --from %s --to %s", account, words.Time(w.From), words.Time(w.To))
}

// again is the command that copies once more what a shard has. Exports make windows of creation and of reports; no window is longer than a
// month, so it is not cut further. They make neither windows of changes, whose conversations may have been created at any time, nor
// snapshots. Settles list the conversations again, and the next sync makes another snapshot.
func again(s ledger.Shard) string {
	switch {
	case s.Stream.IsByChange():
		return trigger("settle", s.Account)
	case s.Stream == schemas.StreamDirectory:
		return trigger("sync", s.Account)
	case s.Stream.IsOwn():
		return "" // nobody can be asked again what chatlake did
	}
	return refresh(s.Account, s.Window)
}

// againOf is again for a shard whose record says when its conversations were created: then an export of those months has all of them.
func againOf(r ledger.Record) string {
	if !r.Shard.Stream.IsByChange() {
		return again(r.Shard)
	}
	var created schemas.Window
	for _, f := range r.Files {
		if f.MinCreatedAt == nil || f.MaxCreatedAt == nil {
			continue
		}
		if created.From.IsZero() || f.MinCreatedAt.Before(created.From) {
			created.From = *f.MinCreatedAt
		}
		if f.MaxCreatedAt.After(created.To) {
			created.To = *f.MaxCreatedAt
		}
	}
	if created.From.IsZero() {
		return again(r.Shard)
	}
	from, to := created.From.UTC(), created.To.UTC()
	return refresh(r.Shard.Account, schemas.Window{
		From: time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, time.UTC),
		To:   time.Date(to.Year(), to.Month()+1, 1, 0, 0, 0, 0, time.UTC),
	})
}

// refresh is the command that copies windows of creation once more.
func refresh(account string, w schemas.Window) string {
	return ExportCommand(account, w) + " --window month --refresh"
}

// trigger is the command that starts a run of a schedule.
func trigger(kind, account string) string { return "chatlake schedule trigger " + kind + "/" + account }

package inspect

import (
	"fmt"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// ExportCommand is the command that copies a range.
func ExportCommand(account string, w schemas.Window) string {
	return fmt.Sprintf("chatlake export --account %s --from %s --to %s", account, argument(w.From), argument(w.To))
}

// again is the command that copies a window once more: no window is longer than a month, so it is not cut further.
func again(account string, w schemas.Window) string {
	return ExportCommand(account, w) + " --window month --refresh"
}

// argument is a time as flags take it.
func argument(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.UTC().Format(time.DateOnly)
	}
	return t.UTC().Format(time.RFC3339)
}

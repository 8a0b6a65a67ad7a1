// Package words writes numbers, sizes, times and lists as people read them.
//
// It must not know what is counted, or where the words are shown.
package words

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// List joins words: "a, b and c".
func List(words []string) string { return join(words, " and ") }

// Or joins words: "a, b or c".
func Or(words []string) string { return join(words, " or ") }

func join(words []string, before string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + before + words[last]
}

// Grouped formats a number with thousands separators: "1,234".
func Grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Plural formats a number of things: "1 file", "2,000 files".
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Grouped(n) + " " + noun + "s"
}

// Size formats a number of bytes in decimal units: "1.5 kB".
func Size(bytes int64) string {
	switch {
	case bytes < 1000:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1e3)
	case bytes < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	default:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	}
}

// Duration formats a duration in at most two units: "1 h 30 min".
func Duration(d time.Duration) string {
	d = max(time.Second, d.Round(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	}
}

// Time formats a time in UTC, as flags take it: a day if it is midnight, or else a time in whole seconds.
func Time(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// Instant formats a time in UTC to the second: "2025-01-31 12:00:00 UTC".
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// Range names a window in ids and file names: its times are without punctuation unless they are days.
func Range(w schemas.Window) string { return compact(w.From) + "_" + compact(w.To) }

func compact(t time.Time) string {
	if text := Time(t); len(text) == len(time.DateOnly) {
		return text
	}
	return t.UTC().Format("20060102T150405Z")
}

// Span formats a window: "2025-01-01 to 2025-02-01".
func Span(w schemas.Window) string { return Time(w.From) + " to " + Time(w.To) }

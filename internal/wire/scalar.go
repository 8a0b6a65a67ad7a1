package wire

import (
	"math"
	"strconv"
	"time"
)

// Number parses a finite number. It returns nil for anything else.
func Number(s string) *float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	return &f
}

// Integer parses an integer in decimal digits. It returns nil for anything else.
func Integer(s string) *int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// Whole parses an integer that may be written as a floating-point number, such as 3.0 or 1e3. It returns nil for anything else, and
// for a number beyond the integers that a float64 represents exactly.
func Whole(s string) *int64 {
	if n := Integer(s); n != nil {
		return n
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return nil
	}
	n := int64(f)
	return &n
}

// MaxUnix is the last second of the year 9999 in Unix time, the latest in rows.
const MaxUnix = 253402300799

// Time parses a time in one of the layouts; without a zone it is UTC. It returns nil for anything else, and if Instant does.
func Time(s string, layouts []string) *time.Time {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return Instant(t)
		}
	}
	return nil
}

// Instant returns t as in rows, in UTC and microseconds. It returns nil for times up to the beginning of 1970, which platforms send
// for "never", and for times after the year 9999.
func Instant(t time.Time) *time.Time {
	if t.Unix() < 0 || t.UnixMicro() <= 0 || t.Unix() > MaxUnix {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// CompareTimes compares two times; nil comes first.
func CompareTimes(a, b *time.Time) int {
	switch {
	case a != nil && b != nil:
		return a.Compare(*b)
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	}
	return 1
}

// Earlier returns the earlier of two times, or the other one if one is nil.
func Earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

// Later returns the later of two times, or the other one if one is nil.
func Later(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}

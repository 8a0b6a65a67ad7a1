package wire

import (
	"math"
	"strconv"
	"time"
)

// Number is a finite number, nil where s is none.
func Number(s string) *float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	return &f
}

// Integer is an integer in decimal digits, nil where s is none.
func Integer(s string) *int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// Whole is an integer that may be written as a floating-point number, such as 3.0 or 1e3; nil where s is none, or one that
// a floating-point number cannot hold exactly.
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

// MaxUnix is the last second of the year 9999 in Unix time, the last that rows may hold.
const MaxUnix = 253402300799

// Time is the time that s spells in one of the layouts; without a zone it is UTC. It is nil where s is none, and where
// Instant is.
func Time(s string, layouts []string) *time.Time {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return Instant(t)
		}
	}
	return nil
}

// Instant is t as rows hold times: in UTC and microseconds. The beginning of 1970 and what is before it, which platforms send
// for "never", and what is after the year 9999 are nil.
func Instant(t time.Time) *time.Time {
	if t.Unix() < 0 || t.UnixMicro() <= 0 || t.Unix() > MaxUnix {
		return nil
	}
	t = t.UTC().Truncate(time.Microsecond)
	return &t
}

// CompareTimes puts nil first.
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

// Earlier is the earlier of two times, the other where one is nil.
func Earlier(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.Before(*a) {
		return b
	}
	return a
}

// Later is the later of two times, the other where one is nil.
func Later(a, b *time.Time) *time.Time {
	if a == nil || b != nil && b.After(*a) {
		return b
	}
	return a
}

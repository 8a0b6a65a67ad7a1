package schemas

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Leaf buffers one leaf column of many rows as Parquet has it: the values that are there one after the other, and for
// each place where a value could be, its definition and repetition level. It holds copies only, so the rows may be
// changed or dropped after they were shredded.
//
// Text is valid UTF-8: each run of bytes that is not is replaced by U+FFFD. Bytes are kept as they are.
type Leaf struct {
	Kind                         Kind
	Dictionary, Statistics       bool
	MaxDefinition, MaxRepetition int16
	Partition                    string // the partition column that it is, whose value all rows of a file share

	Data     []byte   // texts and bytes, concatenated; less than 4 GiB of them
	Ends     []uint32 // where in Data each of them ends
	Integers []int64
	Numbers  []float64
	Booleans []bool

	Definitions []int16 // empty where MaxDefinition is 0: every place has a value
	Repetitions []int16 // empty where MaxRepetition is 0: every place is a row of its own
}

// Bytes is how much memory the buffered values and levels take.
func (l *Leaf) Bytes() int {
	return len(l.Data) + 8*(len(l.Integers)+len(l.Numbers)) + 4*len(l.Ends) + len(l.Booleans) +
		2*(len(l.Definitions)+len(l.Repetitions))
}

// Places is how many places for values there are, filled or not.
func (l *Leaf) Places() int {
	if l.MaxDefinition > 0 {
		return len(l.Definitions)
	}
	return len(l.Ends) + len(l.Integers) + len(l.Numbers) + len(l.Booleans)
}

// Reset empties the leaf and keeps its memory.
func (l *Leaf) Reset() {
	l.Data, l.Ends = l.Data[:0], l.Ends[:0]
	l.Integers, l.Numbers, l.Booleans = l.Integers[:0], l.Numbers[:0], l.Booleans[:0]
	l.Definitions, l.Repetitions = l.Definitions[:0], l.Repetitions[:0]
}

// level is where in the nesting a place is: how many of its optional and repeated ancestors are there, at which list the
// place begins a new entry, and how many lists are around it.
type level struct{ definition, repetition, depth int16 }

// deeper is the level of entry i of a list or map that stands at l.
func (l level) deeper(i int) level {
	inner := level{definition: l.definition + 1, repetition: l.repetition, depth: l.depth + 1}
	if i > 0 {
		inner.repetition = inner.depth
	}
	return inner
}

// place notes the levels of one place.
func (l *Leaf) place(definition, repetition int16) {
	if l.MaxDefinition > 0 {
		l.Definitions = append(l.Definitions, definition)
	}
	if l.MaxRepetition > 0 {
		l.Repetitions = append(l.Repetitions, repetition)
	}
}

func (l *Leaf) putText(s string) {
	if !utf8.ValidString(s) {
		s = validText(s)
	}
	l.Data = append(l.Data, s...)
	l.Ends = append(l.Ends, uint32(len(l.Data)))
}

func (l *Leaf) putBytes(b []byte) {
	l.Data = append(l.Data, b...)
	l.Ends = append(l.Ends, uint32(len(l.Data)))
}

func (l *Leaf) putInteger(i int64)     { l.Integers = append(l.Integers, i) }
func (l *Leaf) putNumber(f float64)    { l.Numbers = append(l.Numbers, f) }
func (l *Leaf) putBoolean(b bool)      { l.Booleans = append(l.Booleans, b) }
func (l *Leaf) putInstant(t time.Time) { l.Integers = append(l.Integers, micros(t)) }

// micros is t in microseconds since 1970, or the nearest number of them that there is.
func micros(t time.Time) int64 {
	const most = math.MaxInt64/1_000_000 - 1
	switch seconds := t.Unix(); {
	case seconds > most:
		return math.MaxInt64
	case seconds < -most:
		return math.MinInt64
	}
	return t.UnixMicro()
}

func validText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

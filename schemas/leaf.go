package schemas

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Leaf buffers one leaf column of many rows in the form of Parquet: the values that exist, and for each place of a value its definition
// and repetition levels. It contains only copies, so the rows may be changed or released after they have been shredded.
//
// Text is valid UTF-8: each run of other bytes is replaced by U+FFFD. Bytes are kept unchanged.
type Leaf struct {
	Kind                         Kind
	Dictionary, Statistics       bool
	MaxDefinition, MaxRepetition int16
	Partition                    string // name of the partition column, if it is one; all rows of a file share its value

	Data     []byte   // texts and bytes, concatenated; less than 4 GiB
	Ends     []uint32 // where each of them ends in Data
	Integers []int64
	Numbers  []float64
	Booleans []bool

	Definitions []int16 // empty if MaxDefinition is 0: every place has a value
	Repetitions []int16 // empty if MaxRepetition is 0: every place is a row of its own
}

// Bytes returns the memory that the buffered values and levels take.
func (l *Leaf) Bytes() int {
	return len(l.Data) + 8*(len(l.Integers)+len(l.Numbers)) + 4*len(l.Ends) + len(l.Booleans) +
		2*(len(l.Definitions)+len(l.Repetitions))
}

// Places returns the number of places for values, filled or not.
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

// level is the position of a place in the nesting: how many of its optional and repeated ancestors exist, at which list it begins a new
// entry, and how many lists are around it.
type level struct{ definition, repetition, depth int16 }

// deeper returns the level of entry i of a list or map at level l.
func (l level) deeper(i int) level {
	inner := level{definition: l.definition + 1, repetition: l.repetition, depth: l.depth + 1}
	if i > 0 {
		inner.repetition = inner.depth
	}
	return inner
}

// place adds the levels of one place.
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

// micros returns t in microseconds since 1970, or the nearest number that an int64 can hold.
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

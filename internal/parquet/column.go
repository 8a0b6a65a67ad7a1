package parquet

import (
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/chatlake/chatlake/schemas"
)

// The size of a batch, the unit in which values are passed to a column. The library checks only between batches whether a page is
// full.
const (
	batchBytes  = 256 << 10
	batchPlaces = 8 << 10
)

// batch is a run of whole rows of a leaf: a range of its places, and the range of the values in them.
type batch struct{ fromPlace, toPlace, fromValue, toValue int }

// batches splits a leaf into batches at the beginnings of rows.
func batches(l *schemas.Leaf, write func(batch) error) error {
	var b batch
	bytes := 0
	for place := range l.Places() {
		rowBegins := l.MaxRepetition == 0 || l.Repetitions[place] == 0
		if rowBegins && (place-b.fromPlace >= batchPlaces || bytes >= batchBytes) {
			b.toPlace = place
			if err := write(b); err != nil {
				return err
			}
			b.fromPlace, b.fromValue, bytes = place, b.toValue, 0
		}
		if l.MaxDefinition > 0 && l.Definitions[place] < l.MaxDefinition {
			continue
		}
		if l.Kind == schemas.KindText || l.Kind == schemas.KindBytes {
			bytes += len(value(l, b.toValue))
		}
		b.toValue++
	}
	b.toPlace = l.Places()
	return write(b)
}

// value returns the i-th text or bytes of a leaf.
func value(l *schemas.Leaf, i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = l.Ends[i-1]
	}
	return l.Data[from:l.Ends[i]]
}

// columnWriter writes leaves and reuses its scratch memory.
type columnWriter struct{ values []parquet.ByteArray }

func (c *columnWriter) write(column file.ColumnChunkWriter, l *schemas.Leaf) error {
	switch to := column.(type) {
	case *file.ByteArrayColumnChunkWriter:
		return batches(l, func(b batch) error {
			c.values = c.values[:0]
			for i := b.fromValue; i < b.toValue; i++ {
				c.values = append(c.values, value(l, i))
			}
			return written(b)(to.WriteBatch(c.values, definitions(l, b), repetitions(l, b)))
		})
	case *file.Int64ColumnChunkWriter:
		return batches(l, func(b batch) error {
			return written(b)(to.WriteBatch(l.Integers[b.fromValue:b.toValue], definitions(l, b), repetitions(l, b)))
		})
	case *file.Float64ColumnChunkWriter:
		return batches(l, func(b batch) error {
			return written(b)(to.WriteBatch(l.Numbers[b.fromValue:b.toValue], definitions(l, b), repetitions(l, b)))
		})
	case *file.BooleanColumnChunkWriter:
		return batches(l, func(b batch) error {
			return written(b)(to.WriteBatch(l.Booleans[b.fromValue:b.toValue], definitions(l, b), repetitions(l, b)))
		})
	}
	return fmt.Errorf("no way to write a %s", column.Type())
}

// repeat writes the same text for a number of rows.
func (c *columnWriter) repeat(column file.ColumnChunkWriter, value string, rows int64) error {
	to, ok := column.(*file.ByteArrayColumnChunkWriter)
	if !ok {
		return fmt.Errorf("no way to write a text as %s", column.Type())
	}
	c.values = c.values[:0]
	for bytes := parquet.ByteArray(value); int64(len(c.values)) < min(rows, batchPlaces); {
		c.values = append(c.values, bytes)
	}
	for rows > 0 {
		some := min(rows, batchPlaces)
		if err := written(batch{toValue: int(some)})(to.WriteBatch(c.values[:some], nil, nil)); err != nil {
			return err
		}
		rows -= some
	}
	return nil
}

// definitions returns the definition levels of a batch, or nil if the leaf has none.
func definitions(l *schemas.Leaf, b batch) []int16 {
	if l.MaxDefinition == 0 {
		return nil
	}
	return l.Definitions[b.fromPlace:b.toPlace]
}

// repetitions returns the repetition levels of a batch, or nil if the leaf has none.
func repetitions(l *schemas.Leaf, b batch) []int16 {
	if l.MaxRepetition == 0 {
		return nil
	}
	return l.Repetitions[b.fromPlace:b.toPlace]
}

// written checks the library's result for a batch.
func written(b batch) func(values int64, err error) error {
	return func(values int64, err error) error {
		if err == nil && values != int64(b.toValue-b.fromValue) {
			err = fmt.Errorf("%d values written of %d", values, b.toValue-b.fromValue)
		}
		return err
	}
}

package parquet

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
)

// Digest returns the hex SHA-256 of the rows of a file: of every value of every column and its place, and of nothing else. Files
// with the same rows have the same digest, whichever build wrote them and however it encoded and grouped them. A column without
// any value does not count, so a file that was written before a column was added has the same digest as one in which it is null.
func Digest(r io.ReaderAt, size int64) (digest string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("digest rows: panic: %v", p)
		}
	}()
	if err := useCodec(); err != nil {
		return "", fmt.Errorf("digest rows: %w", err)
	}
	f, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return "", fmt.Errorf("digest rows: %w", err)
	}
	all := sha256.New()
	fmt.Fprintf(all, "%d rows\n", f.NumRows())
	for column := range f.MetaData().Schema.NumColumns() {
		of := columnDigest{sum: sha256.New()}
		for group := range f.NumRowGroups() {
			if err := of.add(f.RowGroup(group), column); err != nil {
				return "", fmt.Errorf("digest row group %d: %w", group, err)
			}
		}
		if of.any {
			fmt.Fprintf(all, "%s %x\n", f.MetaData().Schema.Column(column).Path(), of.sum.Sum(nil))
		}
	}
	return hex.EncodeToString(all.Sum(nil)), nil
}

// columnDigest digests one column, over all row groups.
type columnDigest struct {
	sum     hash.Hash
	any     bool // it has values
	scratch []byte
}

func (d *columnDigest) add(group *file.RowGroupReader, column int) error {
	reader, err := group.Column(column)
	if err != nil {
		return err
	}
	definitions, repetitions := make([]int16, readAtOnce), make([]int16, readAtOnce)
	texts, integers := make([]parquet.ByteArray, readAtOnce), make([]int64, readAtOnce)
	numbers, booleans := make([]float64, readAtOnce), make([]bool, readAtOnce)
	deepest := reader.Descriptor().MaxDefinitionLevel()
	for reader.HasNext() {
		var places int64
		var values int
		var value func(i int)
		switch from := reader.(type) {
		case *file.ByteArrayColumnChunkReader:
			places, values, err = from.ReadBatch(readAtOnce, texts, definitions, repetitions)
			value = func(i int) { d.number(uint64(len(texts[i]))); d.bytes(texts[i]) }
		case *file.Int64ColumnChunkReader:
			places, values, err = from.ReadBatch(readAtOnce, integers, definitions, repetitions)
			value = func(i int) { d.number(uint64(integers[i])) }
		case *file.Float64ColumnChunkReader:
			places, values, err = from.ReadBatch(readAtOnce, numbers, definitions, repetitions)
			value = func(i int) { d.number(math.Float64bits(numbers[i])) }
		case *file.BooleanColumnChunkReader:
			places, values, err = from.ReadBatch(readAtOnce, booleans, definitions, repetitions)
			value = func(i int) {
				if booleans[i] {
					d.number(1)
				} else {
					d.number(0)
				}
			}
		default:
			return fmt.Errorf("column %s has a type that chatlake does not write", reader.Descriptor().Path())
		}
		if err != nil {
			return fmt.Errorf("read column %s: %w", reader.Descriptor().Path(), err)
		}
		next := 0
		for i := range int(places) {
			definition, repetition := deepest, int16(0)
			if deepest > 0 {
				definition = definitions[i]
			}
			if reader.Descriptor().MaxRepetitionLevel() > 0 {
				repetition = repetitions[i]
			}
			d.any = d.any || definition > 0 || deepest == 0
			d.bytes([]byte{byte(definition), byte(repetition)})
			if definition == deepest {
				if next == values {
					return fmt.Errorf("column %s has fewer values than places for them", reader.Descriptor().Path())
				}
				value(next)
				next++
			}
		}
	}
	if err := reader.Err(); err != nil {
		return fmt.Errorf("read column %s: %w", reader.Descriptor().Path(), err)
	}
	return nil
}

func (d *columnDigest) number(n uint64) {
	d.scratch = binary.BigEndian.AppendUint64(d.scratch[:0], n)
	d.bytes(d.scratch)
}

func (d *columnDigest) bytes(b []byte) { d.sum.Write(b) } // a hash.Hash never fails

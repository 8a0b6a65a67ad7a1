package parquet

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"

	"github.com/chatlake/chatlake/schemas"
)

// Cell is a value of a column of text, bytes, integers or instants. Bytes are in Text, instants are in microseconds.
type Cell struct {
	Null    bool
	Text    string
	Integer int64
}

// Row is a row that a scan found, with the columns that were read.
type Row struct {
	Group int   // row group, from 0
	Index int64 // row within it, from 0
	Cells []Cell
}

// Query selects what to scan for.
type Query struct {
	// Columns are the columns to read: not nested, of text, bytes, integers or instants. A column that a later schema version added
	// than that of the file is null in all rows. The first column must be one of the first version.
	Columns []string
	// Value, if not nil, selects the rows whose first column has that text. Row groups that cannot contain it, according to their
	// statistics, are not read. Of row groups that turn out not to contain it, only the first column is read.
	Value *string
	// Groups are the row groups to read, counted from 0; nil means all.
	Groups []int
}

// readAtOnce is how many values of a column are read at a time.
const readAtOnce = 4 << 10

// Scan calls found for the matching rows of a file, in their order. It reads only the footer and the column chunks that it
// needs. A Row is valid only until found returns.
func Scan(r io.ReaderAt, size int64, q Query, found func(Row) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("scan file: panic: %v", p)
		}
	}()
	if err := useCodec(); err != nil {
		return fmt.Errorf("scan file: %w", err)
	}
	f, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return fmt.Errorf("scan file: %w", err)
	}
	columns, err := indexes(f.MetaData(), q.Columns)
	if err != nil {
		return fmt.Errorf("scan file: %w", err)
	}
	for group := range f.NumRowGroups() {
		if q.Groups != nil && !slices.Contains(q.Groups, group) {
			continue
		}
		if err := scanGroup(f.RowGroup(group), columns, q.Value, func(row Row) error {
			row.Group = group
			return found(row)
		}); err != nil {
			return fmt.Errorf("scan row group %d: %w", group, err)
		}
	}
	return nil
}

// indexes returns the leaf columns of names, which must not be nested.
func indexes(m *metadata.FileMetaData, names []string) ([]int, error) {
	var columns []int
	for _, name := range names {
		i := m.Schema.ColumnIndexByName(name)
		switch {
		case i >= 0 && m.Schema.Column(i).MaxRepetitionLevel() == 0:
			columns = append(columns, i)
		case i < 0 && len(columns) > 0 && isNewer(m, name):
			columns = append(columns, absent)
		default:
			return nil, fmt.Errorf("there is no column %s without nesting", name)
		}
	}
	return columns, nil
}

// absent is the index of a column that is newer than the file.
const absent = -1

// isNewer reports whether a later schema version than that of the file added a column to its table.
func isNewer(m *metadata.FileMetaData, column string) bool {
	table, version := m.KeyValueMetadata().FindValue(keyTable), m.KeyValueMetadata().FindValue(keySchemaVersion)
	if table == nil || version == nil {
		return false
	}
	of, err := strconv.Atoi(*version)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(schemas.Shapes(), func(s schemas.Shape) bool {
		return s.Table == *table && slices.ContainsFunc(s.Columns, func(c schemas.Node) bool { return c.Name == column && c.Since > of })
	})
}

func scanGroup(group *file.RowGroupReader, columns []int, value *string, found func(Row) error) error {
	if value != nil && !mayHold(group.MetaData(), columns[0], *value) {
		return nil
	}
	first, err := cells(group, columns[0])
	if err != nil {
		return err
	}
	chosen := func(c Cell) bool { return value == nil || !c.Null && c.Text == *value }
	if !slices.ContainsFunc(first, chosen) {
		return nil
	}
	read := [][]Cell{first}
	for _, column := range columns[1:] {
		if column == absent {
			read = append(read, slices.Repeat([]Cell{{Null: true}}, len(first)))
			continue
		}
		next, err := cells(group, column)
		if err != nil {
			return err
		}
		read = append(read, next)
	}
	row := Row{Cells: make([]Cell, len(read))}
	for i := range first {
		if !chosen(first[i]) {
			continue
		}
		row.Index = int64(i)
		for j := range read {
			row.Cells[j] = read[j][i]
		}
		if err := found(row); err != nil {
			return err
		}
	}
	return nil
}

// mayHold returns false only if the statistics show that a text column does not contain the value.
func mayHold(group *metadata.RowGroupMetaData, column int, value string) bool {
	chunk, err := group.ColumnChunk(column)
	if err != nil {
		return true
	}
	known, err := chunk.Statistics()
	texts, ok := known.(*metadata.ByteArrayStatistics)
	if err != nil || !ok || !texts.HasMinMax() {
		return true
	}
	return string(texts.Min()) <= value && value <= string(texts.Max())
}

// cells returns all values of a column of a row group, one per row.
func cells(group *file.RowGroupReader, column int) ([]Cell, error) {
	reader, err := group.Column(column)
	if err != nil {
		return nil, err
	}
	texts, integers := make([]parquet.ByteArray, readAtOnce), make([]int64, readAtOnce)
	levels := make([]int16, readAtOnce)
	optional := reader.Descriptor().MaxDefinitionLevel() > 0
	all := make([]Cell, 0, group.NumRows())
	for reader.HasNext() {
		var places int64
		var cell func(i int) Cell
		switch from := reader.(type) {
		case *file.ByteArrayColumnChunkReader:
			places, _, err = from.ReadBatch(readAtOnce, texts, levels, nil)
			cell = func(i int) Cell { return Cell{Text: string(texts[i])} }
		case *file.Int64ColumnChunkReader:
			places, _, err = from.ReadBatch(readAtOnce, integers, levels, nil)
			cell = func(i int) Cell { return Cell{Integer: integers[i]} }
		default:
			return nil, fmt.Errorf("column %s contains neither text nor integers", reader.Descriptor().Name())
		}
		if err != nil {
			return nil, fmt.Errorf("read column %s: %w", reader.Descriptor().Name(), err)
		}
		value := 0
		for i := range int(places) {
			if optional && levels[i] == 0 {
				all = append(all, Cell{Null: true})
				continue
			}
			all = append(all, cell(value))
			value++
		}
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("read column %s: %w", reader.Descriptor().Name(), err)
	}
	if int64(len(all)) != group.NumRows() {
		return nil, fmt.Errorf("column %s has %d values of %d rows", reader.Descriptor().Name(), len(all), group.NumRows())
	}
	return all, nil
}

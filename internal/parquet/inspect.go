package parquet

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
)

// Info is the information in a file's footer.
type Info struct {
	Table         string
	SchemaVersion int
	Writer        string // the build that wrote it
	Rows          int64
	RowGroups     int
}

const magic = "PAR1"

// Inspect opens one of our files and reads its footer. It returns an error for anything that is not a complete Parquet file
// with our metadata: the row groups must add up, and the columns must lie within the file.
func Inspect(r io.ReaderAt, size int64) (info Info, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("inspect file: panic: %v", p)
		}
	}()
	if err := useCodec(); err != nil {
		return Info{}, fmt.Errorf("inspect file: %w", err)
	}
	head := make([]byte, len(magic))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return Info{}, fmt.Errorf("inspect file: %w", err)
	}
	if string(head) != magic {
		return Info{}, errors.New("inspect file: it does not begin with PAR1, as a Parquet file does")
	}
	f, err := file.NewParquetReader(io.NewSectionReader(r, 0, size))
	if err != nil {
		return Info{}, fmt.Errorf("inspect file: %w", err)
	}
	if info, err = infoOf(f.MetaData(), size); err != nil {
		return Info{}, fmt.Errorf("inspect file: %w", err)
	}
	return info, nil
}

func infoOf(m *metadata.FileMetaData, size int64) (Info, error) {
	info := Info{Rows: m.GetNumRows(), RowGroups: len(m.GetRowGroups())}
	if err := check(m, size-int64(m.Size())); err != nil {
		return Info{}, err
	}
	for key, set := range map[string]func(string) error{
		keyTable:  func(s string) error { info.Table = s; return nil },
		keyWriter: func(s string) error { info.Writer = s; return nil },
		keySchemaVersion: func(s string) (err error) {
			info.SchemaVersion, err = strconv.Atoi(s)
			return err
		},
	} {
		value := m.KeyValueMetadata().FindValue(key)
		if value == nil {
			return Info{}, fmt.Errorf("metadata %s is missing", key)
		}
		if err := set(*value); err != nil {
			return Info{}, fmt.Errorf("metadata %s: %w", key, err)
		}
	}
	return info, nil
}

// check verifies that the footer is consistent with itself and with its own position.
func check(m *metadata.FileMetaData, footer int64) error {
	rows, end := int64(0), int64(len(magic))
	for i := range m.GetRowGroups() {
		group := m.RowGroup(i)
		rows += group.NumRows()
		for j := range group.NumColumns() {
			column, err := group.ColumnChunk(j)
			if err != nil {
				return fmt.Errorf("row group %d column %d: %w", i, j, err)
			}
			begin := column.DataPageOffset()
			if column.HasDictionaryPage() {
				begin = column.DictionaryPageOffset()
			}
			if begin < end || column.TotalCompressedSize() <= 0 || begin+column.TotalCompressedSize() > footer {
				return fmt.Errorf("row group %d column %d has an impossible position", i, j)
			}
			end = begin + column.TotalCompressedSize()
		}
	}
	if rows != m.GetNumRows() {
		return errors.New("the rows of the row groups do not add up")
	}
	return nil
}

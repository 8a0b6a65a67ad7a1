package parquet

import (
	"fmt"
	"io"
	"time"

	"github.com/apache/arrow/go/v17/parquet/file"

	"github.com/chatlake/chatlake/schemas"
)

// DefaultRowGroupBytes is how much is buffered, uncompressed, before a row group is written.
const DefaultRowGroupBytes = 16 << 20

// maxRowBytes keeps a page, which contains whole rows, below the format's limit of 2 GiB.
const maxRowBytes = 1 << 30

// The first and the last time that a commit record can express.
var (
	firstCreatedAt = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	lastCreatedAt  = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)
)

// Options are the settings for writing a file.
type Options struct {
	Writer        string            // the build that writes, for the file's metadata
	Partition     schemas.Partition // what all rows of the file share: the values of the partition columns
	RowGroupBytes int64             // buffered before a row group is written; 0 means DefaultRowGroupBytes
}

// Summary describes a finished file. MinCreatedAt and MaxCreatedAt are taken from the table's created-at column and are nil
// if no row has one; times outside the years 0 to 9999 count as the nearest time inside.
type Summary struct {
	Rows         int64
	RowGroups    int
	Bytes        int64
	MinCreatedAt *time.Time
	MaxCreatedAt *time.Time
}

// Writer writes rows of one table to one Parquet file. After an error, every further call returns that error.
type Writer[R any] struct {
	table         *schemas.Table[R]
	partition     schemas.Partition
	*buffers      // nil once the file has ended
	rowGroupBytes int64
	maxRowBytes   int64
	buffered      int64 // bytes in leaves
	waiting       int64 // rows in leaves
	out           *file.Writer
	sink          *sink
	summary       Summary
	closed        bool
	err           error
}

// NewWriter starts a file. The caller remains responsible for closing the sink.
func NewWriter[R any](to io.Writer, table *schemas.Table[R], o Options) (*Writer[R], error) {
	if o.RowGroupBytes == 0 {
		o.RowGroupBytes = DefaultRowGroupBytes
	}
	w := &Writer[R]{
		table: table, partition: o.Partition, buffers: buffersOf(table.Shape), rowGroupBytes: o.RowGroupBytes, maxRowBytes: maxRowBytes,
		sink: &sink{to: to},
	}
	err := w.guard("begin file", func() error {
		if err := useCodec(); err != nil {
			return err
		}
		root, err := rootOf(table.Shape)
		if err != nil {
			return err
		}
		kv, err := fileMetadata(table.Shape, o.Writer)
		if err != nil {
			return err
		}
		w.out = file.NewParquetWriter(w.sink, root, file.WithWriterProps(properties(root, w.leaves)), file.WithWriteMetadata(kv))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// guard runs f, which calls the library, and makes sure that no failure is lost, whether the library returns it, panics with
// it, or swallows it.
func (w *Writer[R]) guard(doing string, f func() error) (err error) {
	if w.err != nil {
		return w.err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if w.sink.err != nil {
			err = w.sink.err
		}
		if err != nil {
			w.err = fmt.Errorf("%s of table %s: %w", doing, w.table.Table, err)
			err = w.err
		}
	}()
	return f()
}

// Append adds a row. It keeps no reference to the row.
func (w *Writer[R]) Append(row *R) error {
	if w.err != nil {
		return w.err
	}
	w.table.Shred(row, w.leaves)
	w.waiting++
	before := w.buffered
	w.buffered = 0
	for i := range w.leaves {
		w.buffered += int64(w.leaves[i].Bytes())
	}
	if n := w.buffered - before; n > w.maxRowBytes {
		return w.guard("append row", func() error { return fmt.Errorf("a row has %d bytes, more than %d", n, w.maxRowBytes) })
	}
	if at, ok := w.table.Created(row); ok {
		w.summary.created(at.UTC())
	}
	if w.buffered >= w.rowGroupBytes {
		return w.Flush()
	}
	return nil
}

func (s *Summary) created(at time.Time) {
	if at.Before(firstCreatedAt) {
		at = firstCreatedAt
	} else if at.After(lastCreatedAt) {
		at = lastCreatedAt
	}
	if s.MinCreatedAt == nil || at.Before(*s.MinCreatedAt) {
		s.MinCreatedAt = &at
	}
	if s.MaxCreatedAt == nil || at.After(*s.MaxCreatedAt) {
		s.MaxCreatedAt = &at
	}
}

// Buffered returns how many bytes are waiting to be written as a row group.
func (w *Writer[R]) Buffered() int64 { return w.buffered }

// Written returns how many bytes the sink has accepted.
func (w *Writer[R]) Written() int64 { return w.sink.bytes }

// Flush ends the row group. It does nothing if no rows are waiting.
func (w *Writer[R]) Flush() error {
	if w.waiting == 0 {
		return w.err
	}
	err := w.guard("write row group", w.writeRowGroup)
	if err != nil {
		return err
	}
	w.summary.Rows += w.waiting
	w.summary.RowGroups++
	w.waiting, w.buffered = 0, 0
	for i := range w.leaves {
		w.leaves[i].Reset()
	}
	return nil
}

func (w *Writer[R]) writeRowGroup() error {
	group := w.out.AppendRowGroup()
	for i := range w.leaves {
		column, err := group.NextColumn()
		if err != nil {
			return err
		}
		if shared := w.leaves[i].Partition; shared != "" {
			err = w.column.repeat(column, w.partition.Value(shared), w.waiting)
		} else {
			err = w.column.write(column, &w.leaves[i])
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", column.Descr().Path(), err)
		}
	}
	if err := group.Close(); err != nil {
		return err
	}
	rows, err := group.NumRows()
	if err == nil && int64(rows) != w.waiting {
		err = fmt.Errorf("%d rows in the row group instead of %d", rows, w.waiting)
	}
	return err
}

// Close ends the file. The file is complete only if Close returns no error.
func (w *Writer[R]) Close() (Summary, error) {
	if w.closed {
		return w.summary, w.err
	}
	if err := w.Flush(); err != nil {
		return Summary{}, err
	}
	err := w.guard("end file", func() error {
		// The library's Close always returns nil, so the footer must be written before it.
		if err := w.out.FlushWithFooter(); err != nil {
			return err
		}
		return w.out.Close()
	})
	if err != nil {
		return Summary{}, err
	}
	giveBack(w.table.Shape, w.buffers)
	w.closed, w.buffers = true, nil
	w.summary.Bytes = w.sink.bytes
	return w.summary, nil
}

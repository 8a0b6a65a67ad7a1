package lake

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/schemas"
)

// tableWriter writes the rows of one table of a seal to one or more files. It opens a file when it gets the first row for it.
type tableWriter[R any] struct {
	seal     *Seal
	table    *schemas.Table[R]
	ofBodies bool
	rows     *parquet.Writer[R] // nil while no file is open
	temp     *os.File
	sum      hash.Hash     // of what was written to temp
	files    []ledger.File // finished ones
}

func newTable[R any](s *Seal, table *schemas.Table[R]) *tableWriter[R] {
	t := &tableWriter[R]{seal: s, table: table}
	s.tables = append(s.tables, t)
	return t
}

func (t *tableWriter[R]) add(row *R) error {
	if t.full() {
		if err := t.end(); err != nil {
			return err
		}
	}
	if t.rows == nil {
		if err := t.begin(); err != nil {
			return err
		}
	}
	return t.rows.Append(row)
}

// full reports whether one more row group, including page headers and footer, could make the file too large.
func (t *tableWriter[R]) full() bool {
	return t.rows != nil && t.rows.Buffered() == 0 && t.rows.Written()+2*t.rowGroupBytes() > t.seal.fileBytes
}

func (t *tableWriter[R]) rowGroupBytes() int64 {
	if t.ofBodies {
		return t.seal.rowGroupBytes / bodiesShare
	}
	return t.seal.rowGroupBytes
}

func (t *tableWriter[R]) begin() (err error) {
	if t.temp, err = os.CreateTemp(t.seal.scratch, "seal-"); err != nil {
		return fmt.Errorf("make scratch file: %w", err)
	}
	_ = os.Remove(t.temp.Name()) // if an open file cannot be removed, removeScratch does it
	t.sum = sha256.New()
	t.rows, err = parquet.NewWriter(io.MultiWriter(t.temp, t.sum), t.table, parquet.Options{
		Writer: t.seal.writer, Partition: t.seal.shard.Partition(), RowGroupBytes: t.rowGroupBytes(),
	})
	return err
}

func (t *tableWriter[R]) buffered() int64 {
	if t.rows == nil {
		return 0
	}
	return t.rows.Buffered()
}

func (t *tableWriter[R]) flush() error { return t.rows.Flush() }

// end finishes the open file and starts its upload. It waits while too many uploads are running.
func (t *tableWriter[R]) end() error {
	if t.rows == nil {
		return nil
	}
	if err := context.Cause(t.seal.ctx); err != nil {
		return err // an upload failed: do not continue for nothing
	}
	summary, err := t.rows.Close()
	if err != nil {
		return err
	}
	f := ledger.File{
		Table:        t.table.Table,
		Bytes:        summary.Bytes,
		SHA256:       fmt.Sprintf("%x", t.sum.Sum(nil)),
		Rows:         summary.Rows,
		RowGroups:    summary.RowGroups,
		MinCreatedAt: summary.MinCreatedAt,
		MaxCreatedAt: summary.MaxCreatedAt,
	}
	f.Key = ledger.FileKey(f.Table, t.seal.shard, len(t.files)+1, f.SHA256)
	t.files = append(t.files, f)
	temp := t.temp
	t.rows, t.temp = nil, nil
	t.seal.uploads.Go(func() error {
		defer removeScratch(temp)
		return t.seal.publish(temp, f)
	})
	return nil
}

func (t *tableWriter[R]) finished() []ledger.File { return t.files }

// abandon drops the open file.
func (t *tableWriter[R]) abandon() {
	if t.temp != nil {
		removeScratch(t.temp)
	}
	t.rows, t.temp = nil, nil
}

// removeScratch closes and deletes a scratch file. Its content is in the store or no longer needed, so errors do not matter.
func removeScratch(temp *os.File) {
	_ = temp.Close()
	_ = os.Remove(temp.Name())
}

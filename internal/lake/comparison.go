package lake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
)

// Comparison compares what a seal would write with a record. It writes nothing to the lake.
type Comparison struct {
	lake   *Lake
	record ledger.Record
	mu     sync.Mutex
	rows   map[string]string // digests of rows, by file key
}

// Compare starts a seal whose files are compared with those of a record and then dropped.
func (l *Lake) Compare(ctx context.Context, r ledger.Record) (*Seal, *Comparison, error) {
	c := &Comparison{lake: l, record: r, rows: map[string]string{}}
	s, err := l.seal(ctx, comparisonStore{Store: l.Store(), to: c}, r.Shard)
	return s, c, err
}

// Same reports whether the closed seal's files have the same rows as the record's files, ignoring the tables in but. It does not
// read files with equal bytes; for others it compares digests of the rows.
func (c *Comparison) Same(ctx context.Context, files []ledger.File, but ...string) (bool, error) {
	var before []ledger.File
	for _, f := range c.record.Files {
		if !slices.Contains(but, f.Table) {
			before = append(before, f)
		}
	}
	if len(before) != len(files) {
		return false, nil
	}
	for i, f := range files {
		old := before[i]
		if f.Key == old.Key && f.SHA256 == old.SHA256 {
			continue
		}
		if f.Table != old.Table || f.Rows != old.Rows {
			return false, nil
		}
		local, err := c.lake.fetch(ctx, old)
		if err != nil {
			return false, err
		}
		rows, err := parquet.Digest(local, old.Bytes)
		_ = local.Close()
		if err != nil {
			return false, fmt.Errorf("%s: %w: %w", old.Key, ErrDamaged, err)
		}
		if rows != c.rows[f.Key] {
			return false, nil
		}
	}
	return true, nil
}

// comparisonStore digests the rows of a seal's files instead of storing them.
type comparisonStore struct {
	ledger.Store
	to *Comparison
}

var errNotAFile = errors.New("body is not a file")

func (s comparisonStore) Put(_ context.Context, key string, body io.ReadSeeker, size int64, _ bool) error {
	file, ok := body.(io.ReaderAt)
	if !ok {
		return errNotAFile
	}
	rows, err := parquet.Digest(file, size)
	if err != nil {
		return err
	}
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	s.to.rows[key] = rows
	return nil
}

// Stat always reports that there is no such object, so that every file is put.
func (s comparisonStore) Stat(context.Context, string) (ledger.Object, error) {
	return ledger.Object{}, ledger.ErrNotExist
}

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

// Comparison is what a seal would write, held against a record. Nothing of it comes into the lake.
type Comparison struct {
	lake   *Lake
	record ledger.Record
	mu     sync.Mutex
	rows   map[string]string // digests of rows, by the key of the file
}

// Compare begins a seal whose files are compared with those of a record and are not kept.
func (l *Lake) Compare(ctx context.Context, r ledger.Record) (*Seal, *Comparison, error) {
	c := &Comparison{lake: l, record: r, rows: map[string]string{}}
	s, err := l.seal(ctx, comparisonStore{Store: l.Store(), to: c}, r.Shard)
	return s, c, err
}

// Same reports whether the rows of the files that the seal has closed with are those of the record, of all tables but the given
// ones. Files of the same bytes are not read; of others the rows are compared.
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

// comparisonStore takes the files of a seal, digests their rows and forgets them.
type comparisonStore struct {
	ledger.Store
	to *Comparison
}

var errNotAFile = errors.New("what is put is no file")

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

// Stat has nothing, so that every file is put.
func (s comparisonStore) Stat(context.Context, string) (ledger.Object, error) {
	return ledger.Object{}, ledger.ErrNotExist
}

package lake

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/internal/redact"
)

// The types of a scan.
type (
	Query = parquet.Query
	Row   = parquet.Row
	Cell  = parquet.Cell
)

// Scan reads columns of a file with range requests, fetching as little as the query needs. It returns a problem if the file is
// missing or damaged, and an error if the store fails.
func (l *Lake) Scan(ctx context.Context, f ledger.File, q Query, found func(Row)) (problem string, err error) {
	at := &objectReader{ctx: ctx, store: l.Store(), key: f.Key, size: f.Bytes}
	err = parquet.Scan(at, f.Bytes, q, func(row Row) error {
		found(row)
		return nil
	})
	switch {
	case errors.Is(at.err, ledger.ErrNotExist):
		return "the file is missing", nil
	case at.err != nil:
		if object, failed := l.Store().Stat(ctx, f.Key); failed == nil && object.Bytes < f.Bytes {
			return fmt.Sprintf("the file has %d bytes, expected %d", object.Bytes, f.Bytes), nil
		}
		return "", fmt.Errorf("read %s: %w", f.Key, at.err)
	case err != nil:
		return "the file is damaged: " + redact.Text(err.Error()), nil
	}
	return "", nil
}

// objectReader reads an object with range requests. It remembers the store's error, to tell it from a damaged file.
type objectReader struct {
	ctx   context.Context
	store ledger.Store
	key   string
	size  int64
	err   error
}

func (o *objectReader) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= o.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), o.size-offset)
	body, err := o.store.Get(o.ctx, o.key, offset, want)
	if err != nil {
		o.err = err
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p[:want])
	if err != nil {
		o.err = err
	} else if want < int64(len(p)) {
		err = io.EOF
	}
	return n, err
}

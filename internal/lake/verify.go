package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/internal/redact"
)

// filesAtOnce is how many files are checked concurrently.
const filesAtOnce = 4

// VerifyRecord opens every file of a record and compares its size, table and row count. If deep is true, it also reads the whole
// file and compares the digest.
func (l *Lake) VerifyRecord(ctx context.Context, r ledger.Record, deep bool) ([]ledger.Finding, error) {
	problems := make([]string, len(r.Files))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(filesAtOnce)
	for i, f := range r.Files {
		group.Go(func() (err error) {
			if problems[i], err = l.verifyFile(ctx, f, deep); err != nil {
				err = fmt.Errorf("verify %s: %w", f.Key, err)
			}
			return err
		})
	}
	err := group.Wait()
	var findings []ledger.Finding
	for i, problem := range problems {
		if problem != "" {
			findings = append(findings, ledger.Finding{Key: r.Files[i].Key, Problem: problem})
		}
	}
	return findings, err
}

func (l *Lake) verifyFile(ctx context.Context, f ledger.File, deep bool) (string, error) {
	object, err := l.Store().Stat(ctx, f.Key)
	if errors.Is(err, ledger.ErrNotExist) {
		return "the file is missing", nil
	}
	if err != nil {
		return "", err
	}
	if object.Bytes != f.Bytes {
		return fmt.Sprintf("the file has %d bytes, expected %d", object.Bytes, f.Bytes), nil
	}
	at := &objectReader{ctx: ctx, store: l.Store(), key: f.Key, size: f.Bytes}
	info, err := parquet.Inspect(at, f.Bytes)
	if at.err != nil {
		return "", at.err
	}
	switch {
	case err != nil:
		return "the file is damaged: " + redact.Text(err.Error()), nil
	case info.Rows != f.Rows:
		return fmt.Sprintf("the file has %d rows, expected %d", info.Rows, f.Rows), nil
	case info.Table != f.Table:
		return fmt.Sprintf("the file belongs to table %s, expected %s", info.Table, f.Table), nil
	case !deep:
		return "", nil
	}
	sum, err := l.digest(ctx, f.Key)
	if err == nil && sum != f.SHA256 {
		return "the file's digest does not match the record", nil
	}
	return "", err
}

func (l *Lake) digest(ctx context.Context, key string) (string, error) {
	body, err := l.Store().Get(ctx, key, 0, -1)
	if err != nil {
		return "", err
	}
	defer body.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, contextReader{ctx, body}); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

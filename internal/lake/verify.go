package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/chatlake/chatlake/internal/parquet"
)

// Finding is one thing in the lake that is not as the ledger says.
type Finding struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

// VerifyRecord opens every file that a record names and compares size, table and row count; deep reads all of it and
// compares the digest too.
func (l *Lake) VerifyRecord(ctx context.Context, r Record, deep bool) ([]Finding, error) {
	var findings []Finding
	for _, f := range r.Files {
		problem, err := l.verifyFile(ctx, f, deep)
		if err != nil {
			return findings, fmt.Errorf("verify %s: %w", f.Key, err)
		}
		if problem != "" {
			findings = append(findings, Finding{Key: f.Key, Problem: problem})
		}
	}
	return findings, nil
}

func (l *Lake) verifyFile(ctx context.Context, f File, deep bool) (string, error) {
	object, err := l.store.Stat(ctx, f.Key)
	if errors.Is(err, ErrNotExist) {
		return "the file is missing", nil
	}
	if err != nil {
		return "", err
	}
	if object.Bytes != f.Bytes {
		return fmt.Sprintf("the file has %d bytes, %d were written", object.Bytes, f.Bytes), nil
	}
	at := &objectReader{ctx: ctx, store: l.store, key: f.Key, size: f.Bytes}
	info, err := parquet.Inspect(at, f.Bytes)
	if at.err != nil {
		return "", at.err
	}
	switch {
	case err != nil:
		return "the file is damaged: " + err.Error(), nil
	case info.Rows != f.Rows:
		return fmt.Sprintf("the file has %d rows, %d were written", info.Rows, f.Rows), nil
	case info.Table != f.Table:
		return fmt.Sprintf("the file is of table %s, expected %s", info.Table, f.Table), nil
	case !deep:
		return "", nil
	}
	sum, err := l.digest(ctx, f.Key)
	if err == nil && sum != f.SHA256 {
		return "the file's digest is not the one that was written", nil
	}
	return "", err
}

func (l *Lake) digest(ctx context.Context, key string) (string, error) {
	body, err := l.store.Get(ctx, key, 0, -1)
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

// objectReader reads an object in ranges. It remembers an error of the store, which a damaged file is not.
type objectReader struct {
	ctx   context.Context
	store Store
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

// Orphans yields the data files that no generation of the ledger names: what attempts left that did not commit. They
// harm nobody; a file of an attempt that is under way is among them.
func (l *Lake) Orphans(ctx context.Context, f Filter) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		named, err := l.named(ctx, f)
		if err != nil {
			yield(Object{}, err)
			return
		}
		for object, err := range l.store.List(ctx, dataRoot) {
			if err != nil {
				yield(Object{}, fmt.Errorf("list data files: %w", err))
				return
			}
			if !named[object.Key] && f.matchesKey(object.Key) && !yield(object, nil) {
				return
			}
		}
	}
}

// named is every file that any generation names.
func (l *Lake) named(ctx context.Context, f Filter) (map[string]bool, error) {
	var keys []string
	for object, err := range l.store.List(ctx, ledgerPrefix(f)) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		keys = append(keys, object.Key)
	}
	records, err := l.records(ctx, keys)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, record := range records {
		for _, file := range record.Files {
			named[file.Key] = true
		}
	}
	return named, nil
}

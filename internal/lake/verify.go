package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/parquet"
	"github.com/chatlake/chatlake/internal/redact"
)

// filesAtOnce is how many files are looked at at the same time.
const filesAtOnce = 4

// Finding is one thing in the lake that is not as the ledger says.
type Finding struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

// VerifyRecord opens every file that a record names and compares size, table and row count; deep reads all of it and
// compares the digest too.
func (l *Lake) VerifyRecord(ctx context.Context, r Record, deep bool) ([]Finding, error) {
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
	var findings []Finding
	for i, problem := range problems {
		if problem != "" {
			findings = append(findings, Finding{Key: r.Files[i].Key, Problem: problem})
		}
	}
	return findings, err
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
		return "the file is damaged: " + redact.Text(err.Error()), nil
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
		entries, err := l.Ledger(ctx, f)
		if err != nil {
			yield(Object{}, err)
			return
		}
		for object, err := range l.Unnamed(ctx, f, entries) {
			if !yield(object, err) {
				return
			}
		}
	}
}

// Unnamed is Orphans for a ledger that was read already, with the same filter. As long as a record cannot be read nobody
// knows which files it names, and that is an error. So is a record that names a file and that the entries lack though it is older:
// the list of the ledger was not complete then.
func (l *Lake) Unnamed(ctx context.Context, f Filter, entries []Entry) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		named, known := map[string]bool{}, map[Shard]bool{}
		for _, entry := range entries {
			if entry.Record == nil {
				yield(Object{}, fmt.Errorf("look for files without a record: %s: %s", entry.Key, entry.Problem))
				return
			}
			known[entry.Shard] = true
			for _, file := range entry.Record.Files {
				named[file.Key] = true
			}
		}
		var unlisted []string
		for object, err := range l.store.List(ctx, dataRoot) {
			if err != nil {
				yield(Object{}, fmt.Errorf("list data files: %w", err))
				return
			}
			if named[object.Key] || !f.matchesKey(object.Key) {
				continue
			}
			if shard, ok := shardOfFile(object.Key); ok && !known[shard] {
				known[shard] = true
				records, err := l.generations(ctx, shard, 1)
				if err != nil {
					yield(Object{}, fmt.Errorf("look for files without a record: %w", err))
					return
				}
				for _, r := range records {
					unlisted = append(unlisted, ledgerKey(shard, r.Generation))
					for _, file := range r.Files {
						named[file.Key] = true
					}
				}
			}
			if !named[object.Key] && !yield(object, nil) {
				return
			}
		}
		if err := l.mustList(ctx, ledgerPrefix(f), unlisted); err != nil {
			yield(Object{}, fmt.Errorf("look for files without a record: %w", err))
		}
	}
}

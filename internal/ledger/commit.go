package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// formatVersion is the version of the layout of commit records.
const formatVersion = 1

// requestsAtOnce is how many small requests a call makes concurrently.
const requestsAtOnce = 16

// digest identifies the content of a record: everything except its generation, who committed it and when.
func (r Record) digest() (string, error) {
	r.Generation, r.Supersedes, r.Digest, r.WorkflowID, r.RunID, r.CommittedAt = 0, 0, "", "", "", time.Time{}
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Outcome is how a commit ended.
type Outcome string

const (
	Committed Outcome = "committed" // the record is in the ledger, from this call or from an earlier one with the same content
	Adopted   Outcome = "adopted"   // another record with the same spec is in the ledger
)

// ErrSuperseded means that the record to rewrite is no longer the newest.
var ErrSuperseded = errors.New("another generation was committed in the meantime")

// Commit writes a record to the ledger, once, and returns the record that counts. If several commits with the same spec race, one
// wins and the others adopt its record; a record with another spec becomes the next generation. A record that rewrites another
// takes the next generation after that one, or Commit returns ErrSuperseded. Commit refuses a record whose files are not in the
// lake.
func (l *Ledger) Commit(ctx context.Context, r Record) (Outcome, Record, error) {
	r, err := l.prepare(ctx, r)
	if err != nil {
		return "", Record{}, fmt.Errorf("commit %s: %w", r.Shard, err)
	}
	for {
		outcome, existing, err := l.commit(ctx, r)
		if err != nil {
			return "", Record{}, fmt.Errorf("commit %s: %w", r.Shard, err)
		}
		if outcome != "" {
			return outcome, existing, nil
		}
		r.Generation++
	}
}

// CommitNext is Commit for a record that must follow exactly the generation before its own, or be the first. It returns ErrSuperseded
// if the ledger has another record in its place, whatever that one's spec is.
func (l *Ledger) CommitNext(ctx context.Context, r Record) (Outcome, Record, error) {
	r, err := l.prepare(ctx, r)
	if err != nil {
		return "", Record{}, fmt.Errorf("commit %s: %w", r.Shard, err)
	}
	outcome, existing, err := l.commit(ctx, r)
	if err == nil && outcome != Committed {
		err = ErrSuperseded
	}
	if err != nil {
		return "", Record{}, fmt.Errorf("commit %s: %w", r.Shard, err)
	}
	return outcome, existing, nil
}

// prepare checks that the record's files are there, and returns it with what every commit adds.
func (l *Ledger) prepare(ctx context.Context, r Record) (Record, error) {
	if err := l.checkFiles(ctx, r.Files); err != nil {
		return r, err
	}
	r.FormatVersion = formatVersion
	r.CommittedAt = l.now().UTC().Truncate(time.Millisecond)
	r.Generation = max(1, r.Generation)
	return r, nil
}

// checkFiles checks that the store has every file of a record.
func (l *Ledger) checkFiles(ctx context.Context, files []File) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for _, f := range files {
		group.Go(func() error {
			object, err := l.store.Stat(ctx, f.Key)
			switch {
			case errors.Is(err, ErrNotExist):
				return fmt.Errorf("%s is missing: %w", f.Key, ErrFilesLost)
			case err == nil && object.Bytes != f.Bytes:
				return fmt.Errorf("%s has %d bytes, expected %d: %w", f.Key, object.Bytes, f.Bytes, ErrFilesLost)
			}
			return err
		})
	}
	return group.Wait()
}

// commit tries one generation. It returns no outcome if a record with another spec already has that generation.
func (l *Ledger) commit(ctx context.Context, r Record) (Outcome, Record, error) {
	r.Supersedes = r.Generation - 1
	var err error
	if r.Digest, err = r.digest(); err != nil {
		return "", Record{}, err
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", Record{}, err
	}
	key := ledgerKey(r.Shard, r.Generation)
	err = l.store.Put(ctx, key, bytes.NewReader(append(b, '\n')), int64(len(b))+1, true)
	if err == nil {
		return Committed, r, nil
	}
	existing, readErr := l.record(ctx, key)
	switch {
	case readErr != nil && errors.Is(err, ErrExists):
		return "", Record{}, readErr
	case readErr != nil:
		return "", Record{}, err // the write may have succeeded all the same; the next attempt finds out
	}
	switch {
	case existing.Digest == r.Digest:
		return Committed, *existing, nil
	case r.Rewrites != "":
		return "", Record{}, ErrSuperseded
	case existing.SpecDigest == r.SpecDigest:
		return Adopted, *existing, nil
	default:
		return "", Record{}, nil
	}
}

// PutManifest writes the manifest of an export and returns its key. It writes nothing if the export already has a manifest with the
// same content; otherwise it takes the next free number.
func (l *Ledger) PutManifest(ctx context.Context, account, export string, v any) (string, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return "", fmt.Errorf("write manifest: %w", err)
	}
	b = append(b, '\n')
	for number := 1; ; number++ {
		key := manifestKey(account, export, number)
		err := l.store.Put(ctx, key, bytes.NewReader(b), int64(len(b)), true)
		if err == nil {
			return key, nil
		}
		if !errors.Is(err, ErrExists) {
			return "", fmt.Errorf("write manifest: %w", err)
		}
		existing, err := l.read(ctx, key)
		if err != nil {
			return "", fmt.Errorf("write manifest: %w", err)
		}
		if bytes.Equal(existing, b) {
			return key, nil
		}
	}
}

package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/schemas"
)

// formatVersion numbers the layout of commit records.
const formatVersion = 1

// requestsAtOnce is how many small requests a call makes at the same time.
const requestsAtOnce = 16

// maxRecordBytes bounds a commit record: about 100,000 files.
const maxRecordBytes = 64 << 20

// Filter chooses shards. What is zero is not asked for.
type Filter struct {
	Provider, Account string
	Stream            schemas.Stream
	From, To          time.Time // windows that have time in common with [From, To)
}

// Latest is the record of the highest generation of a shard, nil when there is none.
func (l *Ledger) Latest(ctx context.Context, shard Shard) (*Record, error) {
	highest := map[Shard]int{shard: 0}
	for object, err := range l.store.List(ctx, ledgerFolder(shard)) {
		if err != nil {
			return nil, fmt.Errorf("read ledger of %s: %w", shard, err)
		}
		_, generation, err := parseLedgerKey(object.Key)
		if err != nil {
			return nil, err
		}
		highest[shard] = max(highest[shard], generation)
	}
	records, err := l.newest(ctx, ledgerFolder(shard), highest)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	return &records[0], nil
}

// Parts are the windows within that of a shard, and shorter, that the ledger has of the same account and stream.
func (l *Ledger) Parts(ctx context.Context, shard Shard) ([]schemas.Window, error) {
	whole := shard.Window
	prefix := ledgerPrefix(Filter{Provider: shard.Provider, Account: shard.Account, Stream: shard.Stream}) + whole.Prefix()
	var parts []schemas.Window
	for object, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("read ledger of %s: %w", shard, err)
		}
		found, _, err := parseLedgerKey(object.Key)
		if err != nil {
			return nil, err
		}
		w := found.Window
		within := !w.From.Before(whole.From) && !w.To.After(whole.To) && w.To.Sub(w.From) < whole.To.Sub(whole.From)
		if within && !slices.Contains(parts, w) { // generations of a window stand side by side
			parts = append(parts, w)
		}
	}
	return parts, nil
}

// Current is the reader rule: of every shard the record of its highest generation. Its files, and no others, are the lake.
// Records come in the order of provider, account, stream and window.
func (l *Ledger) Current(ctx context.Context, f Filter) ([]Record, error) {
	highest := map[Shard]int{}
	for object, err := range l.store.List(ctx, ledgerPrefix(f)) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		shard, generation, err := parseLedgerKey(object.Key)
		if err != nil {
			return nil, err
		}
		if f.matches(shard) {
			highest[shard] = max(highest[shard], generation)
		}
	}
	return l.newest(ctx, ledgerPrefix(f), highest)
}

func (f Filter) matches(s Shard) bool {
	return (f.Provider == "" || f.Provider == s.Provider) && (f.Account == "" || f.Account == s.Account) &&
		(f.Stream == "" || f.Stream == s.Stream) && overlaps(s.Window, f.From, f.To)
}

// record reads one commit record.
func (l *Ledger) record(ctx context.Context, key string) (*Record, error) {
	body, err := l.store.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, fmt.Errorf("read commit record: %w", err)
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxRecordBytes))
	if err != nil {
		return nil, fmt.Errorf("read commit record %s: %w", key, err)
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, &damagedError{fmt.Sprintf("commit record %s is damaged: %s", key, redact.Text(err.Error()))}
	}
	if r.FormatVersion != formatVersion {
		return nil, &damagedError{fmt.Sprintf("commit record %s has format version %d, this build reads version %d: use a newer build",
			key, r.FormatVersion, formatVersion)}
	}
	if r.Generation < 1 || ledgerKey(r.Shard, r.Generation) != key {
		return nil, &damagedError{fmt.Sprintf("commit record %s is damaged: it says that it is generation %d of %s", key, r.Generation, r.Shard)}
	}
	return &r, nil
}

// digest is the identity of what a record says: all but its generation, who committed it and when.
func (r Record) digest() (string, error) {
	r.Generation, r.Supersedes, r.Digest, r.WorkflowID, r.RunID, r.CommittedAt = 0, 0, "", "", "", time.Time{}
	b, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// Outcome says how a commit ended.
type Outcome string

const (
	Committed Outcome = "committed" // the record stands, put there by this call or an earlier one with the same content
	Adopted   Outcome = "adopted"   // another record, made to the same spec, stands
)

// Commit puts a record into the ledger, once. It returns the record that stands. Of racing commits to the same spec one
// wins and the others adopt it; a record made to another spec becomes the next generation. A record whose files are not
// in the lake is refused.
func (l *Ledger) Commit(ctx context.Context, r Record) (Outcome, Record, error) {
	if err := l.checkFiles(ctx, r.Files); err != nil {
		return "", Record{}, fmt.Errorf("commit %s: %w", r.Shard, err)
	}
	r.FormatVersion = formatVersion
	r.CommittedAt = l.now().UTC().Truncate(time.Millisecond)
	r.Generation = max(1, r.Generation)
	for {
		outcome, standing, err := l.commit(ctx, r)
		if err != nil {
			return "", Record{}, fmt.Errorf("commit %s: %w", r.Shard, err)
		}
		if outcome != "" {
			return outcome, standing, nil
		}
		r.Generation++
	}
}

// checkFiles asks the store for every file of a record that is to be committed.
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

// commit tries one generation; no outcome means that another spec has taken it.
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
	standing, readErr := l.record(ctx, key)
	switch {
	case readErr != nil && errors.Is(err, ErrExists):
		return "", Record{}, readErr
	case readErr != nil:
		return "", Record{}, err // whether it will stand is not known; the next attempt finds out
	}
	switch {
	case standing.Digest == r.Digest:
		return Committed, *standing, nil
	case standing.SpecDigest == r.SpecDigest:
		return Adopted, *standing, nil
	default:
		return "", Record{}, nil
	}
}

// PutManifest writes the roll-up of an export, once: the same content again is left alone, other content gets the next
// number. It returns the key.
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
		standing, err := l.read(ctx, key)
		if err != nil {
			return "", fmt.Errorf("write manifest: %w", err)
		}
		if bytes.Equal(standing, b) {
			return key, nil
		}
	}
}

func (l *Ledger) read(ctx context.Context, key string) ([]byte, error) {
	body, err := l.store.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxRecordBytes))
}

package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/schemas"
)

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

// Shards are those that a filter asks for and that have a record, in the order of provider, account, stream and window. No record is
// read.
func (l *Ledger) Shards(ctx context.Context, f Filter) ([]Shard, error) {
	var shards []Shard
	for object, err := range l.store.List(ctx, ledgerPrefix(f)) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		shard, _, err := parseLedgerKey(object.Key)
		if err != nil {
			return nil, err
		}
		if f.matches(shard) && (len(shards) == 0 || shards[len(shards)-1] != shard) {
			shards = append(shards, shard)
		}
	}
	return shards, nil
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

func (l *Ledger) read(ctx context.Context, key string) ([]byte, error) {
	body, err := l.store.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxRecordBytes))
}

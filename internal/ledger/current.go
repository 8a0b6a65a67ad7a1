package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/schemas"
)

// maxRecordBytes limits the size of a commit record: about 100,000 files.
const maxRecordBytes = 64 << 20

// Filter selects shards. Zero fields match everything.
type Filter struct {
	Provider, Account string
	Stream            schemas.Stream
	Window            schemas.Window // shards whose windows overlap it; zero bounds are open
}

// Latest returns the newest record of a shard, or nil if there is none.
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
	records, err := l.newest(ctx, ledgerFolder(shard), highest, nil)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	return &records[0], nil
}

// Shards returns the shards that match a filter and have a record, sorted by provider, account, stream and window. It reads no
// record.
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

// Generation is a shard and the number of one of its generations.
type Generation struct {
	Shard  Shard
	Number int
}

// Newest returns the highest generation that is listed of each shard, sorted as by Shards. It reads no record, so a generation that
// was committed while it lists may be missing.
func (l *Ledger) Newest(ctx context.Context, f Filter) ([]Generation, error) {
	var newest []Generation
	for object, err := range l.store.List(ctx, ledgerPrefix(f)) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		shard, generation, err := parseLedgerKey(object.Key)
		if err != nil {
			return nil, err
		}
		last := len(newest) - 1
		switch {
		case !f.matches(shard):
		case last >= 0 && newest[last].Shard == shard:
			newest[last].Number = max(newest[last].Number, generation)
		default:
			newest = append(newest, Generation{shard, generation})
		}
	}
	return newest, nil
}

// Record returns the record of a generation, or nil if there is none.
func (l *Ledger) Record(ctx context.Context, g Generation) (*Record, error) {
	return l.generation(ctx, g.Shard, g.Number)
}

// Parts returns the shorter windows inside a shard's window that the ledger has for the same account and stream.
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
		if within && !slices.Contains(parts, w) { // a window is listed once per generation
			parts = append(parts, w)
		}
	}
	return parts, nil
}

// Current is the reader rule: it returns the newest record of each shard. The files of these records, and no others, are the
// content of the lake. Records are sorted by provider, account, stream and window. Those of absorbed shards may come from a checkpoint.
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
	var listed []Generation
	for shard, generation := range highest {
		listed = append(listed, Generation{shard, generation})
	}
	return l.newest(ctx, ledgerPrefix(f), highest, l.Absorbed(ctx, f, listed))
}

// Overlaps reports whether w overlaps the filter's window.
func (f Filter) Overlaps(w schemas.Window) bool {
	return (f.Window.From.IsZero() || w.To.After(f.Window.From)) && (f.Window.To.IsZero() || w.From.Before(f.Window.To))
}

func (f Filter) matches(s Shard) bool {
	return (f.Provider == "" || f.Provider == s.Provider) && (f.Account == "" || f.Account == s.Account) &&
		(f.Stream == "" || f.Stream == s.Stream) && f.Overlaps(s.Window)
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
		return nil, &damagedError{fmt.Sprintf("commit record %s is damaged: its content is generation %d of %s", key, r.Generation, r.Shard)}
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

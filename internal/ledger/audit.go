package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"
)

// Entry is one object of the ledger: a record, or the reason why it cannot be read.
type Entry struct {
	Key        string
	Shard      Shard // from the key; zero if the key is not a record's
	Generation int
	Record     *Record
	Problem    string // empty when Record is set
}

// Finding is one difference between the lake and its ledger.
type Finding struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

// Entries reads all records that match a filter, superseded generations included, sorted by key. A record that is damaged or that
// may not be read becomes an Entry with a Problem and does not stop the others.
func (l *Ledger) Entries(ctx context.Context, f Filter) ([]Entry, error) {
	var entries []Entry
	for object, err := range l.store.List(ctx, ledgerPrefix(f)) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		e := Entry{Key: object.Key}
		if e.Shard, e.Generation, err = parseLedgerKey(object.Key); err != nil {
			e = Entry{Key: object.Key, Problem: "this is not the key of a commit record; something else put it there"}
		} else if !f.matches(e.Shard) {
			continue
		}
		entries = append(entries, e)
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for i := range entries {
		if e := &entries[i]; e.Problem == "" {
			group.Go(func() error {
				err := l.readEntry(groupCtx, e)
				if err == nil && e.Record == nil && e.Problem == "" {
					e.Problem = "the record is listed but cannot be read: there is no such object"
				}
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	unlisted, err := l.unlistedRecords(ctx, entries)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, e := range unlisted {
		keys = append(keys, e.Key)
	}
	entries = append(entries, unlisted...)
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Key, b.Key) })
	return entries, l.mustList(ctx, ledgerPrefix(f), keys)
}

// Missing returns the generations that are absent from the ledger although later ones are present. Generations are written in
// order, so these were deleted.
func Missing(entries []Entry) []Entry {
	var missing []Entry
	var last Entry
	for _, e := range entries {
		if e.Generation == 0 {
			continue // not a record
		}
		expected := 1
		if e.Shard == last.Shard {
			expected = last.Generation + 1
		}
		for ; expected < e.Generation; expected++ {
			missing = append(missing, Entry{Key: ledgerKey(e.Shard, expected), Shard: e.Shard, Generation: expected})
		}
		last = e
	}
	return missing
}

// readEntry fills an entry with its record, or with the reason why it cannot be read. It leaves the entry as it is if there is no
// record.
func (l *Ledger) readEntry(ctx context.Context, e *Entry) error {
	r, err := l.generation(ctx, e.Shard, e.Generation)
	if err != nil && isOfOneObject(err) {
		e.Problem = err.Error()
		return nil
	}
	e.Record = r
	return err
}

// isOfOneObject reports whether an error concerns one object only, so that others can still be read.
func isOfOneObject(err error) bool {
	var damaged *damagedError
	status := answerOf(err).status
	return errors.As(err, &damaged) || errors.Is(err, ErrNotExist) || errors.Is(err, fs.ErrPermission) || status >= 400 && status < 500
}

// damagedError is about the content of a record, not about reading it.
type damagedError struct{ text string }

func (e *damagedError) Error() string { return e.text }

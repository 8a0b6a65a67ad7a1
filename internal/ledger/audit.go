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

// Entry is one object of the ledger: a record, or what keeps it from being read.
type Entry struct {
	Key        string
	Shard      Shard // as the key says; zero where the key is not that of a record
	Generation int
	Record     *Record
	Problem    string // empty when Record is set
}

// Finding is one thing in the lake that is not as the ledger says.
type Finding struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

// Ledger reads all records that a filter asks for, those too whose place a later generation has taken, in the order of
// their keys. One that is damaged or may not be read is told of, and keeps nobody from the others.
func (l *Ledger) Entries(ctx context.Context, f Filter) ([]Entry, error) {
	var entries []Entry
	for object, err := range l.store.List(ctx, ledgerPrefix(f)) {
		if err != nil {
			return nil, fmt.Errorf("read ledger: %w", err)
		}
		e := Entry{Key: object.Key}
		if e.Shard, e.Generation, err = parseLedgerKey(object.Key); err != nil {
			e = Entry{Key: object.Key, Problem: "this is not the name of a commit record; somebody else put it there"}
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
					e.Problem = "the record is listed and cannot be read: there is no such object"
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

// Missing are the generations that a ledger lacks though later ones are there. Somebody has deleted them: records are written in
// the order of their numbers.
func Missing(entries []Entry) []Entry {
	var missing []Entry
	var last Entry
	for _, e := range entries {
		if e.Generation == 0 {
			continue // not the name of a record
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

// readEntry fills an entry with its record, or with what keeps it from being read. It leaves it as it is when there is none.
func (l *Ledger) readEntry(ctx context.Context, e *Entry) error {
	r, err := l.generation(ctx, e.Shard, e.Generation)
	if err != nil && isOfOne(err) {
		e.Problem = err.Error()
		return nil
	}
	e.Record = r
	return err
}

// isOfOne says whether an error is about one object, and the next may be read all the same.
func isOfOne(err error) bool {
	var damaged *damagedError
	status := answerOf(err).status
	return errors.As(err, &damaged) || errors.Is(err, ErrNotExist) || errors.Is(err, fs.ErrPermission) || status >= 400 && status < 500
}

// damagedError is about what was read, not about reading.
type damagedError struct{ text string }

func (e *damagedError) Error() string { return e.text }

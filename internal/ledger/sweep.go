package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ReuseWithin is the age up to which a seal may reuse an existing data file. It must write older files again, so a file that is
// old enough to be swept belongs to no running seal.
const ReuseWithin = 24 * time.Hour

// Minimum ages before objects are swept.
const (
	stagedKept   = 24 * time.Hour
	unnamedKept  = 7 * 24 * time.Hour
	openKept     = 90 * 24 * time.Hour // longer than a blocked shard should wait for a person
	deleteWithin = time.Minute
)

// Swept is what a sweep removed, or would remove, and what it kept.
type Swept struct {
	Staged int   `json:"staged"` // staged objects of committed or superseded generations, or abandoned long ago
	Files  int   `json:"files"`  // data files that no record names
	Bytes  int64 `json:"bytes"`
	// Young are objects and files that are kept only because of their age. Open are staged objects of shards that are not
	// committed and may be in progress.
	Young int `json:"young"`
	Open  int `json:"open"`
	// Foreign are objects below data/ whose keys are not data files' keys. They are never removed.
	Foreign int `json:"foreign"`
}

// Sweep removes objects that are no longer needed: staged objects of committed shards after a day, and of other shards after
// three months, except what chatlake has yet to write down of its own doings; data files that no record names after a week, unless something is staged for their shard. If remove is false,
// Sweep only counts them. The counts are valid even if Sweep returns an error.
//
// A list is never enough to delete a file. Before deleting the first file of a shard, Sweep reads the shard's records by their
// keys and lists its staged objects again. Before each deletion it asks the store for the object's age again. If a record is
// missing or cannot be read, the files that it names are unknown, so Sweep stops before it removes anything.
func (l *Ledger) Sweep(ctx context.Context, account string, remove bool) (Swept, error) {
	s := sweep{ledger: l, remove: remove, named: map[string]bool{}, open: map[string]bool{}, committed: map[string]int{}}
	// The order matters: a shard has staged objects before it has files, and files before it has a record.
	for object, err := range l.store.List(ctx, dataRoot) {
		if err != nil {
			return s.Swept, fmt.Errorf("list data files: %w", err)
		}
		if (Filter{Account: account}).matchesKey(object.Key) {
			s.files = append(s.files, object)
		}
	}
	for left, err := range l.Leftovers(ctx, account) {
		if err != nil {
			return s.Swept, err
		}
		s.staged = append(s.staged, left)
		s.open[left.shard()] = true
	}
	entries, err := l.Entries(ctx, Filter{Account: account})
	if err != nil {
		return s.Swept, err
	}
	if err := s.read(entries); err != nil {
		return s.Swept, fmt.Errorf("sweep: %w", err)
	}
	if err := s.clearStaged(ctx); err != nil {
		return s.Swept, err
	}
	return s.Swept, s.clearFiles(ctx)
}

// sweep is the state of a running sweep.
type sweep struct {
	Swept
	ledger    *Ledger
	remove    bool
	files     []Object
	staged    []Leftover
	named     map[string]bool // files that a record names
	open      map[string]bool // shards with staged objects
	committed map[string]int  // the highest generation of each shard
}

// read collects the files that the ledger names. Every generation of every shard must be readable.
func (s *sweep) read(entries []Entry) error {
	for _, entry := range entries {
		if entry.Record == nil {
			return fmt.Errorf("%s: %s; the files that it names are unknown", entry.Key, entry.Problem)
		}
		shard := entry.Shard.String()
		s.committed[shard] = max(s.committed[shard], entry.Generation)
		for _, f := range entry.Record.Files {
			s.named[f.Key] = true
		}
	}
	if missing := Missing(entries); len(missing) > 0 {
		return fmt.Errorf("the record %s is missing from the ledger although a later one exists; the files that it named are unknown, "+
			"so nothing is removed: restore it, or find out what deletes objects below %s", ledgerKey(missing[0].Shard, missing[0].Generation), ledgerRoot)
	}
	return nil
}

func (s *sweep) clearStaged(ctx context.Context) error {
	for _, left := range s.staged {
		kept := stagedKept
		open := left.Generation == 0 || left.Generation > s.committed[left.shard()]
		if open && left.Stream.IsOwn() {
			s.Open++ // nobody can fetch again what chatlake did
			continue
		}
		if open {
			kept = openKept
		}
		old, err := s.olderThan(ctx, left.Object, kept)
		switch {
		case err != nil:
			return err
		case !old && open:
			s.Open++
		case !old:
			s.Young++
		default:
			if err := s.delete(ctx, left.Object); err != nil {
				return err
			}
			s.Staged++
		}
	}
	return nil
}

func (s *sweep) clearFiles(ctx context.Context) error {
	unused := map[Shard]bool{} // shards that were read again
	for _, file := range s.files {
		if s.named[file.Key] {
			continue
		}
		shard, ok := shardOfFile(file.Key)
		if !ok {
			s.Foreign++
			continue
		}
		old, err := s.olderThan(ctx, file, unnamedKept)
		if err != nil {
			return err
		}
		if old && !unused[shard] && !s.open[shard.String()] {
			if err := s.readAgain(ctx, shard); err != nil {
				return err
			}
			unused[shard] = true
		}
		switch {
		case s.named[file.Key]: // named by a record that was committed in the meantime
		case !old || s.open[shard.String()]:
			s.Young++
		default:
			if err := s.delete(ctx, file); err != nil {
				return err
			}
			s.Files++
		}
	}
	return nil
}

// readAgain collects the files that the records of a shard name, reading them by their keys, and checks whether anything is
// staged for it. It returns an error if the list of the ledger lacked a record that is older than the list.
func (s *sweep) readAgain(ctx context.Context, shard Shard) error {
	records, err := s.ledger.generations(ctx, shard, 1)
	if err != nil {
		return fmt.Errorf("sweep: read the records of %s again: %w", shard, err)
	}
	var unlisted []string
	for _, r := range records {
		if r.Generation > s.committed[shard.String()] {
			unlisted = append(unlisted, ledgerKey(shard, r.Generation))
		}
		for _, f := range r.Files {
			s.named[f.Key] = true
		}
	}
	filter := Filter{Provider: shard.Provider, Account: shard.Account}
	if err := s.ledger.mustList(ctx, ledgerPrefix(filter), unlisted); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, err := range s.ledger.store.List(ctx, shardStaging(shard)) {
		if err != nil {
			return fmt.Errorf("sweep: list what is staged for %s again: %w", shard, err)
		}
		s.open[shard.String()] = true
		break
	}
	return nil
}

// olderThan reports whether an object is at least this old, both in the list and by its own metadata. Lists may lag, and some
// stores report the two times with different precision. An object that is missing or has no time is not old.
func (s *sweep) olderThan(ctx context.Context, o Object, age time.Duration) (bool, error) {
	old := func(at time.Time) bool { return !at.IsZero() && s.ledger.now().Sub(at) >= age }
	if !old(o.ModifiedAt) {
		return false, nil
	}
	switch existing, err := s.ledger.store.Stat(ctx, o.Key); {
	case errors.Is(err, ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("sweep: %w", err)
	default:
		return old(existing.ModifiedAt), nil
	}
}

func (s *sweep) delete(ctx context.Context, o Object) error {
	if s.remove {
		ctx, cancel := context.WithTimeout(ctx, deleteWithin)
		defer cancel()
		if err := s.ledger.store.Delete(ctx, o.Key); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	s.Bytes += o.Bytes
	return nil
}

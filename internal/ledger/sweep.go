package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ReuseWithin is the age up to which whoever seals may take a data file that stands in the store for its own. An older one must be
// written anew: so a file that is old enough to be swept is nobody's.
const ReuseWithin = 24 * time.Hour

// How old things are before they are swept.
const (
	stagedKept   = 24 * time.Hour
	unnamedKept  = 7 * 24 * time.Hour
	openKept     = 90 * 24 * time.Hour // longer than a blocked shard should wait for its person
	deleteWithin = time.Minute
)

// Swept is what a sweep removed, or would remove, and what it left.
type Swept struct {
	Staged int   `json:"staged"` // objects of generations that are committed, or older than one that is, or given up long ago
	Files  int   `json:"files"`  // data files that no record names
	Bytes  int64 `json:"bytes"`
	// Young are objects and files that could go but for their age, Open staged objects of shards that are not committed:
	// somebody may be at work on them.
	Young int `json:"young"`
	Open  int `json:"open"`
	// Foreign are objects below data/ whose keys are not those of data files. They are never removed.
	Foreign int `json:"foreign"`
}

// Sweep removes objects that nobody needs: staged objects of committed shards, after a day, and of other shards after three
// months; data files that no record names, after a week and only when nothing is staged for their shard. Without remove it only
// counts them. What was removed is counted also when there is an error.
//
// A list is never the proof that a file may go. Before the first file of a shard goes, the records of the shard are read by their
// keys, and the shard's staging is listed once more; before anything goes, the store is asked for its age again. A record that
// cannot be read, or is gone, ends the sweep before it has removed anything: nobody knows which files it names.
func (l *Ledger) Sweep(ctx context.Context, account string, remove bool) (Swept, error) {
	s := sweep{ledger: l, remove: remove, named: map[string]bool{}, open: map[string]bool{}, committed: map[string]int{}}
	// In this order: a shard at work has staged objects before it has files, and a record after both.
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
		return s.Swept, err
	}
	if err := s.clearStaged(ctx); err != nil {
		return s.Swept, err
	}
	return s.Swept, s.clearFiles(ctx)
}

// sweep is a sweep under way.
type sweep struct {
	Swept
	ledger    *Ledger
	remove    bool
	files     []Object
	staged    []Leftover
	named     map[string]bool // files that a record names
	open      map[string]bool // shards that something is staged for
	committed map[string]int  // the highest generation of each shard
}

// read takes over what the ledger says. Every generation of every shard must be readable.
func (s *sweep) read(entries []Entry) error {
	for _, entry := range entries {
		if entry.Record == nil {
			return fmt.Errorf("sweep: %s: %s; nobody knows which files it names", entry.Key, entry.Problem)
		}
		shard := entry.Shard.String()
		s.committed[shard] = max(s.committed[shard], entry.Generation)
		for _, f := range entry.Record.Files {
			s.named[f.Key] = true
		}
	}
	if missing := Missing(entries); len(missing) > 0 {
		return fmt.Errorf("sweep: the record %s is gone from the ledger, and a later one is there; nobody knows which files it named, "+
			"so nothing is removed: restore it, or find out who deletes below %s", ledgerKey(missing[0].Shard, missing[0].Generation), ledgerRoot)
	}
	return nil
}

func (s *sweep) clearStaged(ctx context.Context) error {
	for _, left := range s.staged {
		kept := stagedKept
		open := left.Generation == 0 || left.Generation > s.committed[left.shard()]
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
	unused := map[Shard]bool{} // shards that were read once more
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
		case s.named[file.Key]: // by a record that was committed meanwhile
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

// readAgain takes over what the records of a shard say that can be read by their keys, and whether anything is staged for it. A
// record that the list of the ledger lacked, though it is older than the list, ends the sweep.
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

// olderThan reports whether an object is older than an age, by the list and by the object itself. Lists may lag, and some stores
// give the two times in different units. An object that is gone, or has no time, is not old.
func (s *sweep) olderThan(ctx context.Context, o Object, age time.Duration) (bool, error) {
	old := func(at time.Time) bool { return !at.IsZero() && s.ledger.now().Sub(at) >= age }
	if !old(o.ModifiedAt) {
		return false, nil
	}
	switch standing, err := s.ledger.store.Stat(ctx, o.Key); {
	case errors.Is(err, ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("sweep: %w", err)
	default:
		return old(standing.ModifiedAt), nil
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

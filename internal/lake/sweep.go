package lake

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"
)

// How old things are before they are swept. A seal that finds its file in the store takes it for its own only while it is
// younger than reuseWithin, and writes it anew when it is not: so a file that is old enough to be swept is nobody's.
const (
	reuseWithin  = 24 * time.Hour
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
}

// Sweep removes what is of no use any more: staged objects that killed processes left of committed shards, after a day, and
// of any others after three months; data files of attempts that were not committed, after a week and only when nothing is
// staged for their shard. Nothing that
// a record names is ever touched. Without remove it only says what it would do. What it has removed stands also beside an
// error.
func (l *Lake) Sweep(ctx context.Context, account string, remove bool) (Swept, error) {
	s := sweep{lake: l, remove: remove, open: map[string]bool{}, committed: map[string]int{}}
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
		s.open[left.Account+"/"+left.Stream+"/"+left.Window] = true
	}
	entries, err := l.Ledger(ctx, Filter{Account: account})
	if err != nil {
		return s.Swept, err
	}
	for _, entry := range entries {
		if entry.Record == nil {
			return s.Swept, fmt.Errorf("sweep: %s: %s; nobody knows which files it names", entry.Key, entry.Problem)
		}
		shard := entry.Shard.String()
		s.committed[shard] = max(s.committed[shard], entry.Generation)
	}
	if err := s.clearStaged(ctx); err != nil {
		return s.Swept, err
	}
	return s.Swept, s.clearFiles(ctx, entries)
}

// sweep is a sweep under way.
type sweep struct {
	Swept
	lake      *Lake
	remove    bool
	files     []Object
	staged    []Leftover
	open      map[string]bool // shards that something is staged for
	committed map[string]int  // the highest generation of each shard
}

func (s *sweep) clearStaged(ctx context.Context) error {
	for _, left := range s.staged {
		age := s.lake.now().Sub(left.ModifiedAt)
		open := left.Generation == 0 || left.Generation > s.committed[left.Account+"/"+left.Stream+"/"+left.Window]
		switch {
		case open && age < openKept:
			s.Open++
		case age < stagedKept:
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

func (s *sweep) clearFiles(ctx context.Context, entries []Entry) error {
	named := map[string]bool{}
	for _, entry := range entries {
		for _, f := range entry.Record.Files {
			named[f.Key] = true
		}
	}
	for _, file := range s.files {
		switch {
		case named[file.Key]:
		case s.open[shardOf(file.Key)] || s.lake.now().Sub(file.ModifiedAt) < unnamedKept:
			s.Young++
		default:
			if now, err := s.lake.store.Stat(ctx, file.Key); err != nil || !now.ModifiedAt.Equal(file.ModifiedAt) {
				s.Young++ // it is gone, or somebody has written it anew
				continue
			}
			if err := s.delete(ctx, file); err != nil {
				return err
			}
			s.Files++
		}
	}
	return nil
}

func (s *sweep) delete(ctx context.Context, o Object) error {
	if s.remove {
		ctx, cancel := context.WithTimeout(ctx, deleteWithin)
		defer cancel()
		if err := s.lake.store.Delete(ctx, o.Key); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	s.Bytes += o.Bytes
	return nil
}

// shardOf names the shard of a data file as Shard.String does, as far as its key tells.
func shardOf(key string) string {
	var account, stream string
	for _, part := range strings.Split(key, "/") {
		if value, ok := strings.CutPrefix(part, "account="); ok {
			account = value
		}
		if value, ok := strings.CutPrefix(part, "stream="); ok {
			stream = value
		}
	}
	window, _, _ := strings.Cut(path.Base(key), "-")
	return account + "/" + stream + "/" + window
}

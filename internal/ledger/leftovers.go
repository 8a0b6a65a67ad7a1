package ledger

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// Leftover is a staged object and the shard that it belongs to.
type Leftover struct {
	Object
	Account    string
	Stream     schemas.Stream
	Window     string
	Generation int // 0 if the key has none
}

// shard is the shard in the form of Shard.String.
func (l Leftover) shard() string { return fmt.Sprintf("%s/%s/%s", l.Account, l.Stream, l.Window) }

// Leftovers yields the staged objects of one account, or of all accounts if account is empty.
func (l *Ledger) Leftovers(ctx context.Context, account string) iter.Seq2[Leftover, error] {
	return func(yield func(Leftover, error) bool) {
		prefix := stagingRoot
		if account != "" {
			prefix += account + "/"
		}
		for object, err := range l.store.List(ctx, prefix) {
			if err != nil {
				yield(Leftover{}, fmt.Errorf("list staged objects: %w", err))
				return
			}
			left := Leftover{Object: object}
			if parts := strings.Split(strings.TrimPrefix(object.Key, stagingRoot), "/"); len(parts) >= 5 {
				left.Account, left.Stream, left.Window = parts[0], schemas.Stream(parts[1]), parts[2]
				if _, err := fmt.Sscanf(parts[3], "g%d", &left.Generation); err != nil {
					left.Generation = 0
				}
			}
			if !yield(left, nil) {
				return
			}
		}
	}
}

// Orphans yields the data files that no generation names, left by attempts that did not commit. They are harmless. Files of a
// running attempt are among them.
func (l *Ledger) Orphans(ctx context.Context, f Filter) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		entries, err := l.Entries(ctx, f)
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

// Unnamed is Orphans for entries that were already read with the same filter. It returns an error if a record cannot be read,
// because the files that it names are unknown. It returns ErrIncompleteList if a record names a file but is missing from the
// entries although it is older than they are.
func (l *Ledger) Unnamed(ctx context.Context, f Filter, entries []Entry) iter.Seq2[Object, error] {
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

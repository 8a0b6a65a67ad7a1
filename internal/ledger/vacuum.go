package ledger

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// vacuumKept is the least age of a file that a vacuum removes. A seal may use a file that is there already if it is younger than
// ReuseWithin, and commits it at most a day later. It writes older ones again, which makes them young.
const vacuumKept = ReuseWithin + 24*time.Hour

// Vacuumed is what a vacuum removed, or would remove, and what it kept.
type Vacuumed struct {
	Files int   `json:"files"` // data files that only superseded generations name
	Bytes int64 `json:"bytes"`
	// Recent are files of generations that were superseded within the grace period, or files that were written in the last two days.
	Recent int `json:"recent"`
	// Open are files of shards that have staged objects: a draft that is not committed yet may name them.
	Open int `json:"open"`
	// Versions is how many noncurrent versions of these files were removed with them, in a bucket that keeps versions.
	Versions int `json:"versions,omitempty"`
	// VersionsUnknown says why nobody knows whether the bucket keeps versions of removed files.
	VersionsUnknown string `json:"versions_unknown,omitempty"`
}

// versioner is a store that may keep old versions of objects.
type versioner interface {
	// versioned reports whether removed and replaced objects stay as versions. It returns an error if the store does not say.
	versioned(ctx context.Context) (bool, error)
	// deleteVersions removes an object with all its versions and returns how many there were. The current version is the last to go, so
	// that a list shows the object until nothing is left of it.
	deleteVersions(ctx context.Context, key string) (int, error)
}

// Vacuum removes the data files that only superseded generations name, if the generation after each of these was committed longer ago
// than grace. It never removes a file that a current record names, and it leaves records as they are. If remove is false, it only counts.
// The counts are valid even if Vacuum returns an error.
//
// As Sweep, it does not trust lists: every generation of every shard must be readable. Before it removes the first file of a shard, it
// reads the shard's records by their keys and lists its staged objects again; before each file, it asks for the file's age.
func (l *Ledger) Vacuum(ctx context.Context, account string, grace time.Duration, remove bool) (Vacuumed, error) {
	v := vacuum{sweep: sweep{ledger: l, remove: remove, named: map[string]bool{}, open: map[string]bool{}, committed: map[string]int{}}, grace: grace}
	if remove {
		if err := v.askVersions(ctx); err != nil {
			return v.Vacuumed, err
		}
	}
	// The order matters: what is committed after the ledger was read can only name files that were listed before, or that are young.
	files := map[string]Object{}
	for object, err := range l.store.List(ctx, dataRoot) {
		if err != nil {
			return v.Vacuumed, fmt.Errorf("list data files: %w", err)
		}
		if (Filter{Account: account}).matchesKey(object.Key) {
			files[object.Key] = object
		}
	}
	for left, err := range l.Leftovers(ctx, account) {
		if err != nil {
			return v.Vacuumed, err
		}
		v.open[left.shard()] = true
	}
	entries, err := l.Entries(ctx, Filter{Account: account})
	if err != nil {
		return v.Vacuumed, err
	}
	if err := v.read(entries); err != nil {
		return v.Vacuumed, fmt.Errorf("vacuum: %w", err)
	}
	shards := map[Shard][]Record{}
	for _, e := range entries {
		shards[e.Shard] = append(shards[e.Shard], *e.Record)
	}
	for _, shard := range slices.SortedFunc(maps.Keys(shards), func(a, b Shard) int { return cmp.Compare(ledgerFolder(a), ledgerFolder(b)) }) {
		if err := v.shard(ctx, shard, shards[shard], files); err != nil {
			return v.Vacuumed, err
		}
	}
	return v.Vacuumed, nil
}

// vacuum is the state of a running vacuum.
type vacuum struct {
	Vacuumed
	sweep
	grace    time.Duration
	versions versioner // nil if the store keeps none
}

func (v *vacuum) askVersions(ctx context.Context) error {
	store, ok := v.ledger.store.(versioner)
	if !ok {
		return nil
	}
	kept, err := store.versioned(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		v.VersionsUnknown = err.Error()
	case kept:
		v.versions = store
	}
	return nil
}

// shard removes the files of one shard, if the store has them.
func (v *vacuum) shard(ctx context.Context, shard Shard, records []Record, files map[string]Object) error {
	there := func(names map[string]bool) []string {
		maps.DeleteFunc(names, func(key string, _ bool) bool { _, ok := files[key]; return !ok })
		return slices.Sorted(maps.Keys(names))
	}
	names := v.superseded(records)
	keys := there(names)
	if len(keys) == 0 {
		return nil
	}
	if !v.open[shard.String()] {
		if err := v.readAgain(ctx, shard); err != nil {
			return err
		}
		again, err := v.ledger.generations(ctx, shard, 1)
		if err != nil || len(again) < len(records) {
			return fmt.Errorf("vacuum: read the records of %s again: %d of %d were found: %w", shard, len(again), len(records), cmp.Or(err, ErrNotExist))
		}
		names = v.superseded(again)
		keys = there(names)
	}
	if v.open[shard.String()] {
		v.Vacuumed.Open += len(keys)
		return nil
	}
	for _, key := range keys {
		old, err := v.olderThan(ctx, files[key], vacuumKept)
		switch {
		case err != nil:
			return err
		case !names[key] || !old:
			v.Recent++
		default:
			if err := v.removeFile(ctx, files[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

// superseded returns the files that no current record names, and whether the grace period of all generations that name them is over.
func (v *vacuum) superseded(records []Record) map[string]bool {
	over := map[string]bool{}
	for i, r := range records[:len(records)-1] {
		for _, f := range r.Files {
			ended := v.ledger.now().Sub(records[i+1].CommittedAt) >= v.grace
			before, known := over[f.Key]
			over[f.Key] = ended && (before || !known)
		}
	}
	for _, f := range records[len(records)-1].Files {
		delete(over, f.Key)
	}
	return over
}

func (v *vacuum) removeFile(ctx context.Context, o Object) error {
	if v.remove {
		ctx, cancel := context.WithTimeout(ctx, deleteWithin)
		defer cancel()
		var err error
		if v.versions != nil {
			var n int
			n, err = v.versions.deleteVersions(ctx, o.Key)
			v.Versions += max(0, n-1)
		} else {
			err = v.ledger.store.Delete(ctx, o.Key)
		}
		if err != nil {
			return fmt.Errorf("vacuum: %w", err)
		}
	}
	v.Vacuumed.Files++
	v.Vacuumed.Bytes += o.Bytes
	return nil
}

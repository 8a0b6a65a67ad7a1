package lake

import (
	"context"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/internal/ledger"
)

// The most that all indexes of a process may take. Those that were not used for longest are dropped first, and made again when they are
// needed. Indexes in use do not count.
const (
	indexMemory = 64 << 20
	indexDisk   = 2 << 30
	indexFiles  = 256
)

// indexes are the indexes of records that a process has made. A record never changes, so no index is ever stale.
type indexes struct {
	making *semaphore.Weighted  // of an index, or of a Known
	known  map[[2]string]*Known // the last ones, by provider and account; guarded by making
	// asked is when the lake was read for a generation first, if that was in the last minute; guarded by making.
	asked map[ledger.Generation]time.Time

	mu     sync.Mutex
	of     map[string]*cached // by digest of the record
	clock  int64
	memory int64
	disk   int64
	files  int
}

type cached struct {
	index *index
	used  int64
}

func newIndexes() *indexes {
	return &indexes{making: semaphore.NewWeighted(1), known: map[[2]string]*Known{}, asked: map[ledger.Generation]time.Time{}, of: map[string]*cached{}}
}

// indexOf returns the index of a record. It makes one index at a time.
func (l *Lake) indexOf(ctx context.Context, r *known) (*index, error) {
	if x := l.indexes.get(r.digest); x != nil {
		return x, nil
	}
	if err := l.indexes.making.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer l.indexes.making.Release(1)
	if x := l.indexes.get(r.digest); x != nil { // made while this one waited
		return x, nil
	}
	x, err := l.buildIndex(ctx, r)
	if err != nil {
		return nil, err
	}
	if x.data.file != nil {
		runtime.AddCleanup(x, removeScratch, x.data.file.File)
	}
	l.indexes.put(r.digest, x)
	return x, nil
}

func (x *indexes) get(digest string) *index {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := x.of[digest]
	if found == nil {
		return nil
	}
	x.clock++
	found.used = x.clock
	return found.index
}

func (x *indexes) put(digest string, made *index) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.clock++
	x.of[digest] = &cached{made, x.clock}
	x.count(made, 1)
	for len(x.of) > 1 && (x.memory > indexMemory || x.disk > indexDisk || x.files > indexFiles) {
		oldest := digest
		for d, c := range x.of {
			if c.used < x.of[oldest].used {
				oldest = d
			}
		}
		x.count(x.of[oldest].index, -1)
		delete(x.of, oldest)
	}
}

// count adds what an index takes.
func (x *indexes) count(of *index, times int64) {
	x.memory += times * int64(cap(of.data.tail)+8*cap(of.fences)+bytesOfAnIndex)
	x.disk += times * of.data.flushed
	if of.data.file != nil {
		x.files += int(times)
	}
}

// bytesOfAnIndex is about what an index takes beside its data.
const bytesOfAnIndex = 256

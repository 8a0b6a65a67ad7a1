package inspect

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// readAtOnce is how many records are read at the same time.
const readAtOnce = 16

// ContentsAfter reads the ledger again. Records are never changed, so it reads only those that before does not have. If before is nil it
// reads all.
//
// It trusts the lists of the store: for a verdict, use Contents or Verify.
func (l *Lake) ContentsAfter(ctx context.Context, before *Contents) (*Contents, error) {
	if before == nil || len(before.Unreadable) > 0 {
		return l.Contents(ctx)
	}
	newest, err := l.lake.Newest(ctx, l.filter(schemas.Window{}))
	if err != nil {
		return nil, err
	}
	known := make(map[ledger.Generation]ledger.Record, len(before.records))
	for _, r := range before.records {
		known[ledger.Generation{Shard: r.Shard, Number: r.Generation}] = r
	}
	read := make([]*ledger.Record, len(newest))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i, g := range newest {
		if r, ok := known[g]; ok {
			read[i] = &r
			continue
		}
		group.Go(func() (err error) {
			read[i], err = l.lake.Record(groupCtx, g)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return l.Contents(ctx) // which says what cannot be read
	}
	var records []ledger.Record
	for _, r := range read {
		if r != nil {
			records = append(records, *r)
		}
	}
	return l.contentsOf(ctx, records, nil)
}

// A Reader reads the contents of a lake again and again. The zero value is ready, and safe for concurrent use.
type Reader struct {
	mu   sync.Mutex
	last *Contents
}

// Read returns what the ledger says now.
func (r *Reader) Read(ctx context.Context, l *Lake) (*Contents, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, err := l.ContentsAfter(ctx, r.last)
	if err == nil {
		r.last = found
	}
	return found, err
}

package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Generations are numbered without gaps, so a list of the ledger can be checked: each number below the highest, and the next one,
// is read by its key. Stores give stronger guarantees for reading a key than for listing it.

// generation reads a record by its key, without a list. It returns nil if there is none.
func (l *Ledger) generation(ctx context.Context, shard Shard, number int) (*Record, error) {
	r, err := l.record(ctx, ledgerKey(shard, number))
	if errors.Is(err, ErrNotExist) {
		return nil, nil
	}
	return r, err
}

// generations reads the records of a shard by their keys, without a list, starting at generation from.
func (l *Ledger) generations(ctx context.Context, shard Shard, from int) ([]Record, error) {
	var records []Record
	for number := from; ; number++ {
		r, err := l.generation(ctx, shard, number)
		if err != nil || r == nil {
			return records, err
		}
		records = append(records, *r)
	}
}

// newest reads the newest record of each shard and sorts them by key. highest has the highest generation that a list of prefix
// showed for each shard, or 0. absorbed are records that are known; nothing is asked about their shards.
func (l *Ledger) newest(ctx context.Context, prefix string, highest map[Shard]int, absorbed map[Generation]Record) ([]Record, error) {
	var mu sync.Mutex
	var records []Record
	var unlisted []string
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for shard, listed := range highest {
		if r, ok := absorbed[Generation{shard, listed}]; ok {
			mu.Lock()
			records = append(records, r)
			mu.Unlock()
			continue
		}
		group.Go(func() error {
			var newest []Record
			if listed > 0 {
				r, err := l.record(groupCtx, ledgerKey(shard, listed))
				if err != nil {
					return err
				}
				newest = append(newest, *r)
			}
			later, err := l.generations(groupCtx, shard, listed+1)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for _, r := range later {
				unlisted = append(unlisted, ledgerKey(shard, r.Generation))
			}
			if newest = append(newest, later...); len(newest) > 0 {
				records = append(records, newest[len(newest)-1])
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	folders := make(map[Shard]string, len(records))
	for _, r := range records {
		folders[r.Shard] = ledgerFolder(r.Shard)
	}
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(folders[a.Shard], folders[b.Shard]) })
	return records, l.mustList(ctx, prefix, unlisted)
}

// mustList lists a prefix again and returns ErrIncompleteList if a key that is known to exist is not listed. The first list may
// lack keys that were written after it; this one may not.
func (l *Ledger) mustList(ctx context.Context, prefix string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	lacking := map[string]bool{}
	for _, key := range keys {
		lacking[key] = true
	}
	for object, err := range l.store.List(ctx, prefix) {
		if err != nil {
			return fmt.Errorf("list %s again: %w", prefix, err)
		}
		delete(lacking, object.Key)
	}
	for _, key := range slices.Sorted(maps.Keys(lacking)) {
		return fmt.Errorf("%s can be read but is not listed: %w; the lists of this store cannot be trusted: %s",
			key, ErrIncompleteList, otherStore)
	}
	return nil
}

// unlistedRecords returns the records that exist but are missing from the listed entries. It does not return generations that do
// not exist.
func (l *Ledger) unlistedRecords(ctx context.Context, listed []Entry) ([]Entry, error) {
	numbers := map[Shard][]int{}
	for _, e := range listed {
		if e.Generation > 0 {
			numbers[e.Shard] = append(numbers[e.Shard], e.Generation)
		}
	}
	var mu sync.Mutex
	var found []Entry
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(requestsAtOnce)
	for shard, have := range numbers {
		group.Go(func() error {
			of, err := l.unlistedOf(ctx, shard, have)
			mu.Lock()
			defer mu.Unlock()
			found = append(found, of...)
			return err
		})
	}
	return found, group.Wait()
}

func (l *Ledger) unlistedOf(ctx context.Context, shard Shard, listed []int) ([]Entry, error) {
	var found []Entry
	highest := slices.Max(listed)
	for number := 1; ; number++ {
		if slices.Contains(listed, number) {
			continue
		}
		e := Entry{Key: ledgerKey(shard, number), Shard: shard, Generation: number}
		var err error
		var damaged *damagedError
		if e.Record, err = l.generation(ctx, shard, number); errors.As(err, &damaged) {
			e.Problem = err.Error()
		} else if err != nil {
			return nil, err
		}
		there := e.Record != nil || e.Problem != ""
		if there {
			found = append(found, e)
		}
		if number > highest && !there {
			return found, nil
		}
	}
}

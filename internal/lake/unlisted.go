package lake

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Unlisted returns the newest versions of the conversations that were created in a window and that are not listed, ascending by the time
// of their creation and their id. A conversation belongs to the window in which it was listed before, if there is one, whatever its row
// says: a list may have another time than the row. It returns ErrDamaged if nobody can say which conversations a shard has.
func (k *Known) Unlisted(ctx context.Context, w schemas.Window, listed iter.Seq2[string, error]) ([]Version, error) {
	candidates, err := k.createdIn(ctx, w)
	if err != nil {
		return nil, err
	}
	for id, err := range listed {
		if err != nil {
			return nil, err
		}
		if err := candidates.remove(id); err != nil {
			return nil, err
		}
	}
	var unlisted []Version
	for i, c := range candidates.all {
		if candidates.listed[i] {
			continue
		}
		r, x := candidates.records[c.record], candidates.indexes[c.record]
		e, err := x.entry(int(c.entry))
		if err != nil {
			return nil, err
		}
		v, err := r.version(x, e)
		if err != nil {
			return nil, err
		}
		newest, found, err := k.Find(ctx, v.ID, v.CreatedAt)
		if err != nil {
			return nil, err
		}
		if !found { // the list and the row have very different times
			newest = v
		}
		if !r.shard.Stream.IsByCreation() {
			elsewhere, err := k.listedBeside(ctx, w, v)
			if err != nil {
				return nil, err
			}
			if elsewhere {
				continue
			}
		}
		if newest.CreatedAt.IsZero() {
			newest.CreatedAt = w.From // an order needs some time
		}
		unlisted = append(unlisted, newest)
	}
	slices.SortFunc(unlisted, byCreation)
	return slices.CompactFunc(unlisted, func(a, b Version) bool { return a.ID == b.ID }), nil
}

// besides is how far the time of a list and that of a row may be apart.
const besides = 24 * time.Hour

// listedBeside reports whether a conversation was listed in a window of creation beside w.
func (k *Known) listedBeside(ctx context.Context, w schemas.Window, v Version) (bool, error) {
	hash := k.lake.hash(v.ID)
	for _, r := range k.records {
		at := r.shard.Window
		if !r.shard.Stream.IsByCreation() || at.To.After(w.From) && at.From.Before(w.To) ||
			v.CreatedAt.Before(at.From.Add(-besides)) || v.CreatedAt.After(at.To.Add(besides)) {
			continue
		}
		x, err := k.lake.indexOf(ctx, r)
		if err != nil {
			return false, err
		}
		if _, found, err := x.find(v.ID, hash); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// candidates are conversations that may not be listed, sorted by their hashes.
type candidates struct {
	hash    func(id string) uint64
	records []*known
	indexes []*index // of records
	all     []candidate
	listed  []bool
}

// candidate is an entry of an index. There may be as many as conversations in a window.
type candidate struct {
	hash          uint64
	record, entry int32
}

// createdIn returns the entries of conversations that were created in a window.
func (k *Known) createdIn(ctx context.Context, w schemas.Window) (*candidates, error) {
	c := &candidates{hash: k.lake.hash}
	from, to := w.From.UnixMicro(), w.To.UnixMicro()
	for _, r := range k.records {
		byCreation := r.shard.Stream.IsByCreation()
		if len(r.files) == 0 || byCreation && (!r.shard.Window.To.After(w.From) || !r.shard.Window.From.Before(w.To)) {
			continue
		}
		x, err := k.lake.indexOf(ctx, r)
		if err != nil {
			return nil, err
		}
		if x.damage != "" {
			return nil, fmt.Errorf("%s: %w; copy %s again with --refresh", x.damage, ErrDamaged, r.shard)
		}
		c.records, c.indexes = append(c.records, r), append(c.indexes, x)
		within := byCreation && !r.shard.Window.From.Before(w.From) && !r.shard.Window.To.After(w.To)
		err = x.all(func(i int, e entry) error {
			if within || e.Flags&hasCreated != 0 && from <= e.Created && e.Created < to {
				c.all = append(c.all, candidate{e.Hash, int32(len(c.records) - 1), int32(i)})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(c.all, func(a, b candidate) int { return cmp.Compare(a.hash, b.hash) })
	c.listed = make([]bool, len(c.all))
	return c, nil
}

// remove marks the entries of a conversation as listed.
func (c *candidates) remove(id string) error {
	hash := c.hash(id)
	at, _ := slices.BinarySearchFunc(c.all, hash, func(c candidate, h uint64) int { return cmp.Compare(c.hash, h) })
	for ; at < len(c.all) && c.all[at].hash == hash; at++ {
		x := c.indexes[c.all[at].record]
		e, err := x.entry(int(c.all[at].entry))
		if err != nil {
			return err
		}
		same, err := e.isOf(x.data, id)
		if err != nil {
			return err
		}
		c.listed[at] = c.listed[at] || same
	}
	return nil
}

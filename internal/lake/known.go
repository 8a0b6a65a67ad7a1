package lake

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Version is what the lake has of a conversation in one shard.
type Version struct {
	ID     string
	Shard  ledger.Shard
	Record string // digest of the record
	Row    bool   // it has a row in conversations; otherwise it is only gone or dead
	Gone   bool   // the platform has it no longer; a row is its last version
	Dead   bool   // it could not be exported; a row is an earlier version
	Closed bool
	// Listed is the listed version of the row, Source its source version, and Content the ContentKey of its digest.
	Listed     string
	Source     *int64
	Content    string
	ObservedAt time.Time
	CreatedAt  time.Time // zero if it is not known
	Stated     *int64
	// Extent is where its documents are. It is empty if that is not known.
	Extent    Extent
	opened    time.Time
	committed time.Time
}

// Saw reports whether whoever read v had seen another version, because that was in the lake before v's shard was opened.
func (v Version) Saw(other Version) bool { return ledger.Saw(v.opened, other.committed) }

// compare returns a positive number if readers prefer v to another version of the conversation.
func (v Version) compare(other Version) int {
	state := func(v Version) int {
		switch {
		case v.Row:
			return 2
		case v.Dead:
			return 1
		}
		return 0
	}
	source := func(a, b *int64) int {
		switch {
		case a == nil && b == nil:
			return 0
		case a == nil:
			return -1
		case b == nil:
			return 1
		}
		return cmp.Compare(*a, *b)
	}
	return cmp.Or(
		cmp.Compare(state(v), state(other)), source(v.Source, other.Source), v.ObservedAt.Compare(other.ObservedAt),
		v.committed.Compare(other.committed), cmp.Compare(v.Shard.String(), other.Shard.String()),
	)
}

// Known is what the lake has of the conversations of an account at one time. It reads a record's files when it first needs them. Its
// methods are safe for concurrent use.
type Known struct {
	lake    *Lake
	records []*known
}

// known is a record as far as an index needs it.
type known struct {
	shard     ledger.Shard
	number    int // of the generation
	digest    string
	opened    time.Time // zero if the record does not say
	committed time.Time
	files     []ledger.File // of the tables that are read
}

// knownFor is how long what was read for a generation is good enough for it.
const knownFor = time.Minute

// Known returns what the lake has of an account's conversations, for making a generation of a shard. It has everything that was committed
// before the first call for that generation, and may lack what came in the last minute.
func (l *Lake) Known(ctx context.Context, shard ledger.Shard, generation int) (*Known, error) {
	x := l.indexes
	if err := x.making.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer x.making.Release(1)
	now, account := l.Now(), [2]string{shard.Provider, shard.Account}
	for g, at := range x.asked {
		if now.Sub(at) >= knownFor || at.After(now) {
			delete(x.asked, g)
		}
	}
	asking := ledger.Generation{Shard: shard, Number: generation}
	before := x.known[account]
	if _, asked := x.asked[asking]; asked && before != nil {
		return before, nil
	}
	next, err := l.readKnown(ctx, shard, before)
	if err != nil {
		return nil, fmt.Errorf("read what the lake has of %s: %w", shard.Account, err)
	}
	if has := next.generation(shard); has < generation-1 {
		return nil, fmt.Errorf("the ledger lists generation %d of %s, expected %d: %w", has, shard, generation-1, ledger.ErrIncompleteList)
	}
	x.known[account], x.asked[asking] = next, now
	return next, nil
}

// generation returns the generation of a shard, or 0.
func (k *Known) generation(shard ledger.Shard) int {
	for _, r := range k.records {
		if r.shard == shard {
			return r.number
		}
	}
	return 0
}

// readKnown lists the ledger and reads the records that before does not have.
func (l *Lake) readKnown(ctx context.Context, shard ledger.Shard, before *Known) (*Known, error) {
	had := map[ledger.Generation]*known{}
	if before != nil {
		for _, r := range before.records {
			had[ledger.Generation{Shard: r.shard, Number: r.number}] = r
		}
	}
	next := &Known{lake: l}
	for _, stream := range schemas.Streams() {
		if !stream.HasConversations() {
			continue
		}
		newest, err := l.Newest(ctx, ledger.Filter{Provider: shard.Provider, Account: shard.Account, Stream: stream})
		if err != nil {
			return nil, err
		}
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(recordsAtOnce)
		from := len(next.records)
		next.records = append(next.records, make([]*known, len(newest))...)
		absorbed := l.Absorbed(ctx, ledger.Filter{Provider: shard.Provider, Account: shard.Account, Stream: stream}, slices.DeleteFunc(slices.Clone(newest), func(g ledger.Generation) bool { return had[g] != nil }))
		for i, g := range newest {
			if r := had[g]; r != nil {
				next.records[from+i] = r
				continue
			}
			if r, ok := absorbed[g]; ok {
				next.records[from+i] = &known{shard: g.Shard, number: g.Number, digest: r.Digest, committed: r.CommittedAt}
				continue
			}
			to := &next.records[from+i]
			group.Go(func() (err error) {
				*to, err = l.readRecord(groupCtx, g)
				return err
			})
		}
		if err := group.Wait(); err != nil { // before the slice grows
			return nil, err
		}
	}
	return next, nil
}

// recordsAtOnce is how many records are read concurrently.
const recordsAtOnce = 16

func (l *Lake) readRecord(ctx context.Context, g ledger.Generation) (*known, error) {
	record, err := l.Record(ctx, g)
	if err != nil {
		return nil, err
	}
	if record == nil {
		return nil, fmt.Errorf("generation %d of %s is listed but cannot be read", g.Number, g.Shard)
	}
	return asKnown(*record), nil
}

// asKnown returns a record as far as an index needs it.
func asKnown(record ledger.Record) *known {
	r := &known{shard: record.Shard, number: record.Generation, digest: record.Digest, committed: record.CommittedAt}
	if record.OpenedAt != nil {
		r.opened = *record.OpenedAt
	}
	for _, f := range record.Files {
		switch f.Table {
		case schemas.Conversations.Table, schemas.Tombstones.Table, schemas.DeadLetters.Table, schemas.Documents.Table:
			r.files = append(r.files, f)
		}
	}
	return r
}

// VersionIn returns what a record has of a conversation, or false if it has nothing.
func (l *Lake) VersionIn(ctx context.Context, record ledger.Record, id string) (Version, bool, error) {
	return l.find(ctx, asKnown(record), id)
}

func (l *Lake) find(ctx context.Context, r *known, id string) (v Version, found bool, err error) {
	x, err := l.indexOf(ctx, r)
	if err != nil {
		return v, false, err
	}
	e, found, err := x.find(id, l.hash(id))
	if err != nil || !found {
		return v, false, err
	}
	v, err = r.version(x, e)
	return v, err == nil, err
}

// Find returns the newest version of a conversation by the reader rule, or false if the lake does not have it. With the time at which it
// was created, it looks only into the shards that can have it; the zero time means all.
func (k *Known) Find(ctx context.Context, id string, created time.Time) (best Version, found bool, err error) {
	all, err := k.Versions(ctx, id, created)
	if err != nil || len(all) == 0 {
		return best, false, err
	}
	return all[0], true, nil
}

// Versions returns what each shard has of a conversation, by the reader rule, the newest first. The time at which it was created is as in
// Find.
func (k *Known) Versions(ctx context.Context, id string, created time.Time) (all []Version, err error) {
	for _, r := range k.records {
		if len(r.files) == 0 || !created.IsZero() && r.shard.Stream.IsByCreation() && !near(r.shard.Window, created) {
			continue
		}
		v, found, err := k.lake.find(ctx, r, id)
		if err != nil {
			return nil, err
		}
		if found {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b Version) int { return b.compare(a) })
	return all, nil
}

// near reports whether a conversation whose row has a time of creation may have been listed in a window.
func near(w schemas.Window, created time.Time) bool {
	return created.After(w.From.Add(-besides)) && created.Before(w.To.Add(besides))
}

// version returns what an entry of the record says.
func (r *known) version(x *index, e entry) (Version, error) {
	instant := func(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
	has := func(flag uint8) bool { return e.Flags&flag != 0 }
	v := Version{
		Shard: r.shard, Record: r.digest, Row: has(hasRow), Gone: has(isGone), Dead: has(isDead), Closed: has(isClosed),
		ObservedAt: instant(e.Observed), Extent: r.extent(e), opened: r.opened, committed: r.committed,
	}
	if has(hasSource) {
		v.Source = new(e.Source)
	}
	if has(hasCreated) {
		v.CreatedAt = instant(e.Created)
	}
	if has(hasStated) {
		v.Stated = new(e.Stated)
	}
	var err error
	v.ID, v.Listed, v.Content, err = x.texts(e)
	return v, err
}

// Open yields the newest versions of the conversations that are neither closed nor gone, ascending by the time of their creation and
// their id.
func (k *Known) Open(ctx context.Context) iter.Seq2[Version, error] {
	return k.newest(ctx, time.Time{}, func(e entry) bool { return e.Flags&(hasRow|isGone|isClosed) == hasRow })
}

// Seen yields the newest versions of the conversations that were read at a time or later and are not gone, in the order of Open.
func (k *Known) Seen(ctx context.Context, since time.Time) iter.Seq2[Version, error] {
	return k.newest(ctx, since, func(e entry) bool {
		return e.Flags&(hasRow|isGone) == hasRow && e.Observed >= since.UnixMicro()
	})
}

// newest yields those newest versions of conversations that are wanted, from records that were committed at a time or later.
func (k *Known) newest(ctx context.Context, committed time.Time, wanted func(entry) bool) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		all, err := k.versions(ctx, committed, wanted)
		if err != nil {
			yield(Version{}, err)
			return
		}
		for _, v := range all {
			if !yield(v, nil) {
				return
			}
		}
	}
}

func (k *Known) versions(ctx context.Context, committed time.Time, wanted func(entry) bool) (all []Version, err error) {
	for _, r := range k.records {
		if r.committed.Before(committed) {
			continue
		}
		x, err := k.lake.indexOf(ctx, r)
		if err != nil {
			return nil, err
		}
		err = x.all(func(_ int, e entry) error {
			if !wanted(e) {
				return nil
			}
			v, err := r.version(x, e)
			if err != nil {
				return err
			}
			newest, found, err := k.Find(ctx, v.ID, v.CreatedAt)
			if err == nil && (!found || newest.Record == v.Record) {
				all = append(all, v)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, byCreation)
	return all, nil
}

func byCreation(a, b Version) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
}

package activities

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// AbsorbShardsInput names a window: the shards in it are absorbed, itself included.
type AbsorbShardsInput struct {
	Shard ledger.Shard `json:"shard"`
}

// AbsorbShardsOutput counts shards that had files.
type AbsorbShardsOutput struct {
	Absorbed int   `json:"absorbed,omitempty"`
	Files    int   `json:"files,omitempty"` // of those absorbed
	Bytes    int64 `json:"bytes,omitempty"`
	Kept     int   `json:"kept,omitempty"` // because something of them is nowhere else
}

// AbsorbShards replaces the shards in a window by generations without files, if others have all of them:
//
//   - a shard of changes or of announcements, if each of its conversations is as new or newer in a window of creation or in a wider
//     window of its stream
//   - a shard by creation, if each of its conversations is as new or newer in a wider window of creation
//   - a shard of reports or a snapshot of the directory, if a wider window has all its documents
//
// A row, a tombstone and a dead letter are all conversations in this sense. Whatever is nowhere else keeps its shard, also a document that
// the account's Keeper keeps and the newer version lacks, because both were read at the same time. A shard is absorbed
// only by wider ones or by those by creation, never the other way round, so two shards cannot absorb each other. What has absorbed a
// shard may be replaced at any time: a later generation has all its conversations, as new or newer.
//
// It opens no account and may run several times, even concurrently: each commit replaces exactly the record that was read.
func (a *Activities) AbsorbShards(ctx context.Context, in AbsorbShardsInput) (AbsorbShardsOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	for {
		out, err := a.absorbShards(ctx, in.Shard)
		if errors.Is(err, ledger.ErrSuperseded) && ctx.Err() == nil {
			continue // one of the shards has another record now
		}
		return out, a.classify(ctx, err)
	}
}

func (a *Activities) absorbShards(ctx context.Context, shard ledger.Shard) (AbsorbShardsOutput, error) {
	account, err := a.Account(ctx, shard.Account)
	if err != nil {
		return AbsorbShardsOutput{}, err
	}
	s := &absorption{lake: a.Lake, keeper: account.Keeper, whole: map[string]bool{}}
	if err := s.read(ctx, shard); err != nil {
		return AbsorbShardsOutput{}, err
	}
	compare := s.compareDocuments
	if shard.Stream.HasConversations() {
		compare = s.compareConversations
	}
	if err := compare(ctx); err != nil {
		return AbsorbShardsOutput{}, err
	}
	var out AbsorbShardsOutput
	for i := range s.candidates {
		c := &s.candidates[i]
		absorber, err := s.absorber(ctx, *c)
		if err != nil {
			return out, err
		}
		if absorber == nil {
			out.Kept++
			continue
		}
		next := absorbed(c.record, *absorber)
		next.Writer = a.Lake.Writer()
		next.WorkflowID, next.RunID = workflowAndRun(ctx)
		if _, _, err := a.Lake.CommitNext(ctx, next); err != nil {
			return out, err
		}
		out.Absorbed++
		out.Files += len(c.record.Files)
		for _, f := range c.record.Files {
			out.Bytes += f.Bytes
		}
	}
	return out, nil
}

// absorbed is the next generation of a shard that another one has all of. What it listed counts as unchanged.
func absorbed(r, by ledger.Record) ledger.Record {
	next := r
	next.Generation, next.Cause, next.Rewrites, next.AbsorbedBy = r.Generation+1, ledger.CauseAbsorb, r.Digest, by.Digest
	next.Files, next.Flags, next.Unwitnessed, next.Omitted = []ledger.File{}, nil, nil, nil
	next.Found, next.Named = nil, nil // the first generation has them
	next.Counts = ledger.Counts{Listed: r.Counts.Listed, Unchanged: r.Counts.Listed, Duplicates: r.Counts.Duplicates, OutOfWindow: r.Counts.OutOfWindow}
	return next
}

// absorption finds out which shards others have all of.
type absorption struct {
	lake       *lake.Lake
	keeper     providers.Keeper // of the account; may be nil
	candidates []candidate
	absorbers  []ledger.Record
	whole      map[string]bool // whether the files of a record are there, by its digest
}

// candidate is a shard that may be absorbed.
type candidate struct {
	record ledger.Record
	// left are its conversations, or documents, that were not found elsewhere; nil if that is not known.
	left map[lake.Key]lake.Standing
	by   map[int]int // how many were found in each of the absorbers
	// unseen are the absorbers that have a conversation as new, but were made without the candidate in the lake. They may lack documents.
	unseen map[lake.Key][]int
}

// read reads the records of the candidates and of what may absorb them.
func (s *absorption) read(ctx context.Context, shard ledger.Shard) error {
	f := ledger.Filter(shard)
	records, err := s.lake.Current(ctx, f)
	if err != nil {
		return err
	}
	for _, r := range records {
		if len(r.Files) == 0 {
			continue
		}
		s.absorbers = append(s.absorbers, r)
		if r.Shard == shard || within(r.Shard.Window, shard.Window) {
			s.candidates = append(s.candidates, candidate{record: r, by: map[int]int{}, unseen: map[lake.Key][]int{}})
		}
	}
	slices.SortFunc(s.absorbers, func(a, b ledger.Record) int {
		return cmp.Compare(b.Shard.Window.To.Sub(b.Shard.Window.From), a.Shard.Window.To.Sub(a.Shard.Window.From))
	})
	if shard.Stream.IsByChange() {
		created, err := s.lake.Current(ctx, createdBefore(shard))
		if err != nil {
			return err
		}
		slices.Reverse(created) // most changes are in new conversations
		s.absorbers = append(s.absorbers, created...)
	}
	if shard.Stream == schemas.StreamDirectory {
		return s.leaveNewest(ctx, f)
	}
	return nil
}

// leaveNewest leaves out the newest snapshot of a directory, which readers use, and everything that would become the newest.
func (s *absorption) leaveNewest(ctx context.Context, f ledger.Filter) error {
	f.Window = schemas.Window{}
	all, err := s.lake.Current(ctx, f)
	if err != nil {
		return err
	}
	later := func(r ledger.Record) bool {
		return slices.ContainsFunc(all, func(o ledger.Record) bool { return len(o.Files) > 0 && !o.Shard.Window.From.Before(r.Shard.Window.To) })
	}
	s.absorbers = slices.DeleteFunc(s.absorbers, func(r ledger.Record) bool { return !later(r) })
	return nil
}

// mayAbsorb reports whether r, if it has all of n, may take its place.
func mayAbsorb(r, n ledger.Record) bool {
	if len(r.Files) == 0 {
		return false
	}
	if r.Shard.Stream == n.Shard.Stream {
		return within(n.Shard.Window, r.Shard.Window)
	}
	// What was read before the shard was opened cannot be as new. Windows of creation are many, and most are older.
	return r.Shard.Stream.IsByCreation() && !n.Shard.Stream.IsByCreation() && (n.OpenedAt == nil || r.CommittedAt.After(*n.OpenedAt))
}

// compareConversations looks for the conversations of the candidates in the absorbers.
func (s *absorption) compareConversations(ctx context.Context) error {
	left := map[lake.Key]int{} // in how many candidates a conversation has not been found elsewhere
	for i := range s.candidates {
		c := &s.candidates[i]
		standings, err := s.lake.Standings(ctx, c.record, nil)
		if errors.Is(err, lake.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		if n := c.record.Counts; int64(len(standings)) != n.Conversations+n.Gone+n.Dead {
			continue
		}
		c.left = standings
		for key := range standings {
			left[key]++
		}
	}
	for i, r := range s.absorbers {
		if !slices.ContainsFunc(s.candidates, func(c candidate) bool { return len(c.left) > 0 && mayAbsorb(r, c.record) }) {
			continue
		}
		has, err := s.lake.Standings(ctx, r, func(key lake.Key) bool { return left[key] > 0 })
		if errors.Is(err, lake.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		for j := range s.candidates {
			c := &s.candidates[j]
			if !mayAbsorb(r, c.record) {
				continue
			}
			later := r.CommittedAt.After(c.record.CommittedAt)
			lacks := s.keeper != nil && !r.Saw(c.record)
			maps.DeleteFunc(c.left, func(key lake.Key, v lake.Standing) bool {
				found, ok := has[key]
				switch {
				case !ok || !found.Covers(v, later):
					return false
				case lacks && found.State == lake.Whole && v.State != lake.Gone:
					c.unseen[key] = append(c.unseen[key], i)
					return false
				}
				c.by[i]++
				left[key]--
				return true
			})
		}
	}
	for i := range s.candidates {
		if err := s.compareUnseen(ctx, &s.candidates[i]); err != nil {
			return err
		}
	}
	return nil
}

// compareUnseen looks for the documents of a candidate in absorbers that were made without it in the lake, if nothing else keeps it.
func (s *absorption) compareUnseen(ctx context.Context, c *candidate) error {
	for key := range c.left {
		if len(c.unseen[key]) == 0 {
			return nil
		}
	}
	for id, err := range readable(ctx, s.lake, c.record) {
		if errors.Is(err, lake.ErrDamaged) {
			return nil
		}
		if err != nil {
			return err
		}
		key := lake.KeyOf(id)
		for _, i := range c.unseen[key] {
			if _, left := c.left[key]; !left {
				break
			}
			lacks, err := s.lacks(ctx, id, c.record, s.absorbers[i])
			if err != nil {
				return err
			}
			if !lacks {
				c.by[i]++
				delete(c.left, key)
			}
		}
		if _, left := c.left[key]; left {
			return nil
		}
	}
	return nil
}

// lacks reports whether a record has documents of a conversation that are kept, and another record does not have them.
func (s *absorption) lacks(ctx context.Context, id string, has, other ledger.Record) (bool, error) {
	had, found, err := s.lake.VersionIn(ctx, has, id)
	if err != nil || !found {
		return true, err
	}
	to, found, err := s.lake.VersionIn(ctx, other, id)
	if err != nil || !found {
		return true, err
	}
	return addsTo(ctx, s.lake, s.keeper, had, to)
}

// compareDocuments looks for the documents of the candidates in wider windows.
func (s *absorption) compareDocuments(ctx context.Context) error {
	for i := range s.candidates {
		keys, err := documentKeys(ctx, s.lake, s.candidates[i].record)
		if err != nil && !errors.Is(err, lake.ErrDamaged) {
			return err
		}
		s.candidates[i].left = keys
	}
	for i, r := range s.absorbers {
		if !slices.ContainsFunc(s.candidates, func(c candidate) bool { return len(c.left) > 0 && mayAbsorb(r, c.record) }) {
			continue
		}
		has, err := documentKeys(ctx, s.lake, r)
		if errors.Is(err, lake.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		for _, c := range s.candidates {
			// All of them must be in one shard, because only together they are what the platform answered.
			if mayAbsorb(r, c.record) && subset(c.left, has) {
				c.by[i] += len(c.left)
				clear(c.left)
			}
		}
	}
	return nil
}

// absorber returns the record that has most of a candidate if all of it is elsewhere, and nil if not. The files of all records that have
// something of it must be there.
func (s *absorption) absorber(ctx context.Context, c candidate) (*ledger.Record, error) {
	if c.left == nil || len(c.left) > 0 || len(c.by) == 0 {
		return nil, nil
	}
	most := -1
	for _, i := range slices.Sorted(maps.Keys(c.by)) {
		r := s.absorbers[i]
		whole, known := s.whole[r.Digest]
		if !known {
			findings, err := s.lake.VerifyRecord(ctx, r, false)
			if err != nil {
				return nil, err
			}
			whole = len(findings) == 0
			s.whole[r.Digest] = whole
		}
		if !whole {
			return nil, nil
		}
		if most < 0 || c.by[i] > c.by[most] {
			most = i
		}
	}
	return &s.absorbers[most], nil
}

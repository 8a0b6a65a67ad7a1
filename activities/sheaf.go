package activities

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/schemas"
)

// sheaf is the winners of a shard in list order. It holds one page at a time, and the ids that are listed more than once.
type sheaf struct {
	lake       *lake.Lake
	pages      []PageReceipt
	refs       map[int]int // how many a page lists, by its number
	messages   map[int][]ChunkReceipt
	metadata   map[int][]ChunkReceipt
	dead       map[int]map[int]DeadRef
	chosen     map[string]place // where the conversations that are listed more than once are taken from
	listed     int64            // different conversations
	duplicates int64
}

// place is a conversation's place in a page.
type place struct{ page, index int }

// newSheaf reads the headers of all pages and decides from which page each conversation is taken: the first in list
// order in which it is not dead. Without metadata there is none to be complete.
func newSheaf(ctx context.Context, l *lake.Lake, receipts Receipts, metadata bool) (*sheaf, error) {
	s := &sheaf{
		lake: l, pages: receipts.Pages,
		refs: map[int]int{}, messages: map[int][]ChunkReceipt{}, metadata: map[int][]ChunkReceipt{},
		dead: map[int]map[int]DeadRef{}, chosen: map[string]place{},
	}
	slices.SortFunc(s.pages, func(a, b PageReceipt) int {
		return cmp.Or(a.MinCreatedAt.Compare(b.MinCreatedAt), cmp.Compare(a.Number, b.Number))
	})
	steps := map[string]map[int]map[int]bool{"FetchMessages": {}, "FetchMetadata": {}}
	for _, d := range receipts.Dead {
		if s.dead[d.Page] == nil {
			s.dead[d.Page] = map[int]DeadRef{}
		}
		s.dead[d.Page][d.Index] = d
		if steps[d.Step][d.Page] == nil {
			steps[d.Step][d.Page] = map[int]bool{}
		}
		steps[d.Step][d.Page][d.Index] = true
	}
	for _, chunk := range receipts.Messages {
		s.messages[chunk.Page] = append(s.messages[chunk.Page], chunk)
	}
	for _, chunk := range receipts.Metadata {
		s.metadata[chunk.Page] = append(s.metadata[chunk.Page], chunk)
	}
	if err := s.choose(ctx); err != nil {
		return nil, err
	}
	for _, page := range s.pages {
		var err error
		n := s.refs[page.Number]
		if s.messages[page.Number], err = inOrder(s.messages[page.Number], steps["FetchMessages"][page.Number], n); err != nil {
			return nil, fmt.Errorf("messages of page %d: %w", page.Number, err)
		}
		if !metadata {
			continue
		}
		if s.metadata[page.Number], err = inOrder(s.metadata[page.Number], steps["FetchMetadata"][page.Number], n); err != nil {
			return nil, fmt.Errorf("metadata of page %d: %w", page.Number, err)
		}
	}
	return s, nil
}

// choose looks through the headers of all pages for conversations that are listed more than once, and decides from where each of
// them is taken. It looks at hashes first: the ids of a large shard would be the most of what sealing holds.
func (s *sheaf) choose(ctx context.Context) error {
	seed := maphash.MakeSeed()
	var hashes []uint64 // in list order
	for _, page := range s.pages {
		var header pageHeader
		if err := s.lake.ReadHeader(ctx, page.Staged, &header); err != nil {
			return err
		}
		s.refs[page.Number] = len(header.Refs)
		s.listed += int64(len(header.Refs))
		s.duplicates += int64(page.Duplicates)
		for _, ref := range header.Refs {
			hashes = append(hashes, maphash.String(seed, ref.ID))
		}
	}
	again := repeated(hashes)
	if len(again) == 0 {
		return nil
	}
	for _, page := range s.pages {
		n := s.refs[page.Number]
		here := hashes[:n]
		if hashes = hashes[n:]; !slices.ContainsFunc(here, func(h uint64) bool { return again[h] }) {
			continue
		}
		var header pageHeader
		if err := s.lake.ReadHeader(ctx, page.Staged, &header); err != nil {
			return err
		}
		for i, ref := range header.Refs {
			if again[here[i]] {
				s.candidate(ref.ID, place{page.Number, i})
			}
		}
	}
	return nil
}

// repeated is what stands in a list more than once.
func repeated(hashes []uint64) map[uint64]bool {
	again := map[uint64]bool{}
	sorted := slices.Sorted(slices.Values(hashes))
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			again[sorted[i]] = true
		}
	}
	return again
}

// candidate takes a conversation from a place, unless it is taken from a better one already.
func (s *sheaf) candidate(id string, at place) {
	stands, ok := s.chosen[id]
	if ok {
		s.listed--
		s.duplicates++
	}
	if !ok || s.isDead(stands) && !s.isDead(at) {
		s.chosen[id] = at
	}
}

func (s *sheaf) isDead(p place) bool {
	_, dead := s.dead[p.page][p.index]
	return dead
}

// bundles yields each conversation once, in list order.
func (s *sheaf) bundles(ctx context.Context) iter.Seq2[bundle, error] {
	return func(yield func(bundle, error) bool) {
		for _, page := range s.pages {
			if !s.page(ctx, page, yield) {
				return
			}
		}
	}
}

// page yields the conversations of one page and says whether to go on.
func (s *sheaf) page(ctx context.Context, page PageReceipt, yield func(bundle, error) bool) bool {
	var header pageHeader
	listed := newReader(s.lake.ReadStaged(ctx, page.Staged, &header))
	defer listed.stop()
	listed.fill() // and the header with it
	messages := newReader(s.chunks(ctx, s.messages[page.Number]))
	defer messages.stop()
	metadata := newReader(s.chunks(ctx, s.metadata[page.Number]))
	defer metadata.stop()
	for i, ref := range header.Refs {
		b := bundle{ref: ref, listed: listed.take(ref.ID), messages: messages.take(ref.ID), others: metadata.take(ref.ID)}
		if err := cmp.Or(listed.err, messages.err, metadata.err); err != nil {
			yield(b, err)
			return false
		}
		if d, dead := s.dead[page.Number][i]; dead {
			b.dead = &d
		} else if len(b.messages) == 0 {
			yield(b, fmt.Errorf("conversation %s has no messages document: %w", ref.ID, errIncomplete))
			return false
		}
		if at, twice := s.chosen[ref.ID]; twice && at != (place{page.Number, i}) {
			continue
		}
		if !yield(b, nil) {
			return false
		}
	}
	for _, r := range []*reader{listed, messages, metadata} {
		if err := r.end(); err != nil {
			yield(bundle{}, err)
			return false
		}
	}
	return true
}

// chunks reads the documents of several chunks one after another.
func (s *sheaf) chunks(ctx context.Context, chunks []ChunkReceipt) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, chunk := range chunks {
			for doc, err := range s.lake.ReadStaged(ctx, chunk.Staged, nil) {
				if !yield(doc, err) || err != nil {
					return
				}
			}
		}
	}
}

// reader takes documents off a stream that is grouped by conversation.
type reader struct {
	next   func() (schemas.Document, error, bool)
	stop   func()
	doc    schemas.Document
	filled bool
	err    error
}

func newReader(documents iter.Seq2[schemas.Document, error]) *reader {
	r := &reader{}
	r.next, r.stop = iter.Pull2(documents)
	return r
}

// take returns the documents of a conversation that stand next in the stream.
func (r *reader) take(id string) []schemas.Document {
	var docs []schemas.Document
	for r.fill() && r.doc.ConversationID == id {
		docs = append(docs, r.doc)
		r.filled = false
	}
	return docs
}

// end returns an error when the stream holds documents that nobody has taken.
func (r *reader) end() error {
	if r.fill() {
		return fmt.Errorf("documents of conversation %s are out of order: %w", r.doc.ConversationID, errIncomplete)
	}
	return r.err
}

func (r *reader) fill() bool {
	if !r.filled && r.err == nil {
		r.doc, r.err, r.filled = r.next()
		r.filled = r.filled && r.err == nil
	}
	return r.filled
}

package activities

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// winners reads the winners of a shard in list order. It keeps one page in memory, and the ids that are listed more than once.
type winners struct {
	lake       *lake.Lake
	keeper     providers.Keeper
	pages      []PageReceipt
	refs       map[int]int // number of conversations on each page, by page number
	messages   *chunkReceipts
	metadata   *chunkReceipts
	dead       map[int]map[int]DeadRef
	chosen     map[string]place // which listing is used of conversations that are listed more than once
	unlisted   map[int]bool     // pages of conversations that the list did not have
	listed     int64            // distinct conversations, also unchanged ones
	unchanged  int64            // distinct conversations that are on no page, because the lake has them in the listed version
	duplicates int64
	omitted    []ledger.Omission
	announcing announcing
}

// place is the position of a conversation in the list.
type place struct{ page, index int }

// newWinners reads the headers of all pages and decides which listing of each conversation is used: the first in list order that
// is not dead. Without metadata, the receipts of metadata are not checked.
func newWinners(ctx context.Context, l *lake.Lake, k providers.Keeper, receipts *shelf, metadata bool) (*winners, error) {
	w := &winners{
		lake: l, keeper: k, pages: receipts.pages,
		refs: map[int]int{}, messages: receipts.messages, metadata: receipts.metadata,
		dead: map[int]map[int]DeadRef{}, chosen: map[string]place{}, unlisted: map[int]bool{},
	}
	last := func(p PageReceipt) int { // a conversation that is on a page of the list as well is used from there
		if p.Unlisted {
			return 1
		}
		return 0
	}
	slices.SortFunc(w.pages, func(a, b PageReceipt) int {
		return cmp.Or(last(a)-last(b), a.MinCreatedAt.Compare(b.MinCreatedAt), cmp.Compare(a.Number, b.Number))
	})
	for _, page := range w.pages {
		w.unlisted[page.Number] = page.Unlisted
	}
	steps := map[string]map[int]map[int]bool{"FetchMessages": {}, "FetchMetadata": {}}
	for _, d := range receipts.dead {
		if w.dead[d.Page] == nil {
			w.dead[d.Page] = map[int]DeadRef{}
		}
		w.dead[d.Page][d.Index] = d
		if steps[d.Step][d.Page] == nil {
			steps[d.Step][d.Page] = map[int]bool{}
		}
		steps[d.Step][d.Page][d.Index] = true
	}
	if err := w.choose(ctx); err != nil {
		return nil, err
	}
	for _, o := range w.omitted {
		if o.More && o.Omitted > 0 {
			return nil, fmt.Errorf("%s of %d conversations was left out before one said more than the list: %w", o.Document, o.Omitted, lake.ErrStagingLost)
		}
	}
	for _, page := range w.pages {
		n := w.refs[page.Number]
		if err := w.messages.cover(page.Number, steps["FetchMessages"][page.Number], n); err != nil {
			return nil, fmt.Errorf("messages of page %d: %w", page.Number, err)
		}
		if !metadata {
			continue
		}
		if err := w.metadata.cover(page.Number, steps["FetchMetadata"][page.Number], n); err != nil {
			return nil, fmt.Errorf("metadata of page %d: %w", page.Number, err)
		}
	}
	return w, nil
}

// choose finds conversations that are listed more than once and decides which listing of each is used. It compares hashes first,
// because the ids of a large shard would use most of the memory.
func (w *winners) choose(ctx context.Context) error {
	seed := maphash.MakeSeed()
	listed, unchanged := &hashes{data: w.lake.NewSpill()}, &hashes{data: w.lake.NewSpill()} // in list order
	defer listed.data.Close()
	defer unchanged.data.Close()
	for _, page := range w.pages {
		var header pageHeader
		if err := w.lake.ReadHeader(ctx, page.Staged, &header); err != nil {
			return err
		}
		w.announcing.read(header)
		for _, o := range header.Omitted {
			w.omitted = ledger.AddOmission(w.omitted, o)
		}
		w.refs[page.Number] = len(header.Refs)
		w.listed += int64(len(header.Refs))
		w.duplicates += int64(page.Duplicates)
		for _, ref := range header.Refs {
			if err := listed.add(maphash.String(seed, ref.ID)); err != nil {
				return err
			}
		}
		for _, id := range header.Unchanged {
			if err := unchanged.add(maphash.String(seed, id)); err != nil {
				return err
			}
		}
	}
	var err error
	if w.unchanged, err = unchanged.distinctFrom(listed); err != nil {
		return err
	}
	w.listed += w.unchanged
	w.duplicates += int64(unchanged.count) - w.unchanged
	again, err := listed.repeated()
	if err != nil || len(again) == 0 {
		return err
	}
	return w.chooseAmong(ctx, listed, again)
}

// chooseAmong decides which listing is used of the conversations whose hashes are in again.
func (w *winners) chooseAmong(ctx context.Context, listed *hashes, again map[uint64]bool) error {
	next := 0
	for _, page := range w.pages {
		here, err := listed.between(next, next+w.refs[page.Number])
		if err != nil {
			return err
		}
		if next += len(here); !slices.ContainsFunc(here, func(h uint64) bool { return again[h] }) {
			continue
		}
		var header pageHeader
		if err := w.lake.ReadHeader(ctx, page.Staged, &header); err != nil {
			return err
		}
		for i, ref := range header.Refs {
			if again[here[i]] {
				w.candidate(ref.ID, place{page.Number, i})
			}
		}
	}
	return nil
}

// candidate uses a listing of a conversation, unless a better one was already chosen.
func (w *winners) candidate(id string, at place) {
	current, ok := w.chosen[id]
	if ok {
		w.listed--
		w.duplicates++
	}
	if !ok || w.isDead(current) && !w.isDead(at) && !w.unlisted[at.page] {
		w.chosen[id] = at
	}
}

func (w *winners) isDead(p place) bool {
	_, dead := w.dead[p.page][p.index]
	return dead
}

// conversations yields each conversation once, in list order.
func (w *winners) conversations(ctx context.Context) iter.Seq2[conversation, error] {
	return func(yield func(conversation, error) bool) {
		for _, page := range w.pages {
			if !w.page(ctx, page, yield) {
				return
			}
		}
	}
}

// page yields the conversations of one page and reports whether to continue.
func (w *winners) page(ctx context.Context, page PageReceipt, yield func(conversation, error) bool) bool {
	var header pageHeader
	listed := newReader(w.lake.ReadStaged(ctx, page.Staged, &header))
	defer listed.stop()
	listed.fill() // also reads the header
	messages := newReader(w.chunks(ctx, w.messages, page.Number))
	defer messages.stop()
	metadata := newReader(w.chunks(ctx, w.metadata, page.Number))
	defer metadata.stop()
	for i, ref := range header.Refs {
		c := conversation{ref: ref, listed: listed.take(ref.ID), messages: messages.take(ref.ID), others: metadata.take(ref.ID)}
		if err := cmp.Or(listed.err, messages.err, metadata.err); err != nil {
			yield(c, err)
			return false
		}
		var err error
		if d, dead := w.dead[page.Number][i]; dead {
			c.dead = &d
			c, err = c.withLast(ctx, w.lake, w.keeper, &header, header.of(i))
		} else {
			c, err = c.withLake(w.keeper, &header, header.of(i))
		}
		if err != nil {
			yield(c, err)
			return false
		}
		if c.dead == nil && len(c.messages) == 0 {
			yield(c, fmt.Errorf("conversation %s has no messages document: %w", ref.ID, errIncomplete))
			return false
		}
		if at, twice := w.chosen[ref.ID]; twice && at != (place{page.Number, i}) {
			continue
		}
		if !yield(c, nil) {
			return false
		}
	}
	for _, r := range []*reader{listed, messages, metadata} {
		if err := r.end(); err != nil {
			yield(conversation{}, err)
			return false
		}
	}
	return true
}

// chunks reads the documents of all chunks of a page, one after another.
func (w *winners) chunks(ctx context.Context, of *chunkReceipts, page int) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		chunks, err := of.page(page)
		if err != nil {
			yield(schemas.Document{}, err)
			return
		}
		for _, chunk := range chunks {
			for doc, err := range w.lake.ReadStaged(ctx, chunk.Staged, nil) {
				if !yield(doc, err) || err != nil {
					return
				}
			}
		}
	}
}

// reader reads a stream of documents that is grouped by conversation.
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

// take returns the documents of a conversation if they are next in the stream.
func (r *reader) take(id string) []schemas.Document {
	var docs []schemas.Document
	for r.fill() && r.doc.ConversationID == id {
		docs = append(docs, r.doc)
		r.filled = false
	}
	return docs
}

// end returns an error if the stream still has documents.
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

// totalListed returns what the last page of a list says of the window's total, or nil.
func totalListed(pages []PageReceipt) *int64 {
	var last PageReceipt
	for _, page := range pages {
		if !page.Unlisted && page.Number >= last.Number {
			last = page
		}
	}
	return last.Total
}

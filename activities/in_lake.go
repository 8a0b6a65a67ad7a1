package activities

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// A page says what the lake had of its conversations when it was staged, and which of them are not asked for. Everything after it goes by
// the page, so that sealing is pure, whatever comes into the lake meanwhile.

// inLake is what the lake has of a conversation on a page.
type inLake struct {
	Index int `json:"i"` // of the conversation on the page
	// Reuse means that the platform is not asked: its documents come from the lake.
	Reuse bool `json:"reuse,omitempty"`
	Row   bool `json:"row,omitempty"`
	Gone  bool `json:"gone,omitempty"`
	Dead  bool `json:"dead,omitempty"`
	// Closed means that the row is of a closed conversation.
	Closed bool `json:"closed,omitempty"`
	// Listed is the listed version of the row, Source its source version, Stated its number of messages according to the list, and
	// Content its lake.ContentKey.
	Listed  string `json:"listed,omitempty"`
	Source  *int64 `json:"source,omitempty"`
	Stated  *int64 `json:"stated,omitempty"`
	Content string `json:"content,omitempty"`
	placed
	// Unseen are the documents of versions that readers do not take, and that were not in the lake when the one that they take was read.
	// Only accounts with a Keeper have them.
	Unseen []placed `json:"unseen,omitempty"`
}

// placed is where documents are.
type placed struct {
	// Documents is the number of documents. At says where they are: indexes of Files, and row groups.
	Documents int      `json:"n,omitempty"`
	At        [][2]int `json:"at,omitempty"`
}

// lakeFile is a committed file that a page needs.
type lakeFile struct {
	Key    string `json:"key"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// note adds to the header what the lake has of the conversation at an index: the version that readers take, and others.
func (h *pageHeader) note(index int, v lake.Version, unseen []lake.Version, reuse bool) {
	n := inLake{
		Index: index, Reuse: reuse, Row: v.Row, Gone: v.Gone, Dead: v.Dead, Closed: v.Closed, Listed: v.Listed, Source: v.Source, Stated: v.Stated,
		Content: v.Content, placed: h.place(v.Extent),
	}
	for _, other := range unseen {
		n.Unseen = append(n.Unseen, h.place(other.Extent))
	}
	h.Lake = append(h.Lake, n)
}

// place adds the files of documents to the header.
func (h *pageHeader) place(x lake.Extent) placed {
	p := placed{Documents: x.Documents}
	for _, g := range x.Groups {
		f := lakeFile{g.File.Key, g.File.Bytes, g.File.SHA256}
		at := slices.Index(h.Files, f)
		if at < 0 {
			at = len(h.Files)
			h.Files = append(h.Files, f)
		}
		p.At = append(p.At, [2]int{at, g.Group})
	}
	return p
}

// extent is where the header says that documents are.
func (h *pageHeader) extent(p placed) (lake.Extent, error) {
	x := lake.Extent{Documents: p.Documents}
	for _, at := range p.At {
		if at[0] < 0 || at[0] >= len(h.Files) {
			return x, fmt.Errorf("the page has no file %d: %w", at[0], lake.ErrDamaged)
		}
		f := h.Files[at[0]]
		x.Groups = append(x.Groups, lake.Group{File: ledger.File{Table: schemas.Documents.Table, Key: f.Key, Bytes: f.Bytes, SHA256: f.SHA256}, Group: at[1]})
	}
	return x, nil
}

// of returns what the lake has of the conversation at an index, or nil. Lake is sorted.
func (h *pageHeader) of(index int) *inLake {
	at, ok := slices.BinarySearchFunc(h.Lake, index, func(n inLake, i int) int { return n.Index - i })
	if !ok {
		return nil
	}
	return &h.Lake[at]
}

// extract reads a conversation's documents from the lake, with those that k keeps of the versions that readers do not take.
func (h *pageHeader) extract(ctx context.Context, l *lake.Lake, k providers.Keeper, id string, n *inLake) ([]schemas.Document, error) {
	read := func(p placed) ([]schemas.Document, error) {
		x, err := h.extent(p)
		if err != nil {
			return nil, err
		}
		return l.Extract(ctx, id, x)
	}
	docs, err := read(n.placed)
	if err != nil || k == nil {
		return docs, err
	}
	if !n.Row && n.Dead { // they may be what cannot be read
		docs = joined(k, nil, false, docs)
	}
	var others [][]schemas.Document
	for _, p := range n.Unseen {
		other, err := read(p)
		switch {
		case err == nil:
			others = append(others, other)
		case !errors.Is(err, lake.ErrDamaged):
			return nil, err
		}
	}
	return joined(k, docs, n.Gone && n.Row, others...), nil
}

// fromLake is the kind of the document that precedes the documents from the lake in a staged chunk. It is never sealed.
const fromLake = "chatlake/from_lake"

// withLake yields the documents of refs that a fetch returns, with those that come from the lake: of reused conversations instead of
// asking for them, and after the answer of conversations that are gone, and of all others if s keeps some of them. Indexes are those of
// refs on the page.
func (h *pageHeader) withLake(ctx context.Context, s supply, index map[string]int, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	if len(h.Lake) == 0 {
		return s.fetch(ctx, refs)
	}
	return func(yield func(schemas.Document, error) bool) {
		var asked []providers.Ref
		for _, ref := range refs {
			if n := h.of(index[ref.ID]); n == nil || !n.Reuse {
				asked = append(asked, ref)
			}
		}
		answers := newReader(func(yield func(schemas.Document, error) bool) {
			if len(asked) > 0 {
				s.fetch(ctx, asked)(yield)
			}
		})
		defer answers.stop()
		for _, ref := range refs {
			n := h.of(index[ref.ID])
			docs, err := h.documents(ctx, s, ref, n, answers)
			if err != nil {
				yield(schemas.Document{}, err)
				return
			}
			for _, doc := range docs {
				if !yield(doc, nil) {
					return
				}
			}
		}
		if err := answers.end(); err != nil {
			yield(schemas.Document{}, err)
		}
	}
}

type fetcher func(context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]

// supply is where the documents of a chunk come from.
type supply struct {
	lake  *lake.Lake
	fetch fetcher
	// alone fetches everything about a conversation; it is nil for metadata, which never comes from the lake by itself.
	alone  fetcher
	keeper providers.Keeper // of the account; may be nil
}

// documents returns the documents of one conversation.
func (h *pageHeader) documents(ctx context.Context, s supply, ref providers.Ref, n *inLake, answers *reader) ([]schemas.Document, error) {
	var docs []schemas.Document
	switch {
	case n == nil || !n.Reuse:
		if docs = answers.take(ref.ID); answers.err != nil {
			return nil, answers.err
		}
		if s.alone == nil || !n.counts(isGone(docs), s.keeper) {
			return docs, nil
		}
	case s.alone == nil:
		return nil, nil
	}
	had, err := h.extract(ctx, s.lake, s.keeper, ref.ID, n)
	switch {
	case err == nil && len(had) == 0:
		return docs, nil
	case err == nil:
		return slices.Concat(docs, []schemas.Document{{Kind: fromLake, ConversationID: ref.ID}}, had), nil
	case !errors.Is(err, lake.ErrDamaged):
		return nil, err
	case n.Reuse: // ask the platform after all
		for doc, err := range s.alone(ctx, []providers.Ref{ref}) {
			if err != nil {
				return nil, err
			}
			docs = append(docs, doc)
		}
	}
	return docs, nil
}

// counts reports whether the documents in the lake matter although the conversation was asked for: the last version of one that is gone now,
// and what a keeper keeps of one that was not gone before.
func (n *inLake) counts(gone bool, k providers.Keeper) bool {
	switch {
	case n == nil:
		return false
	case gone:
		return n.Row
	}
	return k != nil && !n.Gone && (n.Row || n.Dead)
}

// isGone reports whether the answer is that the conversation does not exist.
func isGone(docs []schemas.Document) bool { return len(docs) > 0 && providers.IsGone(docs[0]) }

// splitLake separates what was staged of a conversation from the documents of it that come from the lake.
func splitLake(docs []schemas.Document) (asked, had []schemas.Document) {
	at := slices.IndexFunc(docs, func(doc schemas.Document) bool { return doc.Kind == fromLake })
	if at < 0 {
		return docs, nil
	}
	return docs[:at], docs[at+1:]
}

// inventory is what the lake has of an account, as providers ask for it. A conversation that is gone is not there for them: if the
// platform lists it again, it is new.
type inventory struct{ known *lake.Known }

func (i inventory) Open(ctx context.Context) iter.Seq2[providers.Ref, error] {
	return refsOf(i.known.Open(ctx))
}

func (i inventory) Seen(ctx context.Context, since time.Time) iter.Seq2[providers.Ref, error] {
	return refsOf(i.known.Seen(ctx, since))
}

func refsOf(versions iter.Seq2[lake.Version, error]) iter.Seq2[providers.Ref, error] {
	return func(yield func(providers.Ref, error) bool) {
		for v, err := range versions {
			if !yield(refOf(v), err) {
				return
			}
		}
	}
}

func (i inventory) Find(ctx context.Context, id string) (providers.Ref, bool, error) {
	v, found, err := i.known.Find(ctx, id, time.Time{})
	if err != nil || !found || !v.Row || v.Gone {
		return providers.Ref{}, false, err
	}
	return refOf(v), true, nil
}

func refOf(v lake.Version) providers.Ref {
	return providers.Ref{ID: v.ID, CreatedAt: v.CreatedAt, Messages: v.Stated, Version: v.Listed}
}

// withLake returns the conversation with its documents from the lake where the page and the answer say that they count. n is what the
// lake has of it, or nil. Of a conversation that is gone now, what only the list said is kept as k says.
func (c conversation) withLake(k providers.Keeper, header *pageHeader, n *inLake) (conversation, error) {
	c.header, c.had = header, n
	asked, had := splitLake(c.messages)
	if len(had) == 0 || n == nil {
		return c, nil
	}
	if len(asked) > 0 && !isGone(asked) {
		c.messages, c.earlier = asked, had
		return c, nil
	}
	listed := c.listed
	c.listed, c.others = nil, nil
	if n.Row {
		c.ref.Version, c.ref.Messages = n.Listed, n.Stated
	}
	switch {
	case n.Gone:
		return c.asGone(had, n.Row)
	case len(asked) == 0:
		c.messages, c.reused = had, true
	default:
		c.kept, c.messages = joined(k, had, false, listed), asked[:1]
	}
	return c, nil
}

// asGone returns a conversation that was already gone in the lake, with its documents. If it has a row, its last document is the answer
// that it is gone, and the others are of its last version.
func (c conversation) asGone(docs []schemas.Document, row bool) (conversation, error) {
	if !row {
		c.listed, c.messages = splitDocuments(docs, true)
		return c, nil
	}
	last := len(docs) - 1
	if last < 1 || !providers.IsGone(docs[last]) {
		return c, fmt.Errorf("conversation %s is gone, but its last document does not say so: %w", c.ref.ID, lake.ErrDamaged)
	}
	c.kept, c.messages = docs[:last], docs[last:]
	return c, nil
}

// withLast returns a conversation that could not be fetched or read with its last version from the lake, so that a generation never has
// less than the one before. Of what was read, only that stays which k keeps: the platform still has the rest. Without a last version it is as
// it was fetched.
func (c conversation) withLast(ctx context.Context, l *lake.Lake, k providers.Keeper, header *pageHeader, n *inLake) (conversation, error) {
	if n == nil || !n.Row {
		c.messages, _ = splitLake(c.messages)
		return c, nil
	}
	docs, err := header.extract(ctx, l, k, c.ref.ID, n)
	switch {
	case errors.Is(err, lake.ErrDamaged):
		c.messages, _ = splitLake(c.messages)
		return c, nil
	case err != nil:
		return c, err
	}
	docs = joined(k, docs, n.Gone, c.listed) // what only the list said is not said again
	c.listed, c.messages, c.others, c.earlier = nil, nil, nil, nil
	c.ref.Version, c.ref.Messages = n.Listed, n.Stated
	if n.Gone {
		return c.asGone(docs, true)
	}
	c.kept = docs
	return c, nil
}

// olderThanLake reports whether a conversation was read in an older version than the lake has: a list without versions may come from a
// replica that is behind, and a list may show less of a version than the lake knows.
func (c conversation) olderThanLake(thread schemas.Thread) bool {
	n := c.had
	return n != nil && n.Row && !n.Gone && !c.reused && n.Source != nil &&
		(thread.Conversation.SourceVersion == nil || *thread.Conversation.SourceVersion < *n.Source)
}

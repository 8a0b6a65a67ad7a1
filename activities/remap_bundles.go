package activities

import (
	"context"
	"fmt"
	"iter"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// standing is what a record says of its conversations beside their documents. It holds the ids of those that are gone or dead, and
// one row of the others at a time: they are in the order of the documents.
type standing struct {
	dead  map[string]int // places in deadRefs
	refs  []deadRef
	next  int // in refs: the first that was not yielded
	gone  map[string]bool
	pull  func() (lake.Row, error, bool)
	stop  func()
	ahead *lake.Row // the row that was pulled last and not taken
}

// deadRef is a conversation that could not be fetched, and its dead letter.
type deadRef struct {
	id     string
	letter DeadRef
}

// standing reads the dead letters and the tombstones of the record.
func (r *remap) standing(ctx context.Context) (*standing, error) {
	s := &standing{dead: map[string]int{}, gone: map[string]bool{}}
	for row, err := range r.lake.Rows(ctx, r.before, schemas.DeadLetters.Table, "conversation_id", "step", "error_kind", "detail", "attempts") {
		if err != nil {
			return nil, err
		}
		c := row.Cells
		if c[1].Text == stepSeal {
			continue // its documents are there, and are read anew
		}
		s.dead[c[0].Text] = len(s.refs)
		s.refs = append(s.refs, deadRef{c[0].Text, DeadRef{Step: c[1].Text, Kind: c[2].Text, Detail: c[3].Text, Attempts: c[4].Integer}})
	}
	for row, err := range r.lake.Rows(ctx, r.before, schemas.Tombstones.Table, "conversation_id", "message_id") {
		if err != nil {
			return nil, err
		}
		if row.Cells[1].Null {
			s.gone[row.Cells[0].Text] = true
		}
	}
	s.pull, s.stop = iter.Pull2(r.lake.Rows(ctx, r.before, schemas.Conversations.Table, "conversation_id", "stated_messages"))
	return s, nil
}

// row is the row of a conversation, nil where the record has none of it.
func (s *standing) row(id string) (*lake.Row, error) {
	if s.ahead == nil {
		row, err, ok := s.pull()
		if err != nil || !ok {
			return nil, err
		}
		row.Cells = append([]lake.Cell(nil), row.Cells...) // they are good for one pull only
		s.ahead = &row
	}
	if s.ahead.Cells[0].Text != id {
		return nil, nil
	}
	row := s.ahead
	s.ahead = nil
	return row, nil
}

// end returns an error when rows are left that no document is of.
func (s *standing) end() error {
	if s.ahead == nil {
		if _, err, ok := s.pull(); err != nil || !ok {
			return err
		}
	}
	return fmt.Errorf("the documents of a conversation are missing: %w", lake.ErrDamaged)
}

// bundles yields the conversations of the record in their order, each with its documents and what became of it.
func (r *remap) bundles(ctx context.Context) iter.Seq2[bundle, error] {
	return func(yield func(bundle, error) bool) {
		s, err := r.standing(ctx)
		if err != nil {
			yield(bundle{}, err)
			return
		}
		defer s.stop()
		documents := newReader(r.lake.Documents(ctx, r.before))
		defer documents.stop()
		for documents.fill() {
			docs := documents.take(documents.doc.ConversationID)
			if documents.err != nil {
				break
			}
			if !s.bundle(docs, yield) {
				return
			}
		}
		err = documents.err
		if err == nil {
			err = s.end()
		}
		if err != nil {
			yield(bundle{}, err)
			return
		}
		s.deadUpTo(len(s.refs), yield)
	}
}

// bundle yields a conversation that has documents, and before it the dead that have none and stood before it.
func (s *standing) bundle(docs []schemas.Document, yield func(bundle, error) bool) bool {
	id := docs[0].ConversationID
	if at, dead := s.dead[id]; dead {
		if !s.deadUpTo(at, yield) {
			return false
		}
		s.next = at + 1
		return yield(bundle{ref: providers.Ref{ID: id}, listed: docs, dead: &s.refs[at].letter}, nil)
	}
	row, err := s.row(id)
	if err != nil {
		yield(bundle{}, err)
		return false
	}
	b := bundle{ref: providers.Ref{ID: id}, stands: row != nil}
	if row != nil && !row.Cells[1].Null {
		b.ref.Messages = new(row.Cells[1].Integer)
	}
	b.listed, b.messages = divided(docs, s.gone[id])
	if s.gone[id] && len(b.messages) == 0 {
		yield(b, fmt.Errorf("conversation %s has a tombstone, and no answer that says so: %w", id, lake.ErrDamaged))
		return false
	}
	return yield(b, nil)
}

// deadUpTo yields the dead before a place that have no documents.
func (s *standing) deadUpTo(place int, yield func(bundle, error) bool) bool {
	for ; s.next < place; s.next++ {
		d := &s.refs[s.next]
		if !yield(bundle{ref: providers.Ref{ID: d.id}, dead: &d.letter}, nil) {
			return false
		}
	}
	return true
}

// divided divides documents where those of the messages may begin: of a conversation that is gone with the answer that says so, of
// others with one that does not. The lake does not say which of them came with the list.
func divided(docs []schemas.Document, gone bool) (listed, messages []schemas.Document) {
	for i, doc := range docs {
		if (doc.Status == 404 || doc.Status == 410) == gone {
			return docs[:i], docs[i:]
		}
	}
	return docs, nil
}

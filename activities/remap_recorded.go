package activities

import (
	"context"
	"fmt"
	"iter"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// recorded is what a record says about its conversations in addition to their documents. It keeps the ids of those that are gone
// or dead in memory, and one row at a time of the others, which are sorted like the documents.
type recorded struct {
	dead map[string]int // indexes in refs
	refs []deadRef
	next int // the first of refs that was not yielded
	// sealed are the dead letters of conversations whose documents could not be read. They are mapped again, unless they have a row:
	// then their documents are those of the last version that could be.
	sealed map[string]DeadRef
	gone   map[string]bool
	pull   func() (lake.Row, error, bool)
	stop   func()
	ahead  *lake.Row // the last row pulled, if it was not used yet
}

// deadRef is a conversation that could not be fetched, and its dead letter.
type deadRef struct {
	id     string
	letter DeadRef
}

// recorded reads the dead letters and the tombstones of the record.
func (r *remap) recorded(ctx context.Context) (*recorded, error) {
	s := &recorded{dead: map[string]int{}, sealed: map[string]DeadRef{}, gone: map[string]bool{}}
	for row, err := range r.lake.Rows(ctx, r.before, schemas.DeadLetters.Table, "conversation_id", "step", "error_kind", "detail", "attempts") {
		if err != nil {
			return nil, err
		}
		c := row.Cells
		letter := DeadRef{Step: c[1].Text, Kind: c[2].Text, Detail: c[3].Text, Attempts: c[4].Integer}
		if letter.Step == stepSeal {
			s.sealed[c[0].Text] = letter
			continue
		}
		s.dead[c[0].Text] = len(s.refs)
		s.refs = append(s.refs, deadRef{c[0].Text, letter})
	}
	for row, err := range r.lake.Rows(ctx, r.before, schemas.Tombstones.Table, "conversation_id", "message_id") {
		if err != nil {
			return nil, err
		}
		if row.Cells[1].Null {
			s.gone[row.Cells[0].Text] = true
		}
	}
	s.pull, s.stop = iter.Pull2(r.lake.Rows(ctx, r.before, schemas.Conversations.Table, "conversation_id", "stated_messages", "listed_version", "gone_at"))
	return s, nil
}

// row returns the row of a conversation, or nil if the record has none.
func (s *recorded) row(id string) (*lake.Row, error) {
	if s.ahead == nil {
		row, err, ok := s.pull()
		if err != nil || !ok {
			return nil, err
		}
		row.Cells = append([]lake.Cell(nil), row.Cells...) // they are valid until the next pull only
		s.ahead = &row
	}
	if s.ahead.Cells[0].Text != id {
		return nil, nil
	}
	row := s.ahead
	s.ahead = nil
	return row, nil
}

// end returns an error if rows are left that have no documents.
func (s *recorded) end() error {
	if s.ahead == nil {
		if _, err, ok := s.pull(); err != nil || !ok {
			return err
		}
	}
	return fmt.Errorf("the documents of a conversation are missing: %w", lake.ErrDamaged)
}

// conversations yields the conversations of the record in order, each with its documents and its outcome.
func (r *remap) conversations(ctx context.Context) iter.Seq2[conversation, error] {
	return func(yield func(conversation, error) bool) {
		s, err := r.recorded(ctx)
		if err != nil {
			yield(conversation{}, err)
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
			if !s.conversation(docs, yield) {
				return
			}
		}
		err = documents.err
		if err == nil {
			err = s.end()
		}
		if err != nil {
			yield(conversation{}, err)
			return
		}
		s.deadUpTo(len(s.refs), yield)
	}
}

// conversation yields a conversation that has documents, after the preceding dead conversations that have none.
func (s *recorded) conversation(docs []schemas.Document, yield func(conversation, error) bool) bool {
	id := docs[0].ConversationID
	row, err := s.row(id)
	if err != nil {
		yield(conversation{}, err)
		return false
	}
	c := conversation{ref: providers.Ref{ID: id}, hasRows: row != nil}
	if at, dead := s.dead[id]; dead {
		if !s.deadUpTo(at, yield) {
			return false
		}
		s.next = at + 1
		c.dead = &s.refs[at].letter
	} else if letter, dead := s.sealed[id]; dead && row != nil {
		c.dead = &letter
	}
	if row != nil {
		if c.ref.Version = row.Cells[2].Text; !row.Cells[1].Null {
			c.ref.Messages = new(row.Cells[1].Integer)
		}
	}
	switch {
	case row != nil && !row.Cells[3].Null:
		c, err = c.asGone(docs, true)
		if err == nil {
			return yield(c, nil)
		}
		yield(c, err)
		return false
	case c.dead != nil && row != nil:
		c.kept = docs
		return yield(c, nil)
	case c.dead != nil:
		c.listed = docs
		return yield(c, nil)
	}
	c.listed, c.messages = splitDocuments(docs, s.gone[id])
	if s.gone[id] && len(c.messages) == 0 {
		yield(c, fmt.Errorf("conversation %s has a tombstone but no response that says so: %w", id, lake.ErrDamaged))
		return false
	}
	return yield(c, nil)
}

// deadUpTo yields the dead conversations before index at that have no documents.
func (s *recorded) deadUpTo(at int, yield func(conversation, error) bool) bool {
	for ; s.next < at; s.next++ {
		d := &s.refs[s.next]
		if !yield(conversation{ref: providers.Ref{ID: d.id}, dead: &d.letter}, nil) {
			return false
		}
	}
	return true
}

// splitDocuments separates the documents of the list from those of the messages, which begin with the first response that says
// that a gone conversation does not exist, or with the first that does not say so. The lake does not record which documents came
// with the list.
func splitDocuments(docs []schemas.Document, gone bool) (listed, messages []schemas.Document) {
	for i, doc := range docs {
		if (doc.Status == 404 || doc.Status == 410) == gone {
			return docs[:i], docs[i:]
		}
	}
	return docs, nil
}

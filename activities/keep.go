package activities

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// kept returns what a keeper keeps of the documents had of a conversation, beside the documents read.
func kept(k providers.Keeper, had, read []schemas.Document) ([]schemas.Document, error) {
	return guarded(func(had []schemas.Document) ([]schemas.Document, error) { return k.Keep(had, read) }, had)
}

// joined returns the documents of a version of a conversation, with what is kept of other versions. It leaves out what cannot be read. If
// the version is gone, its last document is the answer that says so, and stays the last.
func joined(k providers.Keeper, docs []schemas.Document, gone bool, others ...[]schemas.Document) []schemas.Document {
	if k == nil {
		return docs
	}
	var answer []schemas.Document
	if gone && len(docs) > 0 {
		docs, answer = docs[:len(docs)-1], docs[len(docs)-1:]
	}
	for _, had := range others {
		if more, err := kept(k, had, docs); err == nil {
			docs = slices.Concat(docs, more)
		}
	}
	return slices.Concat(docs, answer)
}

// withEarlier returns a conversation that was read again with what is kept of the documents that the lake had of it.
func (c conversation) withEarlier(k providers.Keeper) (conversation, error) {
	if len(c.earlier) == 0 || k == nil {
		return c, nil
	}
	more, err := kept(k, c.earlier, c.documents())
	if err != nil {
		return c, &providers.Error{Kind: providers.Malformed, Op: "keep what the lake has of conversation " + c.ref.ID, Err: err}
	}
	c.others, c.earlier = append(slices.Clip(c.others), more...), nil
	return c, nil
}

// asInLake returns a conversation with its documents from the lake instead of those that were read, of which some are kept. It reports
// whether they are there.
func (c conversation) asInLake(ctx context.Context, l *lake.Lake, k providers.Keeper) (conversation, bool, error) {
	docs, err := c.header.extract(ctx, l, k, c.ref.ID, c.had)
	switch {
	case errors.Is(err, lake.ErrDamaged):
		return c, false, nil
	case err != nil:
		return c, false, err
	}
	c.listed, c.messages, c.others = nil, joined(k, docs, false, c.documents()), nil
	c.ref.Version, c.ref.Messages = c.had.Listed, c.had.Stated
	return c, true, nil
}

// unseenBy returns those versions after the first that were not in the lake when the first was read. There are none without a keeper.
func unseenBy(k providers.Keeper, all []lake.Version) (unseen []lake.Version) {
	if k == nil {
		return nil
	}
	for _, v := range all[1:] {
		if v.Extent.Documents > 0 && !all[0].Saw(v) {
			unseen = append(unseen, v)
		}
	}
	return unseen
}

// readable yields the ids of the conversations of a record that have rows or a dead letter. One that has both comes twice.
func readable(ctx context.Context, l *lake.Lake, r ledger.Record) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, table := range []string{schemas.Conversations.Table, schemas.DeadLetters.Table} {
			for row, err := range l.Rows(ctx, r, table, "conversation_id") {
				id := ""
				if err == nil {
					id = row.Cells[0].Text
				}
				if !yield(id, err) || err != nil {
					return
				}
			}
		}
	}
}

// addsTo reports whether something of the documents of one version of a conversation is kept beside the rows of another one. What cannot be
// read adds something, unless it has made a dead letter.
func addsTo(ctx context.Context, l *lake.Lake, k providers.Keeper, had, to lake.Version) (bool, error) {
	if !to.Row || !had.Row && (!had.Dead || had.Extent.Documents == 0) {
		return false, nil
	}
	read, err := l.Extract(ctx, to.ID, to.Extent)
	var earlier []schemas.Document
	if err == nil {
		earlier, err = l.Extract(ctx, had.ID, had.Extent)
	}
	switch {
	case errors.Is(err, lake.ErrDamaged):
		return true, nil
	case err != nil:
		return false, err
	}
	more, err := kept(k, earlier, read)
	if err != nil {
		return had.Row, nil
	}
	return len(more) > 0, nil
}

package providertest

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Copy is a copy of an account in memory. It is what a lake knows of the account.
type Copy struct {
	mapper        providers.Mapper
	conversations map[string]copied
}

type copied struct {
	ref  providers.Ref
	rows schemas.Thread
	gone bool
}

// NewCopy returns an empty copy.
func NewCopy(mapper providers.Mapper) *Copy {
	return &Copy{mapper: mapper, conversations: map[string]copied{}}
}

// Update fetches and maps the conversations of a page, as an export or a sync does.
func (c *Copy) Update(t testing.TB, r providers.Reader, page providers.Page) {
	t.Helper()
	docs := map[string][]schemas.Document{}
	for _, doc := range page.Documents {
		docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
	}
	for _, fetch := range []func(context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]{r.Messages, r.Metadata} {
		for doc, err := range fetch(t.Context(), page.Refs) {
			if err != nil {
				t.Fatal(err)
			}
			docs[doc.ConversationID] = append(docs[doc.ConversationID], doc)
		}
	}
	for _, ref := range page.Refs {
		rows, err := c.mapper.Thread(docs[ref.ID])
		if err != nil {
			t.Fatalf("conversation %s: %v", ref.ID, err)
		}
		c.conversations[ref.ID] = copied{ref: ref, rows: rows, gone: slices.ContainsFunc(docs[ref.ID], providers.IsGone) && rows.Conversation.ConversationID == ""}
	}
}

// Rows returns the rows of a conversation. It returns false if the copy does not have it, or has it as gone.
func (c *Copy) Rows(id string) (schemas.Thread, bool) {
	have, ok := c.conversations[id]
	return have.rows, ok && !have.gone
}

// Differs returns the difference between the copy of a conversation and its true rows; known is whether it exists.
func (c *Copy) Differs(id string, want schemas.Thread, known bool) string {
	got, has := c.Rows(id)
	switch {
	case !known && !has:
		return ""
	case known != has:
		return cmp.Diff(map[string]bool{id: known}, map[string]bool{id: has})
	}
	return cmp.Diff(want, got, Rows)
}

// Open is providers.Known.
func (c *Copy) Open(context.Context) iter.Seq2[providers.Ref, error] {
	return c.refs(func(have copied) bool {
		state := have.rows.Conversation.State
		return state == nil || *state != "closed"
	})
}

// Seen is providers.Known. The copy does not know when it has read a conversation.
func (c *Copy) Seen(context.Context, time.Time) iter.Seq2[providers.Ref, error] {
	return c.refs(func(copied) bool { return true })
}

func (c *Copy) refs(wanted func(copied) bool) iter.Seq2[providers.Ref, error] {
	var all []providers.Ref
	for _, have := range c.conversations {
		if !have.gone && wanted(have) {
			all = append(all, providers.Ref{ID: have.ref.ID, CreatedAt: have.ref.CreatedAt, Version: have.ref.Version})
		}
	}
	slices.SortFunc(all, func(a, b providers.Ref) int {
		if n := a.CreatedAt.Compare(b.CreatedAt); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return func(yield func(providers.Ref, error) bool) {
		for _, ref := range all {
			if !yield(ref, nil) {
				return
			}
		}
	}
}

// Find is providers.Known.
func (c *Copy) Find(_ context.Context, id string) (providers.Ref, bool, error) {
	have, ok := c.conversations[id]
	return providers.Ref{ID: have.ref.ID, CreatedAt: have.ref.CreatedAt, Version: have.ref.Version}, ok && !have.gone, nil
}

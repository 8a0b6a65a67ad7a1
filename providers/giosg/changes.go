package giosg

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// lookBack is how long before a window new chats are compared with the lake again. It finds chats that were read right after
// their end. A list with filters shows chats late, when they begin to match, so it is compared further back.
const (
	lookBack         = 30 * time.Minute
	filteredLookBack = 24 * time.Hour
)

// A cursor of Changes begins with the part that it is in.
const (
	partNew  = "n" // the chats by their time of creation; the rest is a cursor of Conversations
	partOpen = "o" // the chats that the lake has as open; the rest is a place of an openWalk
)

// Changes lists the chats that were created in the window, those created shortly before it whose version differs from the lake's, and
// of the chats that the lake has as open those that have changed or ended. The platform has no list by time of change. An ended chat
// is locked; what may still happen to it is found by listing its window again.
func (a *account) Changes(ctx context.Context, w schemas.Window, known providers.Known, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		c := changes{account: a, window: w, known: known, from: w.From.Add(-lookBack)}
		if a.leaveOpen || len(a.query) > 1 {
			c.from = w.From.Add(-filteredLookBack)
		}
		part, place := partNew, ""
		if at != "" {
			part, place = string(at[:1]), string(at[1:])
		}
		switch part {
		case partNew:
			if c.fresh(ctx, providers.Cursor(place), yield) {
				c.opened(ctx, "", yield)
			}
		case partOpen:
			c.opened(ctx, place, yield)
		default:
			yield(providers.Page{}, rest.Malformed(opList, providers.ErrCursor))
		}
	}
}

// changes is one call of Changes.
type changes struct {
	*account
	window schemas.Window
	known  providers.Known
	from   time.Time // chats created from then on are looked for in the list by time of creation
	// unwitnessed names the list by time of creation if a page of it was not confirmed.
	unwitnessed []string
}

// fresh lists the chats by their time of creation. It returns false if the consumer has stopped or an error ended the list.
func (c *changes) fresh(ctx context.Context, at providers.Cursor, yield func(providers.Page, error) bool) bool {
	for page, err := range c.list(ctx, walk{account: c.account, window: schemas.Window{From: c.from, To: c.window.To}, ended: true}, at) {
		listed := len(page.Refs)
		if err == nil {
			page, err = c.compare(ctx, page)
		}
		if err != nil {
			yield(providers.Page{}, err)
			return false
		}
		last := page.Next == ""
		if len(page.Refs) == 0 && (last || listed > 0) {
			continue // nothing has changed; an empty page would only cost time
		}
		page.Next = partNew + page.Next
		if last {
			page.Next = partOpen
		}
		page.Unwitnessed = append(page.Unwitnessed, c.unwitnessed...)
		if !yield(page, nil) {
			return false
		}
	}
	return true
}

// compare removes the chats from a page that have not changed.
func (c *changes) compare(ctx context.Context, page providers.Page) (providers.Page, error) {
	if slices.Contains(page.Unwitnessed, kindChats) {
		c.unwitnessed = []string{kindChats}
	}
	page.Dropped, page.Unwitnessed = 0, nil
	same := map[string]bool{}
	for _, ref := range page.Refs {
		before, has, err := c.known.Find(ctx, ref.ID)
		if err != nil {
			return page, err
		}
		switch {
		case has && stageOf(ref.Version) == stageLate && stageOf(before.Version) == stageOpen:
			same[ref.ID] = true // a later window has it, with all its rows: the lake still has it as open
		case has && before.Version == ref.Version && ref.CreatedAt.Before(c.window.From):
			same[ref.ID] = true
		}
	}
	page.Refs = slices.DeleteFunc(page.Refs, func(ref providers.Ref) bool { return same[ref.ID] })
	page.Documents = slices.DeleteFunc(page.Documents, func(doc schemas.Document) bool { return same[doc.ConversationID] })
	if len(page.Refs) > 0 {
		page.Unwitnessed = slices.Clone(unwitnessedDetails)
	}
	return page, nil
}

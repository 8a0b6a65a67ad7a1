package chatwoot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// carried is whether the pages of conversations carry all of their messages, as the documentation of old versions says.
type carried struct {
	mu      sync.Mutex
	equal   int // pages that were compared with the messages and had the same
	largest int // messages of the largest of them
	not     bool
}

// provenPages is how many pages with several messages must have equalled the messages before pages replace them.
const provenPages = 3

// whole reports whether pages are requested in place of messages.
func (c *carried) whole() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.not && c.equal >= provenPages
}

// proves reports whether a page with n messages has all of them. A page with as many messages as the largest compared one may be cut off.
func (c *carried) proves(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.not && c.equal >= provenPages && n < c.largest
}

// note records a comparison of a page with the messages.
func (c *carried) note(same bool, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !same {
		c.not = true
		return
	}
	c.equal++
	c.largest = max(c.largest, n)
}

func (c *carried) isOut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.not
}

// compareMessages compares the messages of a page with those of the messages endpoint, if the page has several.
func (a *account) compareMessages(ctx context.Context, id string, page schemas.Document) error {
	if len(carriedBy(page.Body)) < 2 || a.sampled.pages.isOut() {
		return nil
	}
	var docs []schemas.Document
	r := reader{account: a, id: id, aim: windowAim, yield: func(doc schemas.Document, _ error) bool {
		docs = append(docs, doc)
		return true
	}}
	if err := r.read(ctx, 0); err != nil && !errors.Is(err, errStop) {
		return err
	}
	if r.highest != maxID {
		a.noteMessages(page, docs)
	}
	return nil
}

// noteMessages records whether a page has the same messages as the documents of the messages endpoint.
func (a *account) noteMessages(page schemas.Document, docs []schemas.Document) {
	var all []value
	for _, doc := range docs {
		rows, _, err := envelope(doc.Body)
		if err != nil {
			return
		}
		all = append(all, rows...)
	}
	had, has := byID(all), byID(carriedBy(page.Body))
	if len(has) == 0 {
		return
	}
	newest := slices.Max(slices.Collect(maps.Keys(has)))
	maps.DeleteFunc(had, func(id int64, _ any) bool { return id > newest }) // they came between the two answers
	same := len(had) == len(has)
	for id, m := range has {
		old, there := had[id]
		same = same && there && !adds(old, m) && !adds(m, old)
	}
	a.sampled.pages.note(same, len(has))
}

// carriedBy returns the messages in the page of a conversation. There are none if one has no id, as in the old documentation.
func carriedBy(page value) []value {
	all := wire.Items(wire.Field(page, "messages"))
	if slices.ContainsFunc(all, func(m value) bool { return idOf(m) == 0 }) {
		return nil
	}
	return all
}

// byID are messages by their ids.
func byID(rows []value) map[int64]any {
	all := make(map[int64]any, len(rows))
	for _, row := range rows {
		v, _ := wire.Tree(row)
		all[idOf(row)] = v
	}
	return all
}

// idOf is the id of a message, or 0.
func idOf(row value) int64 {
	if n := integer(wire.Field(row, "id")); n != nil {
		return *n
	}
	return 0
}

// fromPage requests the page of a conversation in place of its messages. It returns the page, and whether it has all messages: it must be of
// a kind that was compared with the messages, or say itself how many there are, and it must have the newest one of the list.
func (a *account) fromPage(ctx context.Context, ref providers.Ref) (doc schemas.Document, whole bool, err error) {
	if doc, err = a.ownPage(ctx, ref.ID); err != nil {
		if rest.Gone(err) {
			return doc, true, nil
		}
		return doc, false, err
	}
	messages := carriedBy(doc.Body)
	var highest int64
	for _, m := range messages {
		highest = max(highest, idOf(m))
	}
	stated := integer(wire.Field(doc.Body, "messages_count"))
	counted := stated != nil && *stated == int64(len(messages))
	last, _ := strconv.ParseInt(readHint(ref.Hint).last, 10, 64) // 0 if there is none
	return doc, (counted || stated == nil && a.sampled.pages.proves(len(messages))) && highest >= last, nil
}

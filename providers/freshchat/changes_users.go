package freshchat

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// userChanges is a position in a list of changes by users: a page of the users that were updated, or, after their last page, the
// conversation that was compared last of those that the lake has as open. As text: cu<page>, co<created in microseconds>.<id>
type userChanges struct {
	page int // 0 after the last
	at   int64
	id   string
}

func (p userChanges) text() providers.Cursor {
	if p.page > 0 {
		return providers.Cursor("cu" + strconv.Itoa(p.page))
	}
	return providers.Cursor("co" + strconv.FormatInt(p.at, 10) + "." + p.id)
}

func parseUserChanges(at providers.Cursor) (p userChanges, err error) {
	text, open := strings.CutPrefix(string(at), "co")
	if open {
		micros, id, _ := strings.Cut(text, ".")
		p.id = id
		p.at, err = strconv.ParseInt(micros, 10, 64)
	} else {
		p.page, err = strconv.Atoi(strings.TrimPrefix(text, "cu"))
	}
	if err != nil || p.text() != at {
		return p, providers.ErrCursor
	}
	return p, nil
}

// before reports whether the position is before a conversation.
func (p userChanges) before(ref providers.Ref) bool {
	return cmp.Or(cmp.Compare(p.at, ref.CreatedAt.UnixMicro()), cmp.Compare(p.id, ref.ID)) < 0
}

// noConversation is the position before all conversations.
const noConversation = -1 << 62

// changesByUsers reads the pages of users that were updated in the window from the last to the first: a user that is updated again
// leaves the list meanwhile, and other users move to pages that are still to be read. Then it compares the conversations that the lake
// has as open.
func (a *account) changesByUsers(ctx context.Context, w schemas.Window, known providers.Known, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		c := userChangesWalk{account: a, window: w, known: known, compared: map[string]bool{}}
		for {
			page, next, err := c.step(ctx, at)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			if next != nil {
				page.Next = next.text()
			}
			if len(page.Refs) == 0 && next != nil && next.id == "" {
				at = page.Next // nothing was found; an empty page would only cost time
				continue
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
			at = page.Next
		}
	}
}

// userChangesWalk is one call of changesByUsers.
type userChangesWalk struct {
	*account
	window   schemas.Window
	known    providers.Known
	compared map[string]bool // conversations
}

// step makes one page. next is nil after the last.
func (c *userChangesWalk) step(ctx context.Context, at providers.Cursor) (page providers.Page, next *userChanges, err error) {
	if at == "" {
		return c.updated(ctx, 1, true)
	}
	p, err := parseUserChanges(at)
	switch {
	case err != nil:
		return page, nil, rest.Malformed(opUsers, err)
	case p.page > 0:
		return c.updated(ctx, p.page, false)
	}
	return c.opened(ctx, p)
}

// updated lists the changed conversations of a page of users. The first request finds out which page is the last.
func (c *userChangesWalk) updated(ctx context.Context, number int, first bool) (page providers.Page, next *userChanges, err error) {
	const layout = "2006-01-02T15:04:05.000Z"
	query := url.Values{
		"updated_from": {c.window.From.UTC().Format(layout)}, "updated_to": {c.window.To.Add(-time.Millisecond).UTC().Format(layout)}, "sort_order": {"asc"},
		"page": {strconv.Itoa(number)}, "items_per_page": {strconv.Itoa(rowsPerPage)},
	}
	// GET /users: the filters updated_from and updated_to were seen in Airbyte's connector.
	listed, err := c.agreed(ctx, opUsers, "/users", kindUsers, query, number, never)
	if err != nil {
		return page, nil, err
	}
	next = &userChanges{at: noConversation}
	switch {
	case first && listed.last > 1:
		return page, &userChanges{page: listed.last}, nil
	case listed.last == 0 && listed.more: // without a number of pages, the list is read forwards
		next = &userChanges{page: number + 1}
	case listed.last > 0 && number > 1:
		next = &userChanges{page: number - 1}
	}
	users := make([]schemas.Document, 0, len(listed.rows))
	for _, row := range listed.rows {
		// Not every server may know the filters; users outside of the window are left out.
		if at := moment(wire.Field(row, "updated_time")); wire.Word(wire.Field(row, "id")) != "" && (at == nil || c.window.Contains(*at)) {
			users = append(users, schemas.Document{Kind: kindUser, Status: statusOK, ObservedAt: listed.answer.ObservedAt, Body: bytes.Clone(row)})
		}
	}
	found, err := c.conversationsOf(ctx, users, time.Now())
	if err != nil {
		return page, nil, err
	}
	all := make([]candidate, len(found))
	err = c.inParallel(ctx, len(found), func(ctx context.Context, i int) (err error) {
		all[i], err = c.examineOfUser(ctx, found[i], nil)
		return err
	})
	if err != nil {
		return page, nil, err
	}
	page, err = c.changed(ctx, all)
	return page, next, err
}

// opened compares some of the conversations that the lake has as open. Each is requested by its id.
func (c *userChangesWalk) opened(ctx context.Context, p userChanges) (page providers.Page, next *userChanges, err error) {
	var some []providers.Ref
	for ref, err := range c.known.Open(ctx) {
		switch {
		case err != nil:
			return page, nil, err
		case !p.before(ref) || c.compared[ref.ID]:
			continue
		}
		if some = append(some, ref); len(some) == c.perPage {
			next = &userChanges{at: ref.CreatedAt.UnixMicro(), id: ref.ID}
			break
		}
	}
	all := make([]candidate, len(some))
	err = c.inParallel(ctx, len(some), func(ctx context.Context, i int) error {
		ref := some[i]
		doc, err := c.conversation(ctx, ref.ID)
		if err != nil {
			return err
		}
		all[i] = candidate{id: ref.ID, docs: []schemas.Document{doc}, at: &ref.CreatedAt}
		found, err := gatherSources(all[i].docs)
		if err != nil {
			return rest.Malformed(opUsers, err)
		}
		all[i].user = found.contactID()
		all[i].seen(found.updatedAt())
		if at := found.statedCreation(); at != nil {
			all[i].at = at
		}
		return nil
	})
	if err != nil {
		return page, nil, err
	}
	page, err = c.changed(ctx, all)
	return page, next, err
}

// changed returns a page of the candidates whose version is not the lake's.
func (c *userChangesWalk) changed(ctx context.Context, all []candidate) (providers.Page, error) {
	if err := dateByLake(ctx, c.known, all); err != nil {
		return providers.Page{}, err
	}
	in := all[:0:0]
	for _, one := range all {
		c.compared[one.id] = true
		before, has, err := c.known.Find(ctx, one.id)
		if err != nil {
			return providers.Page{}, err
		}
		if version := one.version(); one.at != nil && (!has || version == "" || version != before.Version) {
			in = append(in, one)
		}
	}
	return c.makePage(ctx, c.lane, in)
}

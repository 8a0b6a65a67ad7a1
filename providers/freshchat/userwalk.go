package freshchat

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Without reports, conversations are found through users. The walk reads a page of users, the conversations of each user, and the
// time of creation of each conversation. It covers the users created before it began, from the last page to the first: if a user is
// deleted meanwhile, other users move to pages that are still to be read. Every page of users is one step, so any process can
// continue the walk. A process that has made the whole walk caches the result and uses it for later windows; then only the
// conversations of the window are fetched again. Walks of several windows at a time take turns and share what they find: which conversations
// a user has, and when each was created, which never changes.

const opUsers = "list conversations by users"

// userWalk is a position in a walk: the time at which the walk began and the next page. The walk goes down if the number of pages is
// known. As text: u<unix time>.<d or u><page>, or for windows answered from the cache x<unix time>.<position>.
type userWalk struct {
	at     int64
	cached bool
	down   bool
	number int // of the page, or position in the cache
}

func (s userWalk) text() providers.Cursor {
	at := strconv.FormatInt(s.at, 10)
	switch n := strconv.Itoa(s.number); {
	case s.cached:
		return providers.Cursor("x" + at + "." + n)
	case s.down:
		return providers.Cursor("u" + at + ".d" + n)
	default:
		return providers.Cursor("u" + at + ".u" + n)
	}
}

func parseUserWalk(at providers.Cursor) (userWalk, error) {
	began, number, ok := strings.Cut(string(at), ".")
	if !ok || began == "" {
		return userWalk{}, providers.ErrCursor
	}
	s := userWalk{cached: began[0] == 'x', down: strings.HasPrefix(number, "d")}
	var errs [2]error
	s.at, errs[0] = strconv.ParseInt(began[1:], 10, 64)
	s.number, errs[1] = strconv.Atoi(strings.TrimLeft(number, "du"))
	if errors.Join(errs[:]...) != nil || s.at <= 0 || s.number < 0 || s.text() != at {
		return userWalk{}, providers.ErrCursor
	}
	return s, nil
}

// byUsers lists the conversations of a window in the order of the walk or of the cache.
func (a *account) byUsers(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		if !w.From.Before(w.To) || w.From.After(time.Now()) {
			if err := ctxError(ctx, opUsers); err != nil {
				yield(providers.Page{}, err)
			} else {
				yield(providers.Page{}, nil)
			}
			return
		}
		for {
			s, err := a.startWalk(ctx, w, at)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			step := a.walkPage
			if s.cached {
				step = a.pageFromCache
			}
			page, err := step(ctx, w, s)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
			at = page.Next
		}
	}
}

// startWalk parses a cursor or starts a walk. It uses the cache if that covers the window.
func (a *account) startWalk(ctx context.Context, w schemas.Window, at providers.Cursor) (userWalk, error) {
	if at != "" {
		s, err := parseUserWalk(at)
		if err != nil {
			return s, rest.Malformed(opUsers, err)
		}
		return s, nil
	}
	if known := a.walks.completeAfter(w.To); known > 0 {
		return userWalk{at: known, cached: true}, nil
	}
	s := userWalk{at: time.Now().Unix(), number: 1}
	first, err := a.agreed(ctx, opUsers, "/users", kindUsers, s.query(), s.number, never)
	if err != nil {
		return s, err
	}
	if first.last > 0 {
		s.down, s.number = true, first.last
	}
	a.walks.start(s)
	return s, nil
}

func (s userWalk) query() url.Values {
	const layout = "2006-01-02T15:04:05.000Z"
	return url.Values{
		"created_from": {usersSince}, "created_to": {time.Unix(s.at, 0).UTC().Format(layout)}, "sort_order": {"asc"},
		"page": {strconv.Itoa(s.number)}, "items_per_page": {strconv.Itoa(rowsPerPage)},
	}
}

// walkPage examines the conversations of one page of users, except for those that are known to be of other windows.
func (a *account) walkPage(ctx context.Context, w schemas.Window, s userWalk) (providers.Page, error) {
	if err := a.walks.turn.Acquire(ctx, 1); err != nil {
		return providers.Page{}, ctxError(ctx, opUsers)
	}
	defer a.walks.turn.Release(1)
	// GET /users is refused without a filter.
	listed, err := a.agreed(ctx, opUsers, "/users", kindUsers, s.query(), s.number, never)
	if err != nil {
		return providers.Page{}, err
	}
	users := make([]schemas.Document, 0, len(listed.rows))
	for _, row := range listed.rows {
		if wire.Word(wire.Field(row, "id")) != "" {
			users = append(users, schemas.Document{Kind: kindUser, Status: statusOK, ObservedAt: listed.answer.ObservedAt, Body: bytes.Clone(row)})
		}
	}
	found, err := a.conversationsOf(ctx, users, w.To)
	if err != nil {
		return providers.Page{}, err
	}
	all := make([]candidate, len(found))
	err = a.inParallel(ctx, len(found), func(ctx context.Context, i int) (err error) {
		at := a.walks.created(found[i].id)
		if at != nil && !w.Contains(*at) {
			all[i] = candidate{id: found[i].id, user: found[i].user, at: at}
			return nil
		}
		all[i], err = a.examineOfUser(ctx, found[i], at)
		return err
	})
	if err != nil {
		return providers.Page{}, err
	}
	var next providers.Cursor
	after := userWalk{at: s.at, down: s.down, number: s.number + 1}
	if s.down {
		after.number = s.number - 1
	}
	if s.down && after.number > 0 || !s.down && listed.more {
		next = after.text()
	}
	a.walks.record(s, next, all)
	page, err := a.pageWithin(ctx, w, all)
	page.Next = next
	return page, err
}

// userConversation is a conversation of a user.
type userConversation struct {
	id, user string
	doc      schemas.Document // of the user, without a body if it comes from the cache
}

// conversationsOf returns the conversations of users, each once, although the platform may list one under several users. Those that were
// created until a time are complete.
func (a *account) conversationsOf(ctx context.Context, users []schemas.Document, until time.Time) ([]userConversation, error) {
	lists := make([][]userConversation, len(users))
	err := a.inParallel(ctx, len(users), func(ctx context.Context, i int) error {
		id := wire.Word(wire.Field(users[i].Body, "id"))
		if ids, ok := a.walks.ofUser(id, until); ok {
			for _, of := range ids {
				lists[i] = append(lists[i], userConversation{of, id, users[i]})
			}
			return nil
		}
		asked := time.Now()
		op := "conversations of user " + id
		// GET /users/{id}/conversations answers only ids, on one page. The user may have been deleted since the page was read.
		answer, err := a.get(ctx, op, "/users/"+url.PathEscape(id)+"/conversations", nil)
		if rest.Gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := listRows(answer.Body, "conversations")
		if err != nil {
			return rest.Malformed(op, err)
		}
		for _, row := range rows {
			if of := cmp.Or(wire.Word(wire.Field(row, "id")), wire.Word(wire.Field(row, "conversation_id"))); of != "" {
				lists[i] = append(lists[i], userConversation{of, id, users[i]})
			}
		}
		a.walks.learn(id, asked, lists[i])
		return nil
	})
	var all []userConversation
	seen := map[string]bool{}
	for _, f := range slices.Concat(lists...) {
		if !seen[f.id] {
			seen[f.id] = true
			all = append(all, f)
		}
	}
	return all, err
}

// examineOfUser finds out when a conversation was created. at is that time if it is known.
func (a *account) examineOfUser(ctx context.Context, f userConversation, at *time.Time) (candidate, error) {
	c := candidate{id: f.id, user: f.user}
	doc, err := a.conversation(ctx, f.id)
	if err != nil {
		return c, err
	}
	c.docs = []schemas.Document{doc}
	if doc.Status != statusOK {
		return c, nil // deleted since the user's list was read
	}
	found, err := gatherSources(c.docs)
	if err != nil {
		return c, rest.Malformed(opUsers, err)
	}
	c.seen(found.updatedAt())
	if c.at = cmp.Or(found.statedCreation(), at); c.at == nil {
		if found, err = a.dateByMessages(ctx, &c, true, nil); err != nil {
			return c, err
		}
		c.hint.Listed = slices.ContainsFunc(c.docs, func(doc schemas.Document) bool { return doc.Kind == kindListed && doc.Status == statusOK })
	}
	if id := found.contactID(); id != "" {
		c.user = id
	}
	if f.doc.Body != nil && c.user == f.user {
		f.doc.ConversationID = f.id
		c.docs = append(c.docs, f.doc)
		if c.at == nil {
			c.at = moment(wire.Field(f.doc.Body, "created_time"))
		}
	}
	return c, nil
}

// pageFromCache lists a page of a window from the cache. If the cursor comes from the cache of another process, it expires.
func (a *account) pageFromCache(ctx context.Context, w schemas.Window, s userWalk) (providers.Page, error) {
	known, ok := a.walks.between(s.at, w)
	if !ok {
		return providers.Page{}, &providers.Error{Kind: providers.CursorExpired, Op: opUsers, Err: errors.New("the cursor refers to the cache of another process")}
	}
	if s.number > len(known) {
		return providers.Page{}, rest.Malformed(opUsers, providers.ErrCursor)
	}
	some := known[s.number:min(s.number+a.perPage, len(known))]
	all := make([]candidate, len(some))
	err := a.inParallel(ctx, len(some), func(ctx context.Context, i int) (err error) {
		all[i], err = a.examineOfUser(ctx, userConversation{id: some[i].id, user: some[i].user}, &some[i].at)
		if err == nil && all[i].at == nil { // it is gone
			all[i].at = &some[i].at
		}
		return err
	})
	if err != nil {
		return providers.Page{}, err
	}
	page, err := a.pageWithin(ctx, w, all)
	if s.number += len(some); s.number < len(known) {
		page.Next = s.text()
	}
	return page, err
}

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
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Without reports conversations are found through all users: a page of users, the conversations of each, and the time of
// creation of each of those. The walk goes over the users created before it began, from the last page to the first, so
// that a user who is deleted meanwhile moves others to where they are still met. Every page of users is one step, so the
// walk goes on where it was in any process; a process that made the whole walk remembers what it found, and answers for
// later windows from memory. Only the conversations of a window are fetched again then.

const opUsers = "list conversations by users"

// survey is where a walk stands: it began at a time, and comes to a page, downwards where the number of pages is known.
// As text: u<unix time>.<d or u><page>, and for windows answered from memory x<unix time>.<position>.
type survey struct {
	at     int64
	memory bool
	down   bool
	number int // page, or position in memory
}

func (s survey) text() providers.Cursor {
	at := strconv.FormatInt(s.at, 10)
	switch n := strconv.Itoa(s.number); {
	case s.memory:
		return providers.Cursor("x" + at + "." + n)
	case s.down:
		return providers.Cursor("u" + at + ".d" + n)
	default:
		return providers.Cursor("u" + at + ".u" + n)
	}
}

func parseSurvey(at providers.Cursor) (survey, error) {
	began, number, ok := strings.Cut(string(at), ".")
	if !ok || began == "" {
		return survey{}, providers.ErrCursor
	}
	s := survey{memory: began[0] == 'x', down: strings.HasPrefix(number, "d")}
	var errs [2]error
	s.at, errs[0] = strconv.ParseInt(began[1:], 10, 64)
	s.number, errs[1] = strconv.Atoi(strings.TrimLeft(number, "du"))
	if errors.Join(errs[:]...) != nil || s.at <= 0 || s.number < 0 || s.text() != at {
		return survey{}, providers.ErrCursor
	}
	return s, nil
}

// byUsers lists the conversations of a window in the order of the walk, or of memory.
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
			s, err := a.begin(ctx, w, at)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			step := a.surveyPage
			if s.memory {
				step = a.remembered
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

// begin reads a cursor, or begins a walk, from memory where that reaches beyond the window.
func (a *account) begin(ctx context.Context, w schemas.Window, at providers.Cursor) (survey, error) {
	if at != "" {
		s, err := parseSurvey(at)
		if err != nil {
			return s, rest.Malformed(opUsers, err)
		}
		return s, nil
	}
	if known := a.census.reaches(w.To); known > 0 {
		return survey{at: known, memory: true}, nil
	}
	s := survey{at: time.Now().Unix(), number: 1}
	first, err := a.agreed(ctx, opUsers, "/users", kindUsers, s.query(), s.number, never)
	if err != nil {
		return s, err
	}
	if first.last > 0 {
		s.down, s.number = true, first.last
	}
	a.census.start(s)
	return s, nil
}

func (s survey) query() url.Values {
	const layout = "2006-01-02T15:04:05.000Z"
	return url.Values{
		"created_from": {usersSince}, "created_to": {time.Unix(s.at, 0).UTC().Format(layout)}, "sort_order": {"asc"},
		"page": {strconv.Itoa(s.number)}, "items_per_page": {strconv.Itoa(rowsPerPage)},
	}
}

// surveyPage looks at the conversations of one page of users.
func (a *account) surveyPage(ctx context.Context, w schemas.Window, s survey) (providers.Page, error) {
	// GET /users: refused without a filter.
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
	found, err := a.conversationsOf(ctx, users)
	if err != nil {
		return providers.Page{}, err
	}
	all := make([]candidate, len(found))
	err = a.sideBySide(ctx, len(found), func(ctx context.Context, i int) (err error) {
		all[i], err = a.look(ctx, found[i])
		return err
	})
	if err != nil {
		return providers.Page{}, err
	}
	var next providers.Cursor
	after := survey{at: s.at, down: s.down, number: s.number + 1}
	if s.down {
		after.number = s.number - 1
	}
	if s.down && after.number > 0 || !s.down && listed.more {
		next = after.text()
	}
	a.census.learn(s, next, all)
	page, err := a.finish(ctx, w, all)
	page.Next = next
	return page, err
}

// finding is a conversation of a user.
type finding struct {
	id, user string
	doc      schemas.Document // of the user, without a body where it is not at hand
}

// conversationsOf are the conversations of users, each once: one may be listed under several users.
func (a *account) conversationsOf(ctx context.Context, users []schemas.Document) ([]finding, error) {
	lists := make([][]finding, len(users))
	err := a.sideBySide(ctx, len(users), func(ctx context.Context, i int) error {
		id := wire.Word(wire.Field(users[i].Body, "id"))
		op := "conversations of user " + id
		// GET /users/{id}/conversations: ids only, no paging. A user may be gone since the page was read.
		answer, err := a.get(ctx, op, "/users/"+url.PathEscape(id)+"/conversations", nil)
		if rest.Gone(err) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := list(answer.Body, "conversations")
		if err != nil {
			return rest.Malformed(op, err)
		}
		for _, row := range rows {
			if of := cmp.Or(wire.Word(wire.Field(row, "id")), wire.Word(wire.Field(row, "conversation_id"))); of != "" {
				lists[i] = append(lists[i], finding{of, id, users[i]})
			}
		}
		return nil
	})
	var all []finding
	seen := map[string]bool{}
	for _, f := range slices.Concat(lists...) {
		if !seen[f.id] {
			seen[f.id] = true
			all = append(all, f)
		}
	}
	return all, err
}

// look learns when a conversation was created.
func (a *account) look(ctx context.Context, f finding) (candidate, error) {
	c := candidate{id: f.id, user: f.user}
	doc, err := a.conversation(ctx, f.id)
	if err != nil {
		return c, err
	}
	c.docs = []schemas.Document{doc}
	if doc.Status != statusOK {
		return c, nil // gone between the user's list and now
	}
	found, err := gatherSources(c.docs)
	if err != nil {
		return c, rest.Malformed(opUsers, err)
	}
	if c.at = found.stated(); c.at == nil {
		if found, err = a.dateByMessages(ctx, &c, true, nil); err != nil {
			return c, err
		}
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

// remembered lists a page of a window from memory. What the memory of another process knew is asked for anew.
func (a *account) remembered(ctx context.Context, w schemas.Window, s survey) (providers.Page, error) {
	known, ok := a.census.between(s.at, w)
	if !ok {
		return providers.Page{}, &providers.Error{Kind: providers.CursorExpired, Op: opUsers, Err: errors.New("another process made the walk")}
	}
	if s.number > len(known) {
		return providers.Page{}, rest.Malformed(opUsers, providers.ErrCursor)
	}
	some := known[s.number:min(s.number+a.perPage, len(known))]
	all := make([]candidate, len(some))
	err := a.sideBySide(ctx, len(some), func(ctx context.Context, i int) (err error) {
		if all[i], err = a.look(ctx, finding{id: some[i].id, user: some[i].user}); err == nil && all[i].at == nil {
			all[i].at = &some[i].at
		}
		return err
	})
	if err != nil {
		return providers.Page{}, err
	}
	page, err := a.finish(ctx, w, all)
	if s.number += len(some); s.number < len(known) {
		page.Next = s.text()
	}
	return page, err
}

// census is what the walks of this process found.
type census struct {
	mu       sync.Mutex
	complete int64 // when the walk began that found known
	known    []soul
	running  map[int64]*progress
}

// soul is a conversation that a walk met.
type soul struct {
	at       time.Time
	id, user string
}

// progress is a walk under way, as far as this process made all of it.
type progress struct {
	next  providers.Cursor
	found map[string]soul
}

// reaches is when the walk began that knows of all conversations before t, 0 where there is none.
func (c *census) reaches(t time.Time) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Unix() > c.complete {
		return 0
	}
	return c.complete
}

func (c *census) start(s survey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	const most = 4
	if c.running == nil || len(c.running) >= most {
		c.running = map[int64]*progress{}
	}
	c.running[s.at] = &progress{next: s.text(), found: map[string]soul{}}
}

// learn takes what a step of a walk met. Steps that were skipped here make the walk one of another process.
func (c *census) learn(s survey, next providers.Cursor, all []candidate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.running[s.at]
	if p == nil || p.next != s.text() {
		return
	}
	for _, one := range all {
		if one.at != nil {
			p.found[one.id] = soul{*one.at, one.id, one.user}
		}
	}
	if p.next = next; next != "" {
		return
	}
	delete(c.running, s.at)
	c.known, c.complete = nil, s.at
	for _, one := range p.found {
		c.known = append(c.known, one)
	}
	slices.SortFunc(c.known, func(a, b soul) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
}

// between are the conversations of a window; false where the walk was another than this process remembers.
func (c *census) between(at int64, w schemas.Window) ([]soul, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at != c.complete {
		return nil, false
	}
	place := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(c.known, t, func(s soul, t time.Time) int { return s.at.Compare(t) })
		return i
	}
	return c.known[place(w.From):max(place(w.From), place(w.To))], true
}

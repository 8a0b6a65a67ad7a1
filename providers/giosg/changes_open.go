package giosg

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// openList returns the list of chats that have not ended, or nil if the account's filters exclude them. Several rooms have no
// common list except the organization's.
func (a *account) openList() *list {
	query := maps.Clone(a.query)
	if query.Get("is_ended") == "true" {
		return nil
	}
	query.Set("is_ended", "false")
	if len(a.lists) == 1 {
		return newList(a.lists[0].path, query)
	}
	return newList(a.root+"/owned_chats", query)
}

// openPlace is the position of an openWalk.
type openPlace struct {
	mark
	order order
	// decided is the creation time of the last compared chat, in the order of the list; nil if none was compared.
	decided *time.Time
}

// openWalk compares the chats that the lake has as open with the list of open chats. A page of it needs no witness: a chat that is
// missing there is requested by its id.
type openWalk struct {
	changes
	at     openPlace
	seen   map[string]bool // links
	queue  []providers.Ref // chats to compare: those that the lake has as open, and those that were read right after their end; in the order of the list as soon as that is known
	sorted bool
	listed map[string]*row // by id; nil for chats of the queue that were not on a page yet
	out    []change
	asked  int // requests since the last returned page
}

// change is a changed chat. One that does not exist any more has no document.
type change struct {
	ref      providers.Ref
	document *schemas.Document
}

const (
	// longestPage is the number of requests, or of chats, after which a page is returned.
	longestPage = 100
	// surprising is how many chats may be missing at the end of the list before that page is requested again.
	surprising = 10
)

// opened compares the chats that the lake has as open.
func (c *changes) opened(ctx context.Context, at string, yield func(providers.Page, error) bool) {
	w := openWalk{changes: *c, seen: map[string]bool{}, listed: map[string]*row{}}
	if err := w.start(ctx, at); err != nil {
		yield(providers.Page{}, err)
		return
	}
	for len(w.queue) > 0 {
		p, err := w.read(ctx)
		for err == nil {
			var full bool
			if full, err = w.decide(ctx, p); err != nil || !full {
				break
			}
			if !w.flush(w.at, yield) { // the rest of the page is compared after it was read again
				return
			}
		}
		if err != nil {
			yield(providers.Page{}, err)
			return
		}
		w.at.mark = mark{link: p.next, bound: lastOf(p, w.at.bound)}
		if w.asked >= longestPage && w.divides() && !w.flush(w.at, yield) {
			return
		}
	}
	yield(w.page(), nil)
}

// start reads the cursor and the lake.
func (w *openWalk) start(ctx context.Context, at string) (err error) {
	if w.open == nil {
		return nil
	}
	if w.at, err = w.parseOpen(at); err != nil {
		return rest.Malformed(opList, err)
	}
	for ref, err := range w.known.Open(ctx) {
		if err != nil {
			return err
		}
		w.wait(ref)
	}
	// What was announced is read right after its end. Its last rows appear later, and the list of open chats does not have it any more.
	open := len(w.queue)
	for ref, err := range w.known.Seen(ctx, w.window.From.Add(-lookBack)) {
		if err != nil {
			return err
		}
		if stageOf(ref.Version) == stageLate {
			w.wait(ref)
		}
	}
	if len(w.queue) > open {
		slices.SortFunc(w.queue, func(x, y providers.Ref) int {
			return cmp.Or(x.CreatedAt.Compare(y.CreatedAt), strings.Compare(x.ID, y.ID))
		})
	}
	return nil
}

// wait adds a chat to the queue, unless the list by time of creation has it, or it was compared before.
func (w *openWalk) wait(ref providers.Ref) {
	if ref.CreatedAt.Before(w.from) && (w.at.decided == nil || w.at.order.beyond(&ref.CreatedAt, w.at.decided)) {
		w.queue, w.listed[ref.ID] = append(w.queue, ref), nil
	}
}

// read requests the page at the walk's position. It repeats the request if the answer cannot be that page, and if the list seems to
// end although the lake has many open chats beyond it.
func (w *openWalk) read(ctx context.Context) (listPage, error) {
	w.seen[w.at.link] = true
	ends := 0
	var wrong error
	for range witness.Most {
		w.asked++
		p, err := w.account.page(ctx, w.open, w.at.link)
		if err != nil {
			return p, err
		}
		o, err := w.at.order.verify(w.at.bound, p.rows)
		if err == nil && w.seen[p.next] && p.next != "" {
			err = errLoop
		}
		if err != nil {
			wrong = err
			continue
		}
		if p.next == "" {
			if ends++; ends < witness.Usual && w.beyond(p, o) > surprising {
				continue
			}
		}
		w.at.order = o
		return p, nil
	}
	return listPage{}, rest.Malformed(opList, wrong)
}

// beyond returns how many chats of the queue that may be open come after a page and are not on it.
func (w *openWalk) beyond(p listPage, o order) (n int) {
	last := lastOf(p, w.at.bound)
	for _, ref := range w.queue {
		if stageOf(ref.Version) != stageLate && !p.has(ref.ID) && (last == nil || o == unknown || o.beyond(&ref.CreatedAt, last)) {
			n++
		}
	}
	return n
}

// lastOf returns the creation time of the last chat up to the end of a page.
func lastOf(p listPage, before *time.Time) *time.Time {
	if len(p.rows) == 0 {
		return before
	}
	return &p.rows[len(p.rows)-1].createdAt
}

// decide compares the chats of the queue that cannot come after a page. It returns true if enough is known for a page of changes.
func (w *openWalk) decide(ctx context.Context, p listPage) (full bool, err error) {
	for i, r := range p.rows {
		if before, waits := w.listed[r.id]; waits && before == nil {
			w.listed[r.id] = &p.rows[i]
		}
	}
	end := p.next == ""
	if w.at.order == unknown && !end {
		return false, nil
	}
	if !w.sorted {
		w.sorted = true
		if w.at.order != rising {
			slices.Reverse(w.queue)
		}
	}
	last := lastOf(p, w.at.bound)
	for len(w.queue) > 0 {
		ref := w.queue[0]
		r := w.listed[ref.ID]
		if r == nil && !end && !w.at.order.beyond(last, &ref.CreatedAt) {
			return false, nil
		}
		if max(len(w.out), w.asked) >= longestPage && w.divides() {
			return true, nil
		}
		if r == nil {
			w.asked++
			if r, err = w.find(ctx, ref.ID); err != nil {
				return false, err
			}
		}
		w.compareOpen(ref, r)
		w.at.decided = &ref.CreatedAt
		w.queue = w.queue[1:]
		delete(w.listed, ref.ID)
	}
	return false, nil
}

// divides reports whether the creation time of the last compared chat divides the compared chats from the rest of the queue.
func (w *openWalk) divides() bool {
	return len(w.queue) > 0 && (w.at.decided == nil || !w.queue[0].CreatedAt.Equal(*w.at.decided))
}

// compareOpen adds a chat that the lake has as open to the changes if it has changed. r is nil if the chat does not exist any more. A
// chat that has just ended is left to a later window, which has all its rows: the lake still has it as open.
func (w *openWalk) compareOpen(ref providers.Ref, r *row) {
	switch {
	case r == nil:
		w.out = append(w.out, change{ref: providers.Ref{ID: ref.ID, CreatedAt: ref.CreatedAt, Unlisted: true}})
	case r.version() == ref.Version, r.stage() == stageLate, r.stage() == stageOpen && w.leaveOpen:
	default:
		doc := r.document()
		w.out = append(w.out, change{ref: r.ref(), document: &doc})
	}
}

// flush returns the changes so far. It returns false if the consumer has stopped.
func (w *openWalk) flush(next openPlace, yield func(providers.Page, error) bool) bool {
	page := w.page()
	cursor, err := w.formatOpen(next)
	if err != nil {
		yield(providers.Page{}, rest.Malformed(opList, err))
		return false
	}
	page.Next = cursor
	return yield(page, nil)
}

// page returns the changes so far as a page, and forgets them.
func (w *openWalk) page() (page providers.Page) {
	slices.SortFunc(w.out, func(x, y change) int {
		return cmp.Or(x.ref.CreatedAt.Compare(y.ref.CreatedAt), strings.Compare(x.ref.ID, y.ref.ID))
	})
	for _, c := range w.out {
		page.Refs = append(page.Refs, c.ref)
		if c.document != nil {
			page.Documents = append(page.Documents, *c.document)
		}
	}
	page.Unwitnessed = slices.Clone(w.unwitnessed)
	if len(page.Refs) > 0 {
		page.Unwitnessed = append(page.Unwitnessed, unwitnessedDetails...)
	}
	w.out, w.asked = nil, 0
	return page
}

// formatOpen formats a place as "o<order><bound>,<decided>:<link>", with times in microseconds.
func (a *account) formatOpen(p openPlace) (providers.Cursor, error) {
	text := fmt.Sprintf("%s%c%s,%s:%s", partOpen, p.order, micros(p.bound), micros(p.decided), a.shorten(a.open, p.link))
	if len(text) > longestCursor {
		return "", errLongLink
	}
	return providers.Cursor(text), nil
}

// parseOpen parses a place without its first letter. The empty text is the beginning of the list.
func (a *account) parseOpen(text string) (p openPlace, err error) {
	p.order = unknown
	if text == "" {
		return p, nil
	}
	head, link, ok := strings.Cut(text, ":")
	bound, decided, times := strings.Cut(head[min(1, len(head)):], ",")
	if !ok || !times || !strings.ContainsRune("ufr", rune(head[0])) {
		return p, providers.ErrCursor
	}
	p.order = order(head[0])
	if p.bound, err = parseMicros(bound); err != nil {
		return p, err
	}
	if p.decided, err = parseMicros(decided); err != nil {
		return p, err
	}
	if p.link, ok = a.lengthen(a.open, link); !ok {
		return p, providers.ErrCursor
	}
	if back, err := a.formatOpen(p); err != nil || string(back) != partOpen+text {
		return p, providers.ErrCursor
	}
	return p, nil
}

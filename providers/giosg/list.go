package giosg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const opList = "list chats"

var errTooSoon = errors.New("the server's clock has not reached the end of the window")

// emptyPageAfter is how many requests a walk makes before it returns a page without chats. The history then has its position, so
// a crash does not repeat the walk.
const emptyPageAfter = 100

// unwitnessedDetails are the lists of every chat that nothing confirms.
var unwitnessedDetails = []string{kindMemberships, kindTags, kindVariables}

// place is the position of a walk.
type place struct {
	list int // index in account.lists
	mark
	order order
}

// walk reads a window, one list after another.
type walk struct {
	*account
	window schemas.Window
	ended  bool // the window must have ended by the server's clock
	at     place
	seen   map[string]bool // links read in the current list
	above  []row           // of the previous page, if this process has read it, and those before it of the same time as its last one
}

// Conversations reads each list from the nearest page before the window to the first page after it. The server's pages may be
// short or empty; only a page without a next link is the last.
func (a *account) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return a.list(ctx, walk{account: a, window: w}, at)
}

// list makes a walk from a cursor on.
func (a *account) list(ctx context.Context, walk walk, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		w, walk := walk.window, walk
		walk.seen = map[string]bool{}
		var err error
		if walk.at, err = a.parseCursor(at); err != nil {
			yield(providers.Page{}, rest.Malformed(opList, err))
			return
		}
		var out providers.Page
		for requests := 1; ; requests++ {
			p, more, err := walk.step(ctx)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			a.fill(&out, w, p.rows)
			if !p.proven {
				out.Unwitnessed = []string{kindChats}
			}
			if len(out.Refs) > 0 {
				out.Unwitnessed = append(out.Unwitnessed, unwitnessedDetails...)
			}
			if more && len(out.Refs) == 0 && requests%emptyPageAfter != 0 {
				continue
			}
			if more {
				if out.Next, err = a.cursor(walk.at); err != nil {
					yield(providers.Page{}, rest.Malformed(opList, err))
					return
				}
			}
			if !yield(out, nil) || !more {
				return
			}
			out = providers.Page{}
		}
	}
}

// fill adds the rows of a page that are in a window. Pages completely outside of the window add nothing.
func (a *account) fill(out *providers.Page, w schemas.Window, rows []row) {
	inside := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !w.Contains(r.createdAt) })
	if len(inside) > 0 {
		out.Dropped += len(rows) - len(inside)
	}
	slices.SortStableFunc(inside, func(x, y row) int { return cmp.Or(x.createdAt.Compare(y.createdAt), strings.Compare(x.id, y.id)) })
	for _, r := range inside {
		if ended := boolean(r.fields["is_ended"]); a.leaveOpen && ended != nil && !*ended {
			continue
		}
		out.Refs = append(out.Refs, r.ref())
		out.Documents = append(out.Documents, r.document())
	}
}

// step reads one page and moves on to the next one, of the same list or of the list after it.
func (w *walk) step(ctx context.Context) (p listPage, more bool, err error) {
	l := w.lists[w.at.list]
	if known := l.known(); known != unknown {
		w.at.order = known
	}
	if w.at.bound == nil || w.at.order.precedes(w.at.bound, w.window) {
		if err := l.lock(ctx); err != nil {
			return p, false, &providers.Error{Kind: providers.Transient, Op: opList, Err: err}
		}
		defer l.unlock()
		if m := l.nearest(w.at.mark, w.window); m.link != w.at.link {
			w.at.mark, w.above = m, nil
		}
		if known := l.known(); known != unknown {
			w.at.order = known
		}
	}
	if w.seen[w.at.link] {
		return p, false, rest.Malformed(opList, errLoop)
	}
	w.seen[w.at.link] = true
	p, w.at.order, err = w.read(ctx, l)
	if err != nil {
		return p, false, err
	}
	if early := w.window.To.Sub(p.sentAt); w.ended && early > 0 {
		return p, false, &providers.Error{Kind: providers.Pending, Op: opList, After: early, Err: errTooSoon}
	}
	if len(p.rows) > 0 {
		w.at.bound = &p.rows[len(p.rows)-1].createdAt
		tied := slices.DeleteFunc(slices.Clone(w.above), func(r row) bool { return !r.createdAt.Equal(*w.at.bound) })
		w.above = append(tied, p.rows...)
	}
	w.at.link = p.next
	l.remember(w.at.mark, w.at.order)
	if w.at.order.ends(p, w.at.bound, w.window) {
		w.at, w.above = place{list: w.at.list + 1, order: unknown}, nil
		clear(w.seen)
	}
	return p, w.at.list < len(w.lists), nil
}

const longestCursor = 1900

// cursor formats a place as "<list><order><bound in microseconds>:<link>".
func (a *account) cursor(p place) (providers.Cursor, error) {
	text := fmt.Sprintf("%d%c%s:%s", p.list, p.order, micros(p.bound), a.shorten(a.lists[p.list], p.link))
	if len(text) > longestCursor {
		return "", errLongLink
	}
	return providers.Cursor(text), nil
}

var errLongLink = errors.New("the link to the next page is too long")

// shorten writes a link on the list's own path as its query.
func (a *account) shorten(l *list, link string) string {
	if own := a.own(l.path); strings.HasPrefix(link, own+"?") {
		return link[len(own):]
	}
	return link
}

// lengthen is the reverse of shorten. It returns false for what is not a link.
func (a *account) lengthen(l *list, link string) (string, bool) {
	if strings.HasPrefix(link, "?") {
		link = a.own(l.path) + link
	}
	return link, link == "" || strings.HasPrefix(link, "/")
}

// micros formats a time in microseconds, and no time as an empty text.
func micros(t *time.Time) string {
	if t == nil {
		return ""
	}
	return strconv.FormatInt(t.UnixMicro(), 10)
}

// parseMicros is the reverse of micros.
func parseMicros(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, providers.ErrCursor
	}
	t := time.UnixMicro(n).UTC()
	return &t, nil
}

func (a *account) parseCursor(at providers.Cursor) (place, error) {
	p := place{order: unknown}
	if at == "" {
		return p, nil
	}
	head, link, ok := strings.Cut(string(at), ":")
	i := strings.IndexAny(head, "ufr")
	if !ok || i < 1 {
		return p, providers.ErrCursor
	}
	number, err := strconv.Atoi(head[:i])
	if err != nil || number < 0 || number >= len(a.lists) {
		return p, providers.ErrCursor
	}
	p.list, p.order = number, order(head[i])
	if p.bound, err = parseMicros(head[i+1:]); err != nil {
		return p, err
	}
	if p.link, ok = a.lengthen(a.lists[number], link); !ok {
		return p, providers.ErrCursor
	}
	if back, err := a.cursor(p); err != nil || back != at {
		return p, providers.ErrCursor
	}
	return p, nil
}

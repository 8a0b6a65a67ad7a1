package giosg

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/schemas"
)

// order is how a list turned out to run.
type order byte

const (
	unknown order = 'u' // all chats seen so far were created at one time
	falling order = 'f' // newest first, as it is asked for by default
	rising  order = 'r'
)

var errOrder = errors.New("the server does not list chats in the order of their creation (it ignores ordering=-created_at); walking such a list would skip chats")

// learn verifies that a stretch of a list runs in the order known so far, and finds the order where none is known.
func (o order) learn(before *time.Time, rows []row) (order, error) {
	for _, r := range rows {
		step := unknown
		switch {
		case before == nil || r.createdAt.Equal(*before):
		case r.createdAt.Before(*before):
			step = falling
		default:
			step = rising
		}
		if step != unknown && o != unknown && step != o {
			return o, errOrder
		}
		if step != unknown {
			o = step
		}
		before = &r.createdAt
	}
	return o, nil
}

// precedes says that a stretch that ends at t lies wholly before a window: nothing of the window is in it, and all that
// is of the window comes later in the list.
func (o order) precedes(t *time.Time, w schemas.Window) bool {
	switch {
	case t == nil || o == unknown:
		return false
	case o == falling:
		return !t.Before(w.To)
	}
	return t.Before(w.From)
}

// passed says that nothing of a window comes after a chat of time t.
func (o order) passed(t *time.Time, w schemas.Window) bool {
	switch {
	case t == nil || o == unknown:
		return false
	case o == falling:
		return t.Before(w.From)
	}
	return !t.Before(w.To)
}

// beyond says that t comes later in the list than from.
func (o order) beyond(t, from *time.Time) bool {
	switch {
	case t == nil || o == unknown:
		return false
	case from == nil:
		return true
	case o == falling:
		return t.Before(*from)
	}
	return t.After(*from)
}

// harmless says that a page can hide nothing of a window, even if it is another one than was asked for: all of it lies
// before the window, and it leads on.
func (o order) harmless(p sheet, w schemas.Window) bool {
	return len(p.rows) > 0 && p.next != "" && o.precedes(&p.rows[len(p.rows)-1].createdAt, w)
}

// ends says that nothing of a window comes after a page whose last chat, or that of the page before, was created at t.
func (o order) ends(p sheet, t *time.Time, w schemas.Window) bool {
	return p.next == "" || o.passed(t, w)
}

// compare sorts chats as a list in this order does.
func (o order) compare(a, b row) int {
	if o == falling {
		a, b = b, a
	}
	return a.createdAt.Compare(b.createdAt)
}

// mark is the beginning of a page: its link, and the time of the last chat before it.
type mark struct {
	link  string // path and query; empty is the first page
	bound *time.Time
}

// list is one list of chats and what is known of it. Whoever looks for the beginning of a window reads at the edge of
// what is known, one at a time; the others wait and go on from there.
type list struct {
	path  string
	query url.Values
	turn  chan struct{}
	doubt witness.Doubt

	mu    sync.Mutex
	order order
	marks []mark // in the order of the list
}

func newList(path string, query url.Values) *list {
	return &list{path: path, query: query, turn: make(chan struct{}, 1), order: unknown}
}

// lock waits until nobody else looks for the beginning of a window.
func (l *list) lock(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *list) unlock() { <-l.turn }

// known is the order of the list, where this process has seen it.
func (l *list) known() order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order
}

// nearest is the last mark before a window, or from where none is nearer.
func (l *list) nearest(from mark, w schemas.Window) mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range slices.Backward(l.marks) {
		if l.order.precedes(m.bound, w) {
			if l.order.beyond(m.bound, from.bound) {
				return m
			}
			break
		}
	}
	return from
}

// remember adds a mark, and the order that was found on the way to it.
func (l *list) remember(m mark, o order) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o != unknown {
		l.order = o
	}
	if m.link == "" || m.bound == nil {
		return
	}
	at := len(l.marks)
	for at > 0 && l.order.beyond(l.marks[at-1].bound, m.bound) {
		at--
	}
	for i := at; i > 0 && l.marks[i-1].bound.Equal(*m.bound); i-- {
		if l.marks[i-1].link == m.link {
			return
		}
	}
	l.marks = slices.Insert(l.marks, at, m)
}

// forget drops all marks: the server knows them no longer.
func (l *list) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.order, l.marks = unknown, nil
}

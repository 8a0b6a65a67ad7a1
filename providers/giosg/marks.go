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

// order is the observed order of a list.
type order byte

const (
	unknown order = 'u' // all chats so far were created at the same time
	falling order = 'f' // newest first, as requested by default
	rising  order = 'r'
)

var errOrder = errors.New("the server does not list chats in the order of their creation (it ignores ordering=-created_at); reading such a list would skip chats")

// verify checks that rows follow the known order, and determines the order if it is unknown.
func (o order) verify(before *time.Time, rows []row) (order, error) {
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

// precedes reports whether rows that end at t are completely before a window in the list: the window's chats all come later.
func (o order) precedes(t *time.Time, w schemas.Window) bool {
	switch {
	case t == nil || o == unknown:
		return false
	case o == falling:
		return !t.Before(w.To)
	}
	return t.Before(w.From)
}

// passed reports whether no chat of a window can come after a chat created at t.
func (o order) passed(t *time.Time, w schemas.Window) bool {
	switch {
	case t == nil || o == unknown:
		return false
	case o == falling:
		return t.Before(w.From)
	}
	return !t.Before(w.To)
}

// beyond reports whether t comes later in the list than from.
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

// harmless reports whether a page cannot hide chats of a window, even if it is not the requested page: all of it is before the
// window, and it has a next link.
func (o order) harmless(p listPage, w schemas.Window) bool {
	return len(p.rows) > 0 && p.next != "" && o.precedes(&p.rows[len(p.rows)-1].createdAt, w)
}

// ends reports whether no chat of a window can come after a page. t is the creation time of its last chat, or of the last chat
// before it if it is empty.
func (o order) ends(p listPage, t *time.Time, w schemas.Window) bool {
	return p.next == "" || o.passed(t, w)
}

// compare sorts chats as a list in this order does.
func (o order) compare(a, b row) int {
	if o == falling {
		a, b = b, a
	}
	return a.createdAt.Compare(b.createdAt)
}

// mark is the start of a page: its link, and the creation time of the last chat before it.
type mark struct {
	link  string // path and query; empty is the first page
	bound *time.Time
}

// list is one list of chats and what is known about it. Only one walk at a time searches for the start of a window beyond the
// known part; others wait and continue from there.
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

// lock waits until no other walk searches for the start of a window.
func (l *list) lock(ctx context.Context) error {
	select {
	case l.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *list) unlock() { <-l.turn }

// known returns the order of the list if this process has seen it.
func (l *list) known() order {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.order
}

// nearest returns the last mark before a window, or from if no mark is nearer.
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

// forget drops all marks, because the server no longer knows them.
func (l *list) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.order, l.marks = unknown, nil
}

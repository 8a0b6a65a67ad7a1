package giosg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// row is one chat of the list.
type row struct {
	id         string
	createdAt  time.Time
	observedAt time.Time
	raw        value
	fields     object
}

// sheet is one page of a list, as one answer or several have it.
type sheet struct {
	rows           []row
	next, previous string // links, pinned; empty where there are none
	looks          int    // how many answers it is made of
	adjoins        bool   // the page before it, by its own link, ends where the walk has come to
	beside         bool   // that page was read, or cannot be
	proven         bool   // another link than its own speaks for it, or it is the first of a list
}

// meets says that two answers are of one page: they have a chat in common, or none at all.
func (p sheet) meets(q sheet) bool {
	if len(p.rows) == 0 || len(q.rows) == 0 {
		return len(p.rows) == len(q.rows) && p.next == q.next
	}
	return slices.ContainsFunc(p.rows, func(r row) bool { return q.has(r.id) }) && (p.next == "") == (q.next == "")
}

func (p sheet) has(id string) bool {
	return slices.ContainsFunc(p.rows, func(r row) bool { return r.id == id })
}

// take adds another answer of the same page. A chat that only one of them has counts: chats are deleted, but they are not
// made up.
func (p *sheet) take(q sheet, o order) {
	before := p.rows
	p.rows, p.next, p.previous = q.rows, q.next, q.previous
	p.add(before, o)
	p.looks++
}

// add puts chats among those of the page.
func (p *sheet) add(rows []row, o order) {
	all := slices.Clone(p.rows)
	for _, r := range rows {
		if !p.has(r.id) {
			all = append(all, r)
		}
	}
	if len(all) > len(p.rows) {
		slices.SortStableFunc(all, o.compare)
	}
	p.rows = all
}

// page asks for one page of a list.
func (a *account) page(ctx context.Context, l *list, link string) (sheet, error) {
	p, err := a.sheet(ctx, l, link)
	return p, l.explain(err, link)
}

// sheet asks for one page of a list. A refusal is what the server says.
func (a *account) sheet(ctx context.Context, l *list, link string) (sheet, error) {
	p := sheet{looks: 1}
	path, query := l.path, l.query
	if link != "" {
		path, query = a.absolute(link), nil
	}
	answer, err := a.get(ctx, opList, path, query)
	if err != nil {
		return p, err
	}
	sent, next, err := envelope(answer.Body)
	if err != nil {
		return p, rest.Malformed(opList, err)
	}
	from := cmp.Or(link, a.own(l.path))
	if next != "" {
		if p.next, err = a.pin(from, next); err != nil {
			return p, rest.Malformed(opList, err)
		}
	}
	if previous := wire.Word(wire.Field(answer.Body, "previous")); previous != "" {
		p.previous, _ = a.pin(from, previous) // one that leads elsewhere is none
	}
	for i, raw := range sent {
		o := fields(raw)
		createdAt, id := moment(o["created_at"]), wire.Word(o["id"])
		if createdAt == nil || id == "" {
			return p, rest.Malformed(opList, fmt.Errorf("row %d of a page has no id or no time of creation", i+1))
		}
		p.rows = append(p.rows, row{id: id, createdAt: *createdAt, observedAt: answer.ObservedAt, raw: raw, fields: o})
	}
	return p, nil
}

// explain says what a refusal on the list means: of a page in the middle that its cursor has expired, of the first that
// there is no such organization or room.
func (l *list) explain(err error, link string) error {
	e := &providers.Error{}
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case link != "" && (e.Kind == providers.NotFound || e.Status == http.StatusBadRequest):
		l.forget()
		return &providers.Error{Kind: providers.CursorExpired, Op: opList, Status: e.Status, Err: errExpired}
	case e.Kind == providers.NotFound && strings.HasSuffix(l.path, "/chats"):
		return &providers.Error{Kind: providers.Denied, Op: opList, Status: e.Status, Err: errNoRoom}
	case e.Kind == providers.NotFound:
		return &providers.Error{Kind: providers.Denied, Op: opList, Status: e.Status, Err: errNoOrg}
	}
	return err
}

// own is a path as the server sees it, below that of the base URL.
func (a *account) own(path string) string {
	return "/" + strings.TrimLeft(a.base.JoinPath(path).EscapedPath(), "/")
}

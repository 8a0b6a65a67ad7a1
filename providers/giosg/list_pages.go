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
	"github.com/chatlake/chatlake/schemas"
)

// row is one chat in the list.
type row struct {
	id         string
	createdAt  time.Time
	observedAt time.Time
	sentAt     time.Time // by the server's clock
	raw        value
	fields     object
}

// listPage is one page of a list, merged from one or more responses.
type listPage struct {
	rows           []row
	sentAt         time.Time // by the server's clock
	next, previous string    // pinned links, or empty
	responses      int       // how many responses were merged
	adjoins        bool      // the previous page, by the page's own link, ends at the walk's position
	previousRead   bool      // the previous page was read, or cannot be
	proven         bool      // another page's link confirms it, or it is the first page of a list
}

// overlaps reports whether two responses have the same page: they have a chat in common, or both have none.
func (p listPage) overlaps(q listPage) bool {
	if len(p.rows) == 0 || len(q.rows) == 0 {
		return len(p.rows) == len(q.rows) && p.next == q.next
	}
	return slices.ContainsFunc(p.rows, func(r row) bool { return q.has(r.id) }) && (p.next == "") == (q.next == "")
}

func (p listPage) has(id string) bool {
	return slices.ContainsFunc(p.rows, func(r row) bool { return r.id == id })
}

// merge adds another response of the same page. A chat in only one of them counts: chats are deleted but never invented.
func (p *listPage) merge(q listPage, o order) {
	before := p.rows
	p.rows, p.next, p.previous, p.sentAt = q.rows, q.next, q.previous, q.sentAt
	p.add(before, o)
	p.responses++
}

// add merges chats into the page.
func (p *listPage) add(rows []row, o order) {
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

// page requests one page of a list and explains refusals.
func (a *account) page(ctx context.Context, l *list, link string) (listPage, error) {
	p, err := a.requestPage(ctx, l, link)
	return p, l.explain(err, link)
}

// requestPage requests one page of a list. Its errors are the server's refusals.
func (a *account) requestPage(ctx context.Context, l *list, link string) (listPage, error) {
	p := listPage{responses: 1}
	path, query := l.path, l.query
	if link != "" {
		path, query = a.absolute(link), nil
	}
	answer, err := a.get(ctx, opList, path, query)
	if err != nil {
		return p, err
	}
	p.sentAt = sentAt(answer)
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
		p.previous, _ = a.pin(from, previous) // a link to another host does not count
	}
	for i, raw := range sent {
		r, ok := rowOf(raw, answer)
		if !ok {
			return p, rest.Malformed(opList, fmt.Errorf("row %d of a page has no id or no creation time", i+1))
		}
		p.rows = append(p.rows, r)
	}
	return p, nil
}

// rowOf reads a chat. It returns false if the chat has no id or no time of creation.
func rowOf(raw value, answer rest.Response) (row, bool) {
	o := fields(raw)
	createdAt, id := moment(o["created_at"]), wire.Word(o["id"])
	if createdAt == nil || id == "" {
		return row{}, false
	}
	return row{id: id, createdAt: *createdAt, observedAt: answer.ObservedAt, sentAt: sentAt(answer), raw: raw, fields: o}, true
}

// sentAt returns when a response was sent: by the server's clock if it has the header Date.
func sentAt(answer rest.Response) time.Time {
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		return at
	}
	return answer.ObservedAt
}

// ref names the chat.
func (r row) ref() providers.Ref {
	return providers.Ref{
		ID: r.id, CreatedAt: r.createdAt, Hint: wire.Word(r.fields["room_id"]), Messages: integer(r.fields["message_count"]), Version: r.version(),
	}
}

// document is the chat as the list has it.
func (r row) document() schemas.Document {
	return schemas.Document{Kind: kindChat, ConversationID: r.id, Status: statusOK, ObservedAt: r.observedAt, Body: r.raw}
}

// explain interprets a refusal of the list: for a later page its cursor has expired; for the first page the organization or room
// does not exist.
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

// own returns a path as the server sees it, below the path of the base URL.
func (a *account) own(path string) string {
	return "/" + strings.TrimLeft(a.base.JoinPath(path).EscapedPath(), "/")
}

package giosg

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
)

// read reads the page at the walk's position and verifies that it is the right page. The platform has no count of chats, and an
// older page from a cache would end the window early.
// A page that cannot hide chats of the window is accepted as it is. For any other page, read follows its link to the previous
// page, which must end where the walk is. The last page of a window, and a page without that link, is requested until enough
// responses agree. So a page of a window costs two requests, and its last page three.
func (w *walk) read(ctx context.Context, l *list) (listPage, order, error) {
	var answers []listPage // responses without a common chat
	var wrong error
	for range witness.Most {
		p, o, err := w.requestOnce(ctx, l)
		if errors.Is(err, errOrder) || errors.Is(err, errLoop) {
			wrong = err
			l.doubt.Raise()
			continue
		}
		if err != nil {
			return p, o, err
		}
		if len(answers) == 0 && wrong == nil && o.harmless(p, w.window) {
			p.proven = true
			return p, o, nil
		}
		i := slices.IndexFunc(answers, p.overlaps)
		if i < 0 {
			if i = len(answers); i > 0 {
				l.doubt.Raise()
			}
			answers = append(answers, p)
		} else {
			answers[i].merge(p, o)
		}
		whole, err := w.checkPrevious(ctx, l, &answers[i], o)
		if err != nil {
			return p, o, err
		}
		if p = answers[i]; whole && p.responses >= w.requiredResponses(l, p, o) {
			p.proven = p.adjoins || w.at.bound == nil
			return p, o, nil
		}
	}
	if wrong != nil {
		l.forget()
		return listPage{}, unknown, rest.Malformed(opList, wrong)
	}
	return listPage{}, unknown, &providers.Error{Kind: providers.Transient, Op: opList, Err: witness.ErrFickle}
}

// requestOnce requests the page once and verifies that it can follow the walk's position.
func (w *walk) requestOnce(ctx context.Context, l *list) (listPage, order, error) {
	p, err := w.page(ctx, l, w.at.link)
	if err != nil {
		return p, w.at.order, err
	}
	o, err := w.at.order.verify(w.at.bound, p.rows)
	if err == nil && p.next != "" && w.seen[p.next] {
		err = errLoop
	}
	return p, o, err
}

// requiredResponses returns how many responses of a page must agree.
func (w *walk) requiredResponses(l *list, p listPage, o order) int {
	last := w.at.bound
	if len(p.rows) > 0 {
		last = &p.rows[len(p.rows)-1].createdAt
	}
	switch {
	case p.adjoins && len(p.rows) > 0 && !o.ends(p, last, w.window):
		return 1
	case p.adjoins:
		return witness.Usual
	case w.at.bound == nil && p.previous != "": // the first page has none before it
		return witness.Doubted
	}
	return l.doubt.Looks()
}

// checkPrevious reads the previous page by p's link to it. That page must contain the chat at the walk's position, or another chat of
// that chat's page, because the chat may be deleted by now. Later chats that the list has omitted are added to p. It returns
// false if p omits more than that: then p is not the requested page.
func (w *walk) checkPrevious(ctx context.Context, l *list, p *listPage, o order) (whole bool, err error) {
	if p.previousRead || p.previous == "" || w.at.bound == nil || o == unknown {
		return true, nil
	}
	q, err := w.requestPage(ctx, l, p.previous)
	var e *providers.Error
	switch {
	case errors.As(err, &e) && (e.Kind == providers.NotFound || e.Kind == providers.Malformed || e.Status == http.StatusBadRequest):
		p.previousRead = true
		return true, nil
	case err != nil:
		return false, err
	}
	bound := *w.at.bound
	var missed []row
	reached := false
	for _, r := range q.rows {
		switch {
		case len(p.rows) > 0 && o.beyond(&r.createdAt, &p.rows[0].createdAt):
			return true, nil // not a page before p but a stale one; the next attempt requests it again
		case listPage{rows: w.above}.has(r.id):
			reached = true
		case r.createdAt.Equal(bound): // it may have been listed by the process that read the page before
			reached = true
			if len(w.above) > 0 {
				missed = append(missed, r)
			}
		case o.beyond(&r.createdAt, &bound), w.leftOut(r, o):
			missed = append(missed, r)
		}
	}
	if reached {
		p.previousRead, p.adjoins = true, true
		p.add(missed, o)
		return true, nil
	}
	if len(missed) > 0 {
		l.doubt.Raise()
	}
	return len(missed) == 0, nil
}

// leftOut reports whether a chat belongs between those of the previous page but is missing there.
func (w *walk) leftOut(r row, o order) bool {
	return len(w.above) > 0 && o.beyond(&r.createdAt, &w.above[0].createdAt) && !listPage{rows: w.above}.has(r.id)
}

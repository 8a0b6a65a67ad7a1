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

// read reads the page at which the walk stands, and makes sure that it is that page: the platform says nowhere how many
// chats there are, and an older page that a cache gives once would end the window at once.
//
// A page that can hide nothing of the window is taken as it is. For any other one the page before it is read by the link
// that it has to it, which must end where the walk has come to. The last page of a window, and a page without such a link,
// is asked for until enough answers agree. So a page of a window costs two requests, its last page three.
func (w *walk) read(ctx context.Context, l *list) (sheet, order, error) {
	var answers []sheet // those that have no chat in common
	var wrong error
	for range witness.Most {
		p, o, err := w.look(ctx, l)
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
		i := slices.IndexFunc(answers, p.meets)
		if i < 0 {
			if i = len(answers); i > 0 {
				l.doubt.Raise()
			}
			answers = append(answers, p)
		} else {
			answers[i].take(p, o)
		}
		whole, err := w.beside(ctx, l, &answers[i], o)
		if err != nil {
			return p, o, err
		}
		if p = answers[i]; whole && p.looks >= w.needs(l, p, o) {
			p.proven = p.adjoins || w.at.bound == nil
			return p, o, nil
		}
	}
	if wrong != nil {
		l.forget()
		return sheet{}, unknown, rest.Malformed(opList, wrong)
	}
	return sheet{}, unknown, &providers.Error{Kind: providers.Transient, Op: opList, Err: witness.ErrFickle}
}

// look asks for the page once, and verifies that it can come where the walk stands.
func (w *walk) look(ctx context.Context, l *list) (sheet, order, error) {
	p, err := w.page(ctx, l, w.at.link)
	if err != nil {
		return p, w.at.order, err
	}
	o, err := w.at.order.learn(w.at.bound, p.rows)
	if err == nil && p.next != "" && w.seen[p.next] {
		err = errLoop
	}
	return p, o, err
}

// needs is how many answers of a page must agree.
func (w *walk) needs(l *list, p sheet, o order) int {
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

// beside reads the page before p by the link that p has to it. It must hold the chat at which the walk stands, or another
// one of its page, since that one may be deleted by now. Chats after it that the list has left out are added to p. It is
// false where p leaves out more than that: then p is not the page that was asked for.
func (w *walk) beside(ctx context.Context, l *list, p *sheet, o order) (whole bool, err error) {
	if p.beside || p.previous == "" || w.at.bound == nil || o == unknown {
		return true, nil
	}
	q, err := w.sheet(ctx, l, p.previous)
	var e *providers.Error
	switch {
	case errors.As(err, &e) && (e.Kind == providers.NotFound || e.Kind == providers.Malformed || e.Status == http.StatusBadRequest):
		p.beside = true
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
			return true, nil // it is no page before p: a stale one, and the next look asks for it again
		case r.createdAt.Equal(bound), sheet{rows: w.above}.has(r.id):
			reached = true
		case o.beyond(&r.createdAt, &bound), w.leftOut(r, o):
			missed = append(missed, r)
		}
	}
	if reached {
		p.beside, p.adjoins = true, true
		p.add(missed, o)
		return true, nil
	}
	if len(missed) > 0 {
		l.doubt.Raise()
	}
	return len(missed) == 0, nil
}

// leftOut says that a chat belongs between those of the page that was read before, and is not among them.
func (w *walk) leftOut(r row, o order) bool {
	return len(w.above) > 0 && o.beyond(&r.createdAt, &w.above[0].createdAt) && !sheet{rows: w.above}.has(r.id)
}

package liveperson

import (
	"context"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// walk reads the page at a place of a span and says where to go on; nil is the end of the span.
//
// Offsets move when conversations come or go meanwhile. So a page keeps back the rows of its last second, and the next one
// begins a row before them. As long as that page begins before the second that is done, nothing lies between the two; where
// it does not, rows have moved to lower offsets, and it is looked for there. Rows that moved up are only met twice, and are
// known by their time.
func (a *account) walk(ctx context.Context, span schemas.Window, at placeInList) (providers.Page, *placeInList, error) {
	o := order{sort: startAscending, offset: at.offset, limit: pageSize}
	if a.consumer {
		o.sort, o.limit = a.sort, a.pageSize
	}
	p, err := a.page(ctx, span, o)
	for err == nil && moved(p, at, o.offset) {
		back := len(p.rows)
		if back == 0 {
			back = o.limit
		}
		o.offset = max(0, o.offset-back)
		p, err = a.page(ctx, span, o)
	}
	if err != nil {
		return providers.Page{}, nil, err
	}
	if o.sort == startAscending && !slices.IsSortedFunc(p.rows, func(x, y row) int { return int(x.second() - y.second()) }) {
		return providers.Page{}, nil, rest.Malformed(opList, errOrder)
	}
	if err := a.dense(span, p); err != nil {
		return providers.Page{}, nil, err
	}
	fresh := p.rows
	if !at.plain {
		fresh = slices.DeleteFunc(slices.Clone(p.rows), func(r row) bool { return r.second() < at.done })
	}
	end := o.offset + len(p.rows)
	// A page may be shorter than was asked for: without a count only one without rows is the last.
	if short := len(p.rows) < o.limit; len(p.rows) == 0 || short && p.count != nil && int64(end) >= *p.count {
		return a.pageOf(p, fresh, span), nil, nil
	}
	last := p.rows[len(p.rows)-1].second()
	begin := end - 1 // of the next page: the row before those of the last second
	for _, r := range slices.Backward(p.rows) {
		if r.second() != last {
			break
		}
		begin--
	}
	if o.sort != startAscending || begin <= o.offset {
		// There is nothing to keep back, or hardly anything but: only the offset can tell what comes next.
		return a.pageOf(p, fresh, span), &placeInList{span: at.span, offset: end, done: at.done, plain: true}, nil
	}
	next := &placeInList{span: at.span, offset: begin, done: max(at.done, last)}
	if fresh = slices.DeleteFunc(fresh, func(r row) bool { return r.second() == last }); len(fresh) == 0 {
		if next.idle = at.idle + 1; next.idle > mostIdle {
			return providers.Page{}, nil, rest.Malformed(opList, errCircle)
		}
	}
	return a.pageOf(p, fresh, span), next, nil
}

// pageOf is what some rows of a page hold of a span.
func (a *account) pageOf(p page, rows []row, span schemas.Window) providers.Page {
	out := a.window(rows, span, p.observedAt)
	if p.count == nil {
		out.Unwitnessed = []string{"conversations"}
	}
	if a.consumer && len(out.Refs) > 0 { // each conversation's messages come in one answer, and nothing counts them
		out.Unwitnessed = append(out.Unwitnessed, "messages")
	}
	return out
}

// mostIdle is how many full pages in a row may bring nothing new: conversations that were put before what is done fill one
// or two, a platform that ignores offsets fills all.
const mostIdle = 5

// moved says that a page may begin above what was given out last.
func moved(p page, at placeInList, offset int) bool {
	return offset > 0 && !at.plain && at.done > 0 && (len(p.rows) == 0 || p.rows[0].second() >= at.done)
}

// dense says that a span holds more than can be paged through. A window of ten minutes is read whatever it holds: it
// cannot be made smaller.
func (a *account) dense(span schemas.Window, p page) error {
	if p.count == nil || *p.count < int64(a.deepest()) || !divisible(span) {
		return nil
	}
	return &providers.Error{Kind: providers.WindowTooDense, Op: opList, Err: errDense}
}

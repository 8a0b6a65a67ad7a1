package liveperson

import (
	"context"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// walk reads the page at a place of a span and returns where to continue, or nil at the end of the span.
// Offsets shift when conversations are added or removed in the meantime. A page therefore holds back the rows of its last second,
// and the next page begins one row before them. As long as that page begins before the second that is done, nothing is missing
// between the two. Otherwise rows have moved to lower offsets, and walk reads those. Rows that moved up are only read twice, and
// are recognized by their time.
func (a *account) walk(ctx context.Context, span schemas.Window, at placeInList) (providers.Page, *placeInList, error) {
	o := order{sort: startAscending, offset: at.offset, limit: pageSize, changes: at.changes}
	if a.consumer {
		o.sort, o.limit = a.sort, a.pageSize
	}
	p, err := a.read(ctx, span, o)
	for err == nil && moved(p, at, o.offset) {
		back := len(p.rows)
		if back == 0 {
			back = o.limit
		}
		o.offset = max(0, o.offset-back)
		p, err = a.read(ctx, span, o)
	}
	if err != nil {
		return providers.Page{}, nil, err
	}
	if at.changes != nil && p.servedAt.Before(at.changes.To) {
		return providers.Page{}, nil, &providers.Error{Kind: providers.Transient, Op: opList, After: at.changes.To.Sub(p.servedAt), Err: errTooSoon}
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
	// A page may be shorter than requested. Without a count, only an empty page is the last.
	if short := len(p.rows) < o.limit; len(p.rows) == 0 || short && p.count != nil && int64(end) >= *p.count {
		out := a.pageOf(p, fresh, span, at)
		out.Total = p.count // of the whole span, with what the platform rounds it up to
		return out, nil, nil
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
		// There is nothing to hold back, or almost nothing else: only the offset can tell what comes next.
		return a.pageOf(p, fresh, span, at), &placeInList{span: at.span, offset: end, done: at.done, plain: true, changes: at.changes, tally: at.tally}, nil
	}
	next := &placeInList{span: at.span, offset: begin, done: max(at.done, last), changes: at.changes, tally: at.tally}
	if fresh = slices.DeleteFunc(fresh, func(r row) bool { return r.second() == last }); len(fresh) == 0 {
		if next.idle = at.idle + 1; next.idle > mostIdle {
			return providers.Page{}, nil, rest.Malformed(opList, errCircle)
		}
	}
	return a.pageOf(p, fresh, span, at), next, nil
}

// pageOf returns the rows of a page that are in a span.
func (a *account) pageOf(p page, rows []row, span schemas.Window, at placeInList) providers.Page {
	if at.changes != nil {
		at.tally.add(p, rows)
		rows = changed(rows, at.changes.From)
	}
	out := a.window(rows, span, p.observedAt)
	if p.count == nil {
		out.Unwitnessed = []string{"conversations"}
	}
	if a.consumer && len(out.Refs) > 0 { // the messages of a conversation come in one response, without a count
		out.Unwitnessed = append(out.Unwitnessed, "messages")
	}
	return out
}

// mostIdle is how many consecutive full pages may have no new rows: conversations added before the done second fill one or two,
// but a platform that ignores offsets fills all.
const mostIdle = 5

// moved reports whether a page may begin after the last returned row.
func moved(p page, at placeInList, offset int) bool {
	return offset > 0 && !at.plain && at.done > 0 && (len(p.rows) == 0 || p.rows[0].second() >= at.done)
}

// dense returns an error if a span has more conversations than can be listed. A window of ten minutes is read whatever it
// contains, because it cannot be made smaller.
func (a *account) dense(span schemas.Window, p page) error {
	if p.count == nil || *p.count < int64(a.deepest()) || !divisible(span) {
		return nil
	}
	return &providers.Error{Kind: providers.WindowTooDense, Op: opList, Err: errDense}
}

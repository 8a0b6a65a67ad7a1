package liveperson

import (
	"context"
	"errors"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

var errDrift = errors.New("the number of conversations changed while they were counted")

// Count returns how many conversations began in a window. The platform rounds the window outwards to ten minutes and includes its
// end, so Count lists the conversations beyond both ends and subtracts them.
func (a *account) Count(ctx context.Context, w schemas.Window) (int64, error) {
	var all int64
	for _, span := range a.spans(w) {
		n, err := a.countSpan(ctx, span)
		if err != nil {
			return 0, err
		}
		all += n
	}
	return all, nil
}

func (a *account) countSpan(ctx context.Context, span schemas.Window) (int64, error) {
	first, err := a.page(ctx, span, order{sort: startAscending, limit: pageSize})
	if err != nil {
		return 0, err
	}
	if len(first.rows) < pageSize && first.count != nil && int64(len(first.rows)) == *first.count {
		return int64(len(a.window(first.rows, span, first.observedAt).Refs)), nil
	}
	if first.count == nil {
		return a.walkAll(ctx, span)
	}
	below, err := a.outside(ctx, span, first, startAscending, func(r row) bool { return r.at.Before(span.From) })
	if err != nil {
		return 0, err
	}
	last, err := a.page(ctx, span, order{sort: "start:desc", limit: pageSize})
	if err != nil {
		return 0, err
	}
	above, err := a.outside(ctx, span, last, "start:desc", func(r row) bool { return !r.at.Before(span.To) })
	if err != nil {
		return 0, err
	}
	if last.count == nil || *last.count != *first.count {
		return 0, &providers.Error{Kind: providers.Transient, Op: "count conversations", Err: errDrift}
	}
	return max(0, *first.count-below-above), nil
}

// outside counts the rows outside of the span, starting at one end of the list.
func (a *account) outside(ctx context.Context, span schemas.Window, p page, sort string, out func(row) bool) (int64, error) {
	var n int64
	for offset := len(p.rows); ; offset += len(p.rows) {
		before := n
		for _, r := range p.rows {
			if out(r) {
				n++
			}
		}
		if len(p.rows) == 0 || n-before < int64(len(p.rows)) {
			return n, nil
		}
		var err error
		if p, err = a.page(ctx, span, order{sort: sort, offset: offset, limit: pageSize}); err != nil {
			return 0, err
		}
	}
}

// walkAll counts by listing. It is used if the platform returns no count.
func (a *account) walkAll(ctx context.Context, span schemas.Window) (int64, error) {
	seen := map[string]bool{}
	for p, err := range a.Conversations(ctx, span, "") {
		if err != nil {
			return 0, err
		}
		for _, ref := range p.Refs {
			seen[ref.ID] = true
		}
	}
	return int64(len(seen)), nil
}

package chatwoot

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// listing caches what is known about the numbered pages of the list: the page size and the time at which each page begins. It only
// saves requests; every result is checked against a page read now.
//
// Creation times never change and deletions move conversations to lower pages, so the beginning of a page can only move to a later
// time: "page p begins at or after t" stays true for ever, "page p begins before t" must be checked again.
type listing struct {
	doubt  witness.Doubt
	mu     sync.Mutex
	full   int // rows of a full page
	short  shortPage
	begins map[int]time.Time
}

// shortPage is a page that has fewer rows than it should have according to the server's total.
type shortPage struct{ number, length int }

// learn records a page. Two short pages of the same length mean that the server has changed its page size. A single short page is
// the last page of a list that ends before its total.
func (l *listing) learn(p page) {
	if p.empty() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p.rows)
	switch {
	case n > l.full:
		l.reset(n)
	case n < l.full && p.total != nil && *p.total >= int64(p.number)*int64(l.full):
		if l.short.length == n && l.short.number != p.number {
			l.reset(n)
		} else {
			l.short = shortPage{number: p.number, length: n}
		}
	}
	l.begins[p.number] = p.first()
}

func (l *listing) reset(full int) {
	l.full, l.short, l.begins = full, shortPage{}, map[int]time.Time{}
}

// forget clears the times at which pages begin, and raises doubt about the list.
func (l *listing) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.begins)
	l.doubt.Raise()
}

func (l *listing) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full
}

// between returns the highest page that is known to begin before t and the lowest that is known not to; 0 means that none is known.
func (l *listing) between(t time.Time) (below, above int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for number, begins := range l.begins {
		switch {
		case begins.Before(t):
			below = max(below, number)
		case above == 0 || number < above:
			above = number
		}
	}
	if above <= below {
		above = 0
	}
	return below, above
}

// locate finds the page with the last conversation created before t, which is the highest page that begins before t, or page 1 if
// there is none. It searches with the cache and with unconfirmed answers first. If the result turns out to be wrong, it searches
// again with confirmed answers only.
func (a *account) locate(ctx context.Context, t time.Time) (page, error) {
	low, err := a.search(ctx, t, a.probe)
	if err == nil {
		low, err = a.confirm(ctx, low)
	}
	sure := false
	if err == nil {
		sure, err = a.isLocated(ctx, low, t)
	}
	if sure || err != nil && !errors.Is(err, errOrder) && !errors.Is(err, errPages) {
		return low, err
	}
	a.list.forget()
	if low, err = a.search(ctx, t, a.page); err == nil {
		_, err = a.isLocated(ctx, low, t)
	}
	return low, err
}

// isLocated reports whether p is the page that locate looks for.
func (a *account) isLocated(ctx context.Context, p page, t time.Time) (bool, error) {
	switch {
	case p.empty():
		return p.number == 1, nil
	case !p.first().Before(t):
		return p.number == 1, a.checkOldest(ctx, p)
	case !p.last().Before(t):
		return true, nil
	}
	next, err := a.page(ctx, p.number+1)
	return err == nil && (next.empty() || !next.first().Before(t)), err
}

// checkOldest checks that page 1 begins before the last page. Otherwise the list is in another order, and it only looks as if no
// conversation were older than page 1.
func (a *account) checkOldest(ctx context.Context, p page) error {
	full := int64(a.list.length())
	if p.number > 1 || p.total == nil || full == 0 || *p.total <= full {
		return nil
	}
	last, err := a.page(ctx, int((*p.total+full-1)/full))
	if err == nil && !last.empty() && last.first().Before(p.first()) {
		err = rest.Malformed(opList, errOrder)
	}
	return err
}

// search looks for the page of locate. read reads a page, confirmed or not.
func (a *account) search(ctx context.Context, t time.Time, read func(context.Context, int) (page, error)) (page, error) {
	below, above := a.list.between(t)
	low, err := read(ctx, max(below, 1))
	if err != nil {
		return low, err
	}
	for low.number > 1 && (low.empty() || !low.first().Before(t)) { // deletions have moved its rows
		above = low.number
		if low, err = read(ctx, low.number/2); err != nil {
			return low, err
		}
	}
	if low.empty() || !low.last().Before(t) {
		return low, nil
	}
	if above == 0 {
		if low, above, err = a.upperBound(ctx, low, t, read); err != nil {
			return low, err
		}
	}
	for above-low.number > 1 && low.last().Before(t) {
		mid, err := read(ctx, low.number+(above-low.number)/2)
		switch {
		case err != nil:
			return mid, err
		case mid.empty() || !mid.first().Before(t):
			above = mid.number
		case mid.first().Before(low.first()):
			return mid, rest.Malformed(opList, errOrder)
		default:
			low = mid
		}
	}
	return low, nil
}

// upperBound finds the number of a page that begins at t or later, or lies beyond the end. It starts from the server's total, or
// else doubles its steps. low begins before t. The returned page is low, or a higher one that also begins before t.
func (a *account) upperBound(ctx context.Context, low page, t time.Time, read func(context.Context, int) (page, error)) (page, int, error) {
	next := low.number + 1
	if full := a.list.length(); low.total != nil && full > 0 {
		next = max(next, int((*low.total+int64(full)-1)/int64(full))+1)
	}
	for step := 1; ; step *= 2 {
		p, err := read(ctx, next)
		if err != nil {
			return p, 0, err
		}
		if p.empty() || !p.first().Before(t) {
			return low, next, nil
		}
		if p.repeats(low) {
			return p, 0, rest.Malformed(opList, errPages)
		}
		low, next = p, next+step
	}
}

// Count returns the number of conversations created in w, from their positions in the list.
func (a *account) Count(ctx context.Context, w schemas.Window) (int64, error) {
	to, err := a.countBefore(ctx, w.To)
	if err != nil {
		return 0, err
	}
	from, err := a.countBefore(ctx, w.From)
	if err != nil {
		return 0, err
	}
	return max(0, to-from), nil
}

// countBefore returns the number of conversations created before t.
func (a *account) countBefore(ctx context.Context, t time.Time) (int64, error) {
	p, err := a.locate(ctx, t)
	if err != nil {
		return 0, err
	}
	count := a.position(p, t)
	if count < int64(p.number-1)*int64(a.list.length())+int64(len(p.rows)) || p.total == nil || *p.total <= count {
		return count, nil
	}
	// All rows of the page are older than t. If no page follows, return the server's own total: then the count exposes a list that
	// ends too early.
	next, err := a.page(ctx, p.number+1)
	if err == nil && next.empty() {
		count = *p.total
	}
	return count, err
}

var (
	_ providers.Counter        = (*account)(nil)
	_ providers.Directory      = (*account)(nil)
	_ providers.Prober         = (*account)(nil)
	_ providers.SnapshotMapper = mapping{}
)

package chatwoot

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

var (
	errActivityOrder = errors.New("the server does not list conversations in the order of their last activity (it ignores sort_by=last_activity_at); changes could be missed")
	errNoActivity    = errors.New("the server does not say when conversations were last active, so it cannot list changes")
	errTooSoon       = errors.New("the server's clock has not reached the end of the window")
)

// updatedMargin is by how much longer ago than necessary updated_within begins. It makes up for the time between the answer that shows
// the server's clock and the next request.
const updatedMargin = 2 * time.Minute

// Changes lists the conversations that were updated in w. updated_within returns all of them in one answer, and also those to which
// nobody wrote. Nothing limits that answer, so it may be too large for the server. Then, and if the server does not know the
// parameter, Changes walks the list in the order of the last activity instead.
//
// That order is walked like the order of creation. It only grows at the end with the newest activity, so the walk goes down from the
// end of the window. A conversation with new activity leaves its place for the end of the list, and like a deletion it moves others to
// lower pages, which are still to be read.
func (a *account) Changes(ctx context.Context, w schemas.Window, _ providers.Known, at providers.Cursor) iter.Seq2[providers.Page, error] {
	w.From = w.From.Truncate(time.Second) // times of activity are in whole seconds
	return func(yield func(providers.Page, error) bool) {
		var rows []row
		var p page
		var err error
		if at == "" {
			var last int
			if rows, last, err = a.recent(ctx, w); err == nil && last > 0 {
				p, err = a.lastActive(ctx, last, w.To)
			}
		} else {
			p, err = a.activeFrom(ctx, at)
		}
		length := 0 // of a full page
		for {
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			out := output(append(rows, p.activeIn(w)...))
			if err = a.spare(ctx, &out, noPage); err != nil {
				yield(providers.Page{}, err)
				return
			}
			if len(out.Refs) > 0 {
				out.Unwitnessed = a.unwitnessed()
			}
			length = max(length, len(p.rows))
			if p.number > 1 && (p.empty() || !p.rows[0].activeAt.Before(w.From)) {
				out.Next = cursor(p.number-1, length)
			}
			if !yield(out, nil) || out.Next == "" {
				return
			}
			rows = nil
			p, err = a.activeFrom(ctx, out.Next)
		}
	}
}

// recent lists the changes in w if a few requests suffice. Otherwise last is the number of the last page in ascending order, from which
// the walk goes down.
func (a *account) recent(ctx context.Context, w schemas.Window) (rows []row, last int, err error) {
	newest, err := a.askActive(ctx, descending, 1)
	if err != nil {
		return nil, 0, err
	}
	if left := w.To.Sub(newest.servedAt); left > 0 {
		return nil, 0, &providers.Error{Kind: providers.Transient, Op: opList, After: left, Err: errTooSoon}
	}
	updated, ok, err := a.updated(ctx, w, newest)
	if err != nil {
		return nil, 0, err
	}
	if ok {
		rows = updated.updatedIn(w)
		has := updated.ids()
		if !slices.ContainsFunc(newest.activeIn(w), func(r row) bool { return !has[r.id] }) {
			return rows, 0, nil
		}
	}
	if newest, err = a.active(ctx, descending, newest, 1); err != nil {
		return nil, 0, err
	}
	if newest.reaches(w.From) {
		for _, r := range newest.activeIn(w) {
			if !slices.ContainsFunc(rows, func(s row) bool { return s.id == r.id }) {
				rows = append(rows, r)
			}
		}
		return rows, 0, nil
	}
	if n := int64(len(newest.rows)); newest.total != nil {
		return rows, int((*newest.total + n - 1) / n), nil
	}
	last, err = a.countPages(ctx)
	return rows, last, err
}

// reaches reports whether page 1 in descending order has everything that was active since t.
func (p page) reaches(t time.Time) bool {
	return p.whole() || p.rows[len(p.rows)-1].activeAt.Before(t)
}

// updated requests the conversations that were updated since w began. It returns false if the server cannot return them: a server that
// does not know updated_within returns page 2 as asked, others return the same for every page.
func (a *account) updated(ctx context.Context, w schemas.Window, newest page) (page, bool, error) {
	if a.noUpdated.Load() {
		return page{}, false, nil
	}
	since := (newest.servedAt.Sub(w.From) + updatedMargin + time.Second - 1) / time.Second
	query := url.Values{"sort_by": {descending}, "updated_within": {strconv.FormatInt(int64(since), 10)}}
	const tries = 2
	paged := 0
	for range tries {
		answers := make([]page, 0, 3)
		for number := 1; number <= cap(answers); number++ {
			p, err := a.request(ctx, number, query)
			if tooMuch(err) {
				return page{}, false, nil
			}
			if err != nil {
				return page{}, false, err
			}
			answers = append(answers, p)
			if number == 1 {
				continue
			}
			first := answers[0]
			if !p.overlaps(first) || !p.covers(first, w) || !first.covers(p, w) {
				break
			}
			// The newest conversations are what page 1 of the whole list has, so two equal answers prove nothing.
			if number == cap(answers) || !p.repeatsAll(newest) || newest.whole() {
				return p, true, nil
			}
		}
		if n := len(answers); answers[0].repeatsAll(newest) && !answers[n-1].overlaps(newest) {
			paged++
		}
	}
	a.noUpdated.Store(paged == tries)
	return page{}, false, nil
}

// repeatsAll reports whether two answers have exactly the same conversations.
func (p page) repeatsAll(q page) bool {
	return slices.EqualFunc(p.rows, q.rows, func(r, s row) bool { return r.id == s.id })
}

// whole reports whether a page is the whole list.
func (p page) whole() bool { return p.total != nil && *p.total <= int64(len(p.rows)) || p.empty() }

// tooMuch reports whether a server fails because of the size of its answer.
func tooMuch(err error) bool {
	return errors.Is(err, rest.ErrTooLarge) || errors.Is(err, rest.ErrTimeout) || rest.StatusOf(err) >= http.StatusInternalServerError
}

// changedAt is when the row last changed, as far as it shows.
func (r row) changedAt() time.Time {
	var at time.Time
	for _, t := range []*time.Time{r.activeAt, r.updatedAt} {
		if t != nil && t.After(at) {
			at = *t
		}
	}
	return at
}

// covers reports whether p has all conversations of another answer, except for those that changed after the window.
func (p page) covers(q page, w schemas.Window) bool {
	has := p.ids()
	return !slices.ContainsFunc(q.rows, func(r row) bool { return r.changedAt().Before(w.To) && !has[r.id] })
}

func (p page) ids() map[string]bool {
	ids := make(map[string]bool, len(p.rows))
	for _, r := range p.rows {
		ids[r.id] = true
	}
	return ids
}

// activeIn returns the conversations that were last active in a window.
func (p page) activeIn(w schemas.Window) (rows []row) {
	for _, r := range p.rows {
		if r.activeAt != nil && w.Contains(*r.activeAt) {
			rows = append(rows, r)
		}
	}
	return rows
}

// updatedIn returns the conversations of an answer to updated_within that were updated in the window. If the server does not show when
// it updated them, it returns all without a version, because the change may be one that their rows do not show.
func (p page) updatedIn(w schemas.Window) (rows []row) {
	for _, r := range p.rows {
		in := r.activeAt != nil && w.Contains(*r.activeAt)
		if r.updatedAt != nil {
			in = in || w.Contains(*r.updatedAt)
		} else {
			in, r.unclear = r.changedAt().Before(w.To), true
		}
		if in {
			rows = append(rows, r)
		}
	}
	return rows
}

// The orders of the last activity.
const (
	ascending  = "last_activity_at_asc"
	descending = "last_activity_at_desc"
)

// askActive requests one page of the list in an order of the last activity.
func (a *account) askActive(ctx context.Context, order string, number int) (page, error) {
	p, err := a.request(ctx, number, url.Values{"sort_by": {order}})
	if err != nil {
		return p, err
	}
	for i, r := range p.rows {
		if r.activeAt == nil {
			return p, rest.Malformed(opList, errNoActivity)
		}
		if i > 0 {
			c := r.activeAt.Compare(*p.rows[i-1].activeAt)
			p.disordered = p.disordered || order == ascending && c < 0 || order == descending && c > 0
		}
	}
	return p, nil
}

// active reads one page of the list in an order of the last activity, and repeats the request until answers agree. The first answer may
// be there already.
func (a *account) active(ctx context.Context, order string, first page, number int) (page, error) {
	p, err := a.agree(ctx, first, func(ctx context.Context) (page, error) { return a.askActive(ctx, order, number) })
	if err == nil && p.disordered {
		err = rest.Malformed(opList, errActivityOrder)
	}
	return p, err
}

// countPages finds the last page of the list if the server does not say how many conversations there are.
func (a *account) countPages(ctx context.Context) (int, error) {
	low, high := 1, 2
	for {
		p, err := a.askActive(ctx, ascending, high)
		if err != nil {
			return 0, err
		}
		if p.empty() {
			break
		}
		low, high = high, 2*high
	}
	for high-low > 1 {
		mid := low + (high-low)/2
		p, err := a.askActive(ctx, ascending, mid)
		if err != nil {
			return 0, err
		}
		if p.empty() {
			high = mid
		} else {
			low = mid
		}
	}
	return low, nil
}

// lastActive finds the page with the last activity before t in ascending order. It starts at what may be the last page. Activity only
// moves conversations to the end of the list, so if a page begins at t or later, no higher page ever begins earlier.
func (a *account) lastActive(ctx context.Context, number int, t time.Time) (page, error) {
	p, err := a.active(ctx, ascending, page{}, number)
	for err == nil && p.empty() && number > 1 { // deletions have shortened the list
		number--
		p, err = a.active(ctx, ascending, page{}, number)
	}
	for err == nil && !p.empty() && p.rows[len(p.rows)-1].activeAt.Before(t) { // more may follow
		next, err := a.active(ctx, ascending, page{}, p.number+1)
		if err != nil || next.empty() || !next.rows[0].activeAt.Before(t) {
			return p, err
		}
		p = next
	}
	if err != nil || p.empty() || p.rows[0].activeAt.Before(t) {
		return p, err
	}
	low, high := page{}, p.number
	for high-low.number > 1 {
		mid, err := a.active(ctx, ascending, page{}, low.number+(high-low.number)/2)
		switch {
		case err != nil:
			return mid, err
		case mid.empty() || !mid.rows[0].activeAt.Before(t):
			high = mid.number
		default:
			low = mid
		}
	}
	return low, nil
}

// activeFrom reads the page of a cursor.
func (a *account) activeFrom(ctx context.Context, at providers.Cursor) (page, error) {
	number, length, err := parseCursor(at)
	if err != nil {
		return page{}, rest.Malformed(opList, err)
	}
	p, err := a.active(ctx, ascending, page{}, number)
	if err == nil && len(p.rows) < length && p.total != nil && *p.total >= int64(number)*int64(length) {
		err = &providers.Error{Kind: providers.CursorExpired, Op: opList, Err: errPageSize}
	}
	return p, err
}

var _ providers.Changer = (*account)(nil)

package liveperson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const opList = "list conversations"

// widening is the precision to which the server rounds the bounds of a window.
const widening = 10 * time.Minute

var (
	errOrder   = errors.New("the platform does not list conversations in the order of their start times; reading such a list would skip conversations")
	errPartial = errors.New("some shards of the platform's search engine did not answer; the page is incomplete")
	errDense   = errors.New("more conversations began in the window than the platform can reliably list")
	errCircle  = errors.New("the platform lists the same conversations again and again (it ignores offset), so the list cannot be read")
	errTooDeep = errors.New("more conversations began within ten minutes than the platform lists, and it accepts no shorter windows")
)

// row is one listed conversation.
type row struct {
	id      string
	at      time.Time
	updated *time.Time // nil if the platform does not say it
	version string     // Ref.Version
	raw     json.RawMessage
}

// second is the precision to which the order of the list is trusted.
func (r row) second() int64 { return r.at.Unix() }

// ref is the conversation as the list has it.
func (r row) ref() providers.Ref { return providers.Ref{ID: r.id, CreatedAt: r.at, Version: r.version} }

// page is one page of a list.
type page struct {
	rows       []row
	count      *int64 // conversations in the requested window, if the server says so
	observedAt time.Time
	servedAt   time.Time // by the server's clock, else by ours
}

// order is the requested sort order, offset and page size of a list.
type order struct {
	sort          string
	offset, limit int
	// changes, if not nil, asks only for conversations that were updated since the window began.
	changes *schemas.Window
}

// spans splits w into windows that the platform accepts: it takes three months at most, after rounding outwards.
func (a *account) spans(w schemas.Window) []schemas.Window {
	length := 88 * 24 * time.Hour
	if a.consumer {
		length = 360 * 24 * time.Hour // thirteen months was once the maximum for a consumer
	}
	var all []schemas.Window
	for from := w.From; from.Before(w.To); {
		to := from.Truncate(widening).Add(length)
		if to.After(w.To) {
			to = w.To
		}
		all = append(all, schemas.Window{From: from, To: to})
		from = to
	}
	return all
}

// bounds returns the bounds of a window in milliseconds, both inclusive.
func bounds(w schemas.Window) (from, to int64) {
	return w.From.UnixMilli(), w.To.Add(time.Millisecond-time.Nanosecond).UnixMilli() - 1
}

// page reads one page of a window. If the platform does not say how many conversations the window has, it repeats the request
// until two responses agree.
func (a *account) page(ctx context.Context, w schemas.Window, o order) (page, error) {
	p, err := a.requestPage(ctx, w, o)
	if err != nil || p.count != nil {
		return p, err
	}
	first := true
	p, err = witness.Agree(ctx, a.doubt, func(ctx context.Context) (page, error) {
		if first {
			first = false
			return p, nil
		}
		return a.requestPage(ctx, w, o)
	}, page.overlaps)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: opList, Err: err}
	}
	return p, err
}

// overlaps reports whether two responses show the same page: conversations may come and go in between, but most of a page stays.
func (p page) overlaps(q page) bool {
	if len(p.rows) == 0 || len(q.rows) == 0 {
		return len(p.rows) == len(q.rows)
	}
	common := 0
	for _, r := range p.rows {
		if slices.ContainsFunc(q.rows, func(s row) bool { return s.id == r.id }) {
			common++
		}
	}
	return 2*common > max(len(p.rows), len(q.rows))
}

// requestPage requests one page of a window.
func (a *account) requestPage(ctx context.Context, w schemas.Window, o order) (page, error) {
	var answer rest.Response
	var err error
	if a.consumer {
		answer, err = a.searchConsumer(ctx, w, o)
	} else {
		answer, err = a.search(ctx, w, o)
	}
	p := page{observedAt: answer.ObservedAt, servedAt: answer.ObservedAt}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		p.servedAt = at
	}
	if err != nil {
		return p, a.explain(ctx, err, w, o)
	}
	if answer.Status == http.StatusNoContent {
		p.count = new(int64)
		return p, nil
	}
	e, err := readEnvelope(answer.Body)
	if err != nil {
		return p, rest.Malformed(opList, err)
	}
	if e.partial {
		return p, &providers.Error{Kind: providers.Transient, Op: opList, Status: answer.Status, Err: errPartial}
	}
	p.count = e.count
	for i, raw := range e.records {
		r, err := readRow(raw)
		if err != nil {
			return p, rest.Malformed(opList, fmt.Errorf("row %d from offset %d on: %w", i+1, o.offset, err))
		}
		p.rows = append(p.rows, r)
	}
	return p, nil
}

// search requests conversations of the account that began in a window. It asks for the smallest kind of content, because naming
// none would return everything. "Conversations", Messaging Interactions API.
func (a *account) search(ctx context.Context, w schemas.Window, o order) (rest.Response, error) {
	from, to := bounds(w)
	body := map[string]any{
		"start": map[string]int64{"from": from, "to": to}, "status": a.status, "contentToRetrieve": smallest,
	}
	if o.changes != nil {
		body["latestUpdateTime"] = map[string]int64{"from": o.changes.From.UnixMilli()}
	}
	return a.ask(ctx, serviceHistory, rest.Request{
		Op: opList, Method: http.MethodPost, Path: a.path("search"), Repeatable: true,
		Query: url.Values{
			"offset": {strconv.Itoa(o.offset)}, "limit": {strconv.Itoa(o.limit)}, "sort": {o.sort},
			"v": {a.sdeVersion}, "source": {a.source},
		},
		JSON: body,
	})
}

// searchConsumer requests conversations of the consumer who owns the token. Both bounds are required, or neither. "Conversations
// metadata", Consumer Messaging History API.
func (a *account) searchConsumer(ctx context.Context, w schemas.Window, o order) (rest.Response, error) {
	from, to := bounds(w)
	return a.ask(ctx, serviceHistory, rest.Request{
		Op: opList, Path: a.path("consumer/metadata/search"),
		Query: url.Values{
			"offset": {strconv.Itoa(o.offset)}, "limit": {strconv.Itoa(o.limit)}, "sort": {o.sort}, "source": {a.source},
			"state": {a.state}, "startFrom": {strconv.FormatInt(from, 10)}, "startTo": {strconv.FormatInt(to, 10)},
		},
	})
}

func (a *account) path(below string) string {
	return "/messaging_history/api/account/" + a.id + "/conversations/" + below
}

// explain interprets a refusal deep in a list: the search engine that the platform names in its errors returns no rows beyond
// some ten thousand, or another configured limit.
func (a *account) explain(ctx context.Context, err error, w schemas.Window, o order) error {
	refused := errors.Is(err, errSearch) || rest.StatusOf(err) == http.StatusBadRequest
	beyond := refused && o.offset+o.limit > a.deepest()
	if !beyond && !(o.offset > 0 && errors.Is(err, errOffset)) && !(refused && o.offset > 0 && divisible(w) && a.shallow(ctx, w, o)) {
		return err
	}
	a.limitDepth(int64(o.offset + o.limit))
	if divisible(w) {
		return &providers.Error{Kind: providers.WindowTooDense, Op: opList, Status: rest.StatusOf(err), Err: errDense}
	}
	return &providers.Error{Kind: providers.Malformed, Op: opList, Status: rest.StatusOf(err), Err: errTooDeep}
}

// shallow reports whether the platform still returns the start of a list after it refused a later page. Then it refuses the
// depth, and retrying does not help. If it was a temporary failure after all, the window is split in vain.
func (a *account) shallow(ctx context.Context, w schemas.Window, o order) bool {
	o.offset = 0
	search := a.search
	if a.consumer {
		search = a.searchConsumer
	}
	_, err := search(ctx, w, o)
	return err == nil
}

// deepest is the offset up to which the conversations of a window are listed.
func (a *account) deepest() int {
	if limit := a.depthLimit.Load(); limit > 0 {
		return min(a.offsetCap, int(limit)-1)
	}
	return a.offsetCap
}

// limitDepth remembers the end of a page that the platform refused, so that later windows are split by their count.
func (a *account) limitDepth(end int64) {
	for {
		limit := a.depthLimit.Load()
		if limit > 0 && limit <= end || a.depthLimit.CompareAndSwap(limit, end) {
			return
		}
	}
}

// divisible reports whether halving a window repeatedly leads to responses with fewer conversations.
func divisible(w schemas.Window) bool {
	from, to := bounds(w)
	step := widening.Milliseconds()
	return to/step > from/step
}

// Conversations lists the spans of a window, each from its start.
func (a *account) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		spans := a.spans(w)
		place, err := parsePlace(at, len(spans))
		if err != nil {
			yield(providers.Page{}, rest.Malformed(opList, err))
			return
		}
		if len(spans) == 0 {
			yield(providers.Page{}, nil)
			return
		}
		for {
			out, next, err := a.walk(ctx, spans[place.span], place)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			if next = place.count(&out, next, len(spans)); next != nil {
				out.Next = next.cursor()
			}
			if !yield(out, nil) || next == nil {
				return
			}
			place = *next
		}
	}
}

// placeInList is where a list continues. All rows of the span that began before the second done have been returned.
type placeInList struct {
	span   int
	offset int
	done   int64
	plain  bool // only the offset tells what was returned
	idle   int  // consecutive full pages without new rows
	// inside is how many conversations the window has in the spans before this one, by the platform's counts, and outside how many of
	// this span were listed that are not of the window. unsure means that one of them is not known.
	inside, outside int64
	unsure          bool
	// changes, if not nil, is the window of changes that are listed, and tally counts them. Neither is in the cursor of a place.
	changes *schemas.Window
	tally   *tally
}

// count takes what a page at p says of the window's total over to the next place, which is nil at the end of a span. It returns where the
// list continues. At the end of all spans it leaves the total on the page, if it is known.
func (p placeInList) count(page *providers.Page, next *placeInList, spans int) *placeInList {
	inside, outside, unsure := p.inside, p.outside+int64(page.Dropped), p.unsure || p.plain
	counted := page.Total
	page.Total = nil
	if next != nil {
		next.inside, next.outside, next.unsure = inside, outside, unsure
		return next
	}
	if counted == nil {
		unsure = true
	} else {
		inside += *counted - outside
	}
	if p.span+1 < spans {
		return &placeInList{span: p.span + 1, inside: inside, unsure: unsure}
	}
	if !unsure {
		page.Total = &inside
	}
	return nil
}

func (p placeInList) cursor() providers.Cursor {
	kind := "w"
	if p.plain {
		kind = "t"
	}
	text := fmt.Sprintf("%s%d.%d.%d", kind, p.span, p.offset, p.done)
	if p.idle > 0 {
		text += fmt.Sprintf(".%d", p.idle)
	}
	switch {
	case p.unsure:
		text += "/?"
	case p.inside > 0 || p.outside > 0:
		text += fmt.Sprintf("/%d.%d", p.inside, p.outside)
	}
	return providers.Cursor(text)
}

func parsePlace(at providers.Cursor, spans int) (placeInList, error) {
	if at == "" {
		return placeInList{}, nil
	}
	p, err := parseCursor(at)
	if err == nil && p.span >= spans {
		err = providers.ErrCursor
	}
	return p, err
}

func parseCursor(at providers.Cursor) (placeInList, error) {
	var p placeInList
	if at == "" {
		return p, providers.ErrCursor
	}
	p.plain = strings.HasPrefix(string(at), "t")
	text, counted, _ := strings.Cut(string(at[1:]), "/")
	if p.unsure = counted == "?"; counted != "" && !p.unsure {
		if _, err := fmt.Sscanf(counted, "%d.%d", &p.inside, &p.outside); err != nil {
			return p, providers.ErrCursor
		}
	}
	parts := strings.Split(text, ".")
	if len(parts) == 3 {
		parts = append(parts, "0")
	}
	if len(parts) != 4 {
		return p, providers.ErrCursor
	}
	var err1, err2, err3, err4 error
	p.span, err1 = strconv.Atoi(parts[0])
	p.offset, err2 = strconv.Atoi(parts[1])
	p.done, err3 = strconv.ParseInt(parts[2], 10, 64)
	p.idle, err4 = strconv.Atoi(parts[3])
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || p.span < 0 || p.offset < 0 || p.cursor() != at {
		return p, providers.ErrCursor
	}
	return p, nil
}

// window returns the rows that are in a window, sorted.
func (a *account) window(rows []row, w schemas.Window, observedAt time.Time) providers.Page {
	var out providers.Page
	for _, r := range inOrder(rows) {
		if !w.Contains(r.at) {
			out.Dropped++
			continue
		}
		out.Refs = append(out.Refs, r.ref())
		if a.consumer {
			out.Documents = append(out.Documents, schemas.Document{
				Kind: kindMetadata, ConversationID: r.id, Status: http.StatusOK, ObservedAt: observedAt, Body: r.raw,
			})
		}
	}
	return out
}

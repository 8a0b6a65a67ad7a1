package liveperson

import (
	"cmp"
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

// widening is what the server rounds the bounds of a window to.
const widening = 10 * time.Minute

var (
	errOrder   = errors.New("the platform does not list conversations in the order in which they began; walking such a list would skip conversations")
	errPartial = errors.New("some shards of the platform's search engine did not answer; the page is not whole")
	errDense   = errors.New("more conversations began in the window than the platform can be trusted to page through")
	errCircle  = errors.New("the platform lists the same conversations again and again (it ignores offset); the list cannot be walked")
	errWall    = errors.New("so many conversations began within ten minutes that the platform does not page through them, and it takes no shorter windows")
)

// row is one listed conversation.
type row struct {
	id  string
	at  time.Time
	raw json.RawMessage
}

// second is the precision to which the list is trusted to be in order.
func (r row) second() int64 { return r.at.Unix() }

// page is one page of a list.
type page struct {
	rows       []row
	count      *int64 // conversations of the window as asked for, where the server says it
	observedAt time.Time
}

// order is how a list is asked to be sorted, and where in it to begin.
type order struct {
	sort          string
	offset, limit int
}

// spans are the windows that are asked for instead of w: the platform takes three months at most, and rounds outwards.
func (a *account) spans(w schemas.Window) []schemas.Window {
	length := 88 * 24 * time.Hour
	if a.consumer {
		length = 360 * 24 * time.Hour // thirteen months once were the longest for a consumer
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

// bounds are the bounds of a window in milliseconds, the last included.
func bounds(w schemas.Window) (from, to int64) {
	return w.From.UnixMilli(), w.To.Add(time.Millisecond-time.Nanosecond).UnixMilli() - 1
}

// page reads one page of a window. Where the platform does not say how many conversations the window holds, it is asked
// until answers agree.
func (a *account) page(ctx context.Context, w schemas.Window, o order) (page, error) {
	p, err := a.look(ctx, w, o)
	if err != nil || p.count != nil {
		return p, err
	}
	first := true
	p, err = witness.Agree(ctx, a.doubt, func(ctx context.Context) (page, error) {
		if first {
			first = false
			return p, nil
		}
		return a.look(ctx, w, o)
	}, page.meets)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: opList, Err: err}
	}
	return p, err
}

// meets says that two answers are of one page: conversations come and go meanwhile, but most of a page stays.
func (p page) meets(q page) bool {
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

// look asks for one page of a window.
func (a *account) look(ctx context.Context, w schemas.Window, o order) (page, error) {
	var answer rest.Response
	var err error
	if a.consumer {
		answer, err = a.searchConsumer(ctx, w, o)
	} else {
		answer, err = a.search(ctx, w, o)
	}
	p := page{observedAt: answer.ObservedAt}
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

// search asks for conversations of the account that began in a window. The rows hold little: naming no kind at all would
// mean all of them.
// "Conversations", Messaging Interactions API.
func (a *account) search(ctx context.Context, w schemas.Window, o order) (rest.Response, error) {
	from, to := bounds(w)
	return a.ask(ctx, serviceHistory, rest.Request{
		Op: opList, Method: http.MethodPost, Path: a.path("search"), Repeatable: true,
		Query: url.Values{
			"offset": {strconv.Itoa(o.offset)}, "limit": {strconv.Itoa(o.limit)}, "sort": {o.sort},
			"v": {a.sdeVersion}, "source": {a.source},
		},
		JSON: map[string]any{
			"start": map[string]int64{"from": from, "to": to}, "status": a.status, "contentToRetrieve": []string{"summary"},
		},
	})
}

// searchConsumer asks for conversations of the consumer whose token it is. Both bounds have to be given, or neither.
// "Conversations metadata", Consumer Messaging History API.
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

// explain says what a refusal deep in a list means: the search engine that the platform names in its errors gives out
// no rows beyond some ten thousand, or wherever else it was told to end.
func (a *account) explain(ctx context.Context, err error, w schemas.Window, o order) error {
	refused := errors.Is(err, errSearch) || rest.StatusOf(err) == http.StatusBadRequest
	beyond := refused && o.offset+o.limit > a.deepest()
	if !beyond && !(o.offset > 0 && errors.Is(err, errOffset)) && !(refused && o.offset > 0 && divisible(w) && a.shallow(ctx, w, o)) {
		return err
	}
	a.learn(int64(o.offset + o.limit))
	if divisible(w) {
		return &providers.Error{Kind: providers.WindowTooDense, Op: opList, Status: rest.StatusOf(err), Err: errDense}
	}
	return &providers.Error{Kind: providers.Malformed, Op: opList, Status: rest.StatusOf(err), Err: errWall}
}

// shallow reports whether the platform gives out the beginning of a list of which it has refused a page further down: then the
// depth is what it refuses, and no repetition helps. Should it have been a passing failure after all, the window is split in vain.
func (a *account) shallow(ctx context.Context, w schemas.Window, o order) bool {
	o.offset = 0
	search := a.search
	if a.consumer {
		search = a.searchConsumer
	}
	_, err := search(ctx, w, o)
	return err == nil
}

// deepest is the offset up to which conversations of a window are paged through.
func (a *account) deepest() int {
	if wall := a.wall.Load(); wall > 0 {
		return min(a.offsetCap, int(wall)-1)
	}
	return a.offsetCap
}

// learn remembers the end of a page that the platform does not give out, so that later windows are split by their count.
func (a *account) learn(end int64) {
	for {
		wall := a.wall.Load()
		if wall > 0 && wall <= end || a.wall.CompareAndSwap(wall, end) {
			return
		}
	}
}

// divisible says that halves of a window would be answered with fewer conversations than the window, in the end.
func divisible(w schemas.Window) bool {
	from, to := bounds(w)
	step := widening.Milliseconds()
	return to/step > from/step
}

// Conversations walks the spans of a window, each from its beginning.
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
			if next == nil && place.span+1 < len(spans) {
				next = &placeInList{span: place.span + 1}
			}
			if next != nil {
				out.Next = next.cursor()
			}
			if !yield(out, nil) || next == nil {
				return
			}
			place = *next
		}
	}
}

// placeInList is where a list goes on. All rows of the span that began before the second done have been given out.
type placeInList struct {
	span   int
	offset int
	done   int64
	plain  bool // the offset alone says what has been given out
	idle   int  // full pages in a row that brought nothing new
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
	return providers.Cursor(text)
}

func parsePlace(at providers.Cursor, spans int) (placeInList, error) {
	var p placeInList
	if at == "" {
		return p, nil
	}
	p.plain = strings.HasPrefix(string(at), "t")
	parts := strings.Split(string(at[1:]), ".")
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
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || p.span < 0 || p.span >= spans || p.offset < 0 || p.cursor() != at {
		return p, providers.ErrCursor
	}
	return p, nil
}

// window is what rows hold of a window, in order.
func (a *account) window(rows []row, w schemas.Window, observedAt time.Time) providers.Page {
	var out providers.Page
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(x, y row) int {
		return cmp.Or(x.at.Compare(y.at), strings.Compare(x.id, y.id))
	})
	for _, r := range rows {
		if !w.Contains(r.at) {
			out.Dropped++
			continue
		}
		out.Refs = append(out.Refs, providers.Ref{ID: r.id, CreatedAt: r.at})
		if a.consumer {
			out.Documents = append(out.Documents, schemas.Document{
				Kind: kindMetadata, ConversationID: r.id, Status: http.StatusOK, ObservedAt: observedAt, Body: r.raw,
			})
		}
	}
	return out
}

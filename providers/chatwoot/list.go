package chatwoot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const opList = "list conversations"

var (
	errOrder    = errors.New("the server does not list conversations in the order of creation (it ignores sort_by=created_at_asc); conversations could be missed")
	errPages    = errors.New("the server returns the same conversations on different pages (it ignores page); they cannot be listed completely")
	errPageSize = errors.New("the server has changed its page size")
)

// row is one conversation of the list.
type row struct {
	id        string
	createdAt time.Time
	// activeAt is the time of the last activity in whole seconds, updatedAt that of the last update, which servers before 4.0.2 do
	// not show. Nil means that the row does not show it.
	activeAt, updatedAt *time.Time
	unclear             bool // the row may not show its newest change
	observedAt          time.Time
	raw                 value
}

// readRow reads the fields of a conversation that a list needs. It returns false if the conversation has no id or no time of creation.
func readRow(raw value) (row, bool) {
	r := row{id: wire.Word(wire.Field(raw, "id")), raw: raw, updatedAt: moment(wire.Field(raw, "updated_at"))}
	created, stamp := moment(wire.Field(raw, "created_at")), moment(wire.Field(raw, "timestamp"))
	r.activeAt = moment(wire.Field(raw, "last_activity_at"))
	if created == nil {
		created = stamp
	} else if r.activeAt == nil {
		r.activeAt = stamp
	}
	if created == nil || r.id == "" {
		return r, false
	}
	r.createdAt = *created
	return r, true
}

// version is the row's Ref.Version: the time of the last update, or else of the last activity, in microseconds, and the time of the
// last activity in seconds. An update is never older than the activity that it comes with, so the version also grows when a server
// begins to show updates.
func (r row) version() string {
	changed := cmp.Or(r.updatedAt, r.activeAt)
	if r.unclear || changed == nil || changed.Unix() < 0 {
		return ""
	}
	var active int64
	if r.activeAt != nil {
		active = max(0, r.activeAt.Unix())
	}
	return fmt.Sprintf("%018d.%011d", changed.UnixMicro(), active)
}

// page is one numbered page of the list, oldest conversation first.
type page struct {
	number     int
	rows       []row
	total      *int64    // conversations of the account, nil if the server does not give the number
	servedAt   time.Time // by the server's clock, else by ours
	disordered bool      // the rows are not in the requested order of the last activity
}

// repeats reports whether two pages begin and end with the same conversations.
func (p page) repeats(q page) bool {
	return !p.empty() && !q.empty() && p.rows[0].id == q.rows[0].id && p.rows[len(p.rows)-1].id == q.rows[len(q.rows)-1].id
}

func (p page) empty() bool      { return len(p.rows) == 0 }
func (p page) first() time.Time { return p.rows[0].createdAt }
func (p page) last() time.Time  { return p.rows[len(p.rows)-1].createdAt }

// page reads one page of the list and repeats the request until answers agree. Conversations are counted by page numbers, so if the
// server answered with another page, the count would agree with an incomplete list.
func (a *account) page(ctx context.Context, number int) (page, error) {
	p, err := a.ask(ctx, number)
	if err != nil {
		return p, err
	}
	return a.confirm(ctx, p)
}

// probe reads one page without repeating the request.
func (a *account) probe(ctx context.Context, number int) (page, error) {
	p, err := a.ask(ctx, number)
	if err == nil {
		a.list.learn(p)
	}
	return p, err
}

// confirm reads a page again until answers agree.
func (a *account) confirm(ctx context.Context, p page) (page, error) {
	p, err := a.agree(ctx, p, func(ctx context.Context) (page, error) { return a.ask(ctx, p.number) })
	if err == nil {
		a.list.learn(p)
	}
	return p, err
}

// agree asks for a page until answers agree. The first answer may be there already.
func (a *account) agree(ctx context.Context, first page, ask func(context.Context) (page, error)) (page, error) {
	p, err := witness.Agree(ctx, &a.list.doubt, func(ctx context.Context) (page, error) {
		if p := first; p.number > 0 {
			first.number = 0
			return p, nil
		}
		return ask(ctx)
	}, page.overlaps)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: opList, Err: err}
	}
	return p, err
}

// overlaps reports whether two answers are of the same page. Between them conversations may have been added at the end or deleted
// anywhere, but most of a page stays the same.
func (p page) overlaps(q page) bool {
	if p.empty() || q.empty() || p.disordered != q.disordered {
		return p.empty() && q.empty()
	}
	common := 0
	for _, r := range p.rows {
		if slices.ContainsFunc(q.rows, func(s row) bool { return s.id == r.id }) {
			common++
		}
	}
	return 2*common > max(len(p.rows), len(q.rows))
}

// ask requests one page of the list in the order of creation.
func (a *account) ask(ctx context.Context, number int) (page, error) {
	p, err := a.request(ctx, number, url.Values{"sort_by": {"created_at_asc"}})
	if err == nil && !slices.IsSortedFunc(p.rows, func(x, y row) int { return x.createdAt.Compare(y.createdAt) }) {
		err = rest.Malformed(opList, errOrder)
	}
	return p, err
}

// request requests one page of the list.
// app/finders/conversation_finder.rb; sort_by and updated_within are in the code but not in the vendor's documentation.
func (a *account) request(ctx context.Context, number int, query url.Values) (page, error) {
	query.Set("status", "all")
	query.Set("assignee_type", "all")
	query.Set("page", strconv.Itoa(number))
	answer, err := a.get(ctx, opList, "/conversations", query)
	if err != nil {
		return page{}, explain(err)
	}
	p := page{number: number, servedAt: answer.ObservedAt}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		p.servedAt = at
	}
	rows, meta, err := envelope(answer.Body)
	if err != nil {
		return p, rest.Malformed(opList, err)
	}
	p.total = integer(meta["all_count"])
	for i, raw := range rows {
		r, ok := readRow(raw)
		if !ok {
			return p, rest.Malformed(opList, fmt.Errorf("row %d of page %d has no id or no valid created_at", i+1, number))
		}
		r.observedAt = answer.ObservedAt
		// More may happen in the second of the last activity without showing, unless the row has the time of the update.
		r.unclear = r.updatedAt == nil && r.activeAt != nil && r.activeAt.Unix() >= p.servedAt.Unix()
		p.rows = append(p.rows, r)
	}
	return p, nil
}

func noAccount(err error) error {
	return &providers.Error{Kind: providers.Denied, Op: opList, Status: rest.StatusOf(err), Err: errAccount}
}

// explain turns a 404 from the list into an error about the account, which does not exist.
func explain(err error) error {
	if rest.Gone(err) {
		return noAccount(err)
	}
	return err
}

// Conversations walks the pages of a window downwards, from the page with its end to the page with its beginning.
func (a *account) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		at, ends := parseEnds(at)
		p, err := a.start(ctx, w, at)
		if err == nil && at == "" {
			ends = a.end(p, w.To)
		}
		for {
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			out := window(p, w)
			if err = a.spare(ctx, &out, p.number); err != nil {
				yield(providers.Page{}, err)
				return
			}
			if len(out.Refs) > 0 {
				out.Unwitnessed = a.unwitnessed()
			}
			if p.number > 1 && (p.empty() || !p.first().Before(w.From)) {
				out.Next = cursor(p.number-1, a.list.length()) + ends.cursor()
			} else {
				out.Total = a.between(ends, p, w.From)
			}
			if !yield(out, nil) || out.Next == "" {
				return
			}
			above := p
			if p, err = a.page(ctx, p.number-1); err == nil {
				err = checkBelow(p, above)
			}
		}
	}
}

// unwitnessed returns the lists of a conversation whose length nothing confirms. Of the messages, only the last one is known from
// elsewhere.
func (a *account) unwitnessed() []string {
	all := []string{kindMessages}
	if a.participants {
		all = append(all, kindParticipants)
	}
	if a.reporting {
		all = append(all, kindReporting)
	}
	return all
}

// start returns the page of a cursor, or the page with the end of the window.
func (a *account) start(ctx context.Context, w schemas.Window, at providers.Cursor) (page, error) {
	if at == "" {
		return a.locate(ctx, w.To)
	}
	number, length, err := parseCursor(at)
	if err != nil {
		return page{}, rest.Malformed(opList, err)
	}
	p, err := a.page(ctx, number)
	if err != nil {
		return p, err
	}
	// All pages before the last are full. If this one is not, the server has reduced its page size, and conversations of the window
	// may now be on higher pages.
	short := len(p.rows) < length
	if short && p.total != nil && *p.total >= int64(number)*int64(length) {
		return p, &providers.Error{Kind: providers.CursorExpired, Op: opList, Err: errPageSize}
	}
	return p, nil
}

// window returns the conversations of a page that belong to a window.
func window(p page, w schemas.Window) providers.Page {
	in := slices.DeleteFunc(slices.Clone(p.rows), func(r row) bool { return !w.Contains(r.createdAt) })
	out := output(in)
	out.Dropped = len(p.rows) - len(in)
	return out
}

// output returns conversations, oldest first.
func output(rows []row) providers.Page {
	var out providers.Page
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(x, y row) int {
		return cmp.Or(x.createdAt.Compare(y.createdAt), compareIDs(x.id, y.id))
	})
	for _, r := range rows {
		out.Refs = append(out.Refs, providers.Ref{ID: r.id, CreatedAt: r.createdAt, Version: r.version(), Hint: lastMessage(r.raw)})
		out.Documents = append(out.Documents, schemas.Document{
			Kind: kindConversation, ConversationID: r.id, Status: statusOK, ObservedAt: r.observedAt, Body: r.raw,
		})
	}
	return out
}

// lastMessage returns the id of a conversation's newest message according to its row of the list, or "" if it has none.
// app/views/api/v1/conversations/partials/_conversation.json.jbuilder
func lastMessage(row value) string {
	messages := wire.Items(wire.Field(row, "messages"))
	if len(messages) == 0 {
		return ""
	}
	return wire.Word(wire.Field(messages[len(messages)-1], "id"))
}

// ends is what a walk has seen of the end of its window: the number of conversations before it, those of the account, and the rows of a
// full page. It is zero if the position of the end was not certain.
type ends struct {
	before, total int64
	length        int
}

// end returns the position of the end of a window from the page with the last conversation before it.
func (a *account) end(p page, t time.Time) ends {
	before := a.position(p, t)
	if p.total == nil {
		return ends{}
	}
	last := before == int64(p.number-1)*int64(a.list.length())+int64(len(p.rows)) && before != *p.total
	if _, next := a.list.between(t); last && next != p.number+1 {
		return ends{} // more may follow
	}
	return ends{before, *p.total, a.list.length()}
}

// between returns how many conversations are between the end of a window and its beginning at t, which is on page p. It returns nil if
// that is not certain, because the list has changed since the end was seen.
func (a *account) between(e ends, p page, t time.Time) *int64 {
	if e == (ends{}) && !p.empty() || p.total == nil || *p.total != e.total || a.list.length() != e.length {
		return nil
	}
	n := e.before - a.position(p, t)
	return &n
}

// position is the number of conversations created before t, which is on page p.
func (a *account) position(p page, t time.Time) int64 {
	n := sort.Search(len(p.rows), func(i int) bool { return !p.rows[i].createdAt.Before(t) })
	return int64(p.number-1)*int64(a.list.length()) + int64(n)
}

// cursor is what the cursor of a walk says of the ends.
func (e ends) cursor() providers.Cursor {
	if e == (ends{}) {
		return ""
	}
	return providers.Cursor(fmt.Sprintf("/%d.%d.%d", e.before, e.total, e.length))
}

// parseEnds cuts a cursor into the place where the walk continues and the ends. A cursor that says nothing of them has none.
func parseEnds(at providers.Cursor) (providers.Cursor, ends) {
	place, text, _ := strings.Cut(string(at), "/")
	var e ends
	if n, err := fmt.Sscanf(text, "%d.%d.%d", &e.before, &e.total, &e.length); n != 3 || err != nil || e.cursor() != providers.Cursor("/"+text) {
		if text != "" {
			return at, ends{} // start refuses it
		}
		return providers.Cursor(place), ends{}
	}
	return providers.Cursor(place), e
}

// checkBelow checks that p comes before the page above, which was read first. After deletions, the end of p may contain
// conversations that were on that page or on higher ones, but none that is new and created between them.
func checkBelow(p, above page) error {
	if p.empty() || above.empty() {
		return nil
	}
	known := map[string]bool{}
	for _, r := range above.rows {
		known[r.id] = true
	}
	for _, r := range p.rows {
		if r.createdAt.After(above.first()) && r.createdAt.Before(above.last()) && !known[r.id] {
			return rest.Malformed(opList, errOrder)
		}
	}
	return nil
}

// cursor contains the number of the next page and the page size at the time.
func cursor(number, length int) providers.Cursor {
	return providers.Cursor(fmt.Sprintf("p%d.%d", number, length))
}

func parseCursor(at providers.Cursor) (number, length int, err error) {
	n, l, ok := strings.Cut(strings.TrimPrefix(string(at), "p"), ".")
	number, err1 := strconv.Atoi(n)
	length, err2 := strconv.Atoi(l)
	if !ok || err1 != nil || err2 != nil || number < 1 || length < 0 || cursor(number, length) != at {
		return 0, 0, providers.ErrCursor
	}
	return number, length, nil
}

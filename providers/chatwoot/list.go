package chatwoot

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"slices"
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
	raw       value
}

// page is one numbered page of the list, oldest conversation first.
type page struct {
	number     int
	rows       []row
	total      *int64 // conversations of the account, nil if the server does not give the number
	observedAt time.Time
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
	first := true
	p, err := witness.Agree(ctx, &a.list.doubt, func(ctx context.Context) (page, error) {
		if first {
			first = false
			return p, nil
		}
		return a.ask(ctx, p.number)
	}, page.overlaps)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: opList, Err: err}
	}
	if err == nil {
		a.list.learn(p)
	}
	return p, err
}

// overlaps reports whether two answers are of the same page. Between them conversations may have been added at the end or deleted
// anywhere, but most of a page stays the same.
func (p page) overlaps(q page) bool {
	if p.empty() || q.empty() {
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

// ask requests one page of the list.
// app/finders/conversation_finder.rb; sort_by is in the code but not in the vendor's documentation.
func (a *account) ask(ctx context.Context, number int) (page, error) {
	answer, err := a.get(ctx, opList, "/conversations", url.Values{
		"status": {"all"}, "assignee_type": {"all"}, "sort_by": {"created_at_asc"}, "page": {strconv.Itoa(number)},
	})
	if err != nil {
		return page{}, explain(err)
	}
	p := page{number: number, observedAt: answer.ObservedAt}
	rows, meta, err := envelope(answer.Body)
	if err != nil {
		return p, rest.Malformed(opList, err)
	}
	p.total = integer(meta["all_count"])
	for i, raw := range rows {
		createdAt := cmp.Or(moment(wire.Field(raw, "created_at")), moment(wire.Field(raw, "timestamp")))
		id := wire.Word(wire.Field(raw, "id"))
		if createdAt == nil || id == "" {
			return p, rest.Malformed(opList, fmt.Errorf("row %d of page %d has no id or no valid created_at", i+1, number))
		}
		p.rows = append(p.rows, row{id: id, createdAt: *createdAt, raw: raw})
	}
	if !slices.IsSortedFunc(p.rows, func(x, y row) int { return x.createdAt.Compare(y.createdAt) }) {
		return p, rest.Malformed(opList, errOrder)
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
		p, err := a.start(ctx, w, at)
		for {
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			out := window(p, w)
			if len(out.Refs) > 0 {
				out.Unwitnessed = a.unwitnessed()
			}
			if p.number > 1 && (p.empty() || !p.first().Before(w.From)) {
				out.Next = cursor(p.number-1, a.list.length())
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
	var out providers.Page
	rows := slices.Clone(p.rows)
	slices.SortStableFunc(rows, func(x, y row) int {
		return cmp.Or(x.createdAt.Compare(y.createdAt), compareIDs(x.id, y.id))
	})
	for _, r := range rows {
		if !w.Contains(r.createdAt) {
			out.Dropped++
			continue
		}
		out.Refs = append(out.Refs, providers.Ref{ID: r.id, CreatedAt: r.createdAt, Hint: lastMessage(r.raw)})
		out.Documents = append(out.Documents, schemas.Document{
			Kind: kindConversation, ConversationID: r.id, Status: statusOK, ObservedAt: p.observedAt, Body: r.raw,
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

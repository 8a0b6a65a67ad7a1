package freshchat

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const (
	opList = "list conversations"
	// segmentDays is how many days' reports one cursor carries. Longer windows are walked a segment after the other, and a
	// conversation's transcript then ends with the segment in which it was created.
	segmentDays = 31
	pageSize    = 100
	// lead is how long before a segment Conversation-Created is asked, so that a conversation created just before it is
	// known to belong elsewhere even where nothing else says when it was created.
	lead = 24 * time.Hour
)

// Conversations lists by reports or by users, as the account says.
func (a *account) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	if a.users {
		return a.byUsers(ctx, w, at)
	}
	return walk(at, opList, func(c cursor) (providers.Page, error) {
		return a.listStep(ctx, segments(w, segmentDays), c)
	})
}

// walk takes one step after the other until a page has no Next.
func walk(at providers.Cursor, op string, step func(cursor) (providers.Page, error)) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for {
			c, err := parseCursor(at)
			if err != nil {
				yield(providers.Page{}, malformed(op, err))
				return
			}
			page, err := step(c)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			if !yield(page, nil) || page.Next == "" {
				return
			}
			at = page.Next
		}
	}
}

func segments(w schemas.Window, days int) []schemas.Window {
	var all []schemas.Window
	for from := w.From.UTC(); from.Before(w.To); {
		to := from.AddDate(0, 0, days)
		if to.After(w.To) {
			to = w.To.UTC()
		}
		all = append(all, schemas.Window{From: from, To: to})
		from = to
	}
	return all
}

// plan is what has to be ordered to list a segment.
func (a *account) plan(w schemas.Window) []order {
	all := monthly(eventCreated, schemas.Window{From: w.From.Add(-lead), To: w.To})
	return append(all, daily(eventTranscript, a.covered(w))...)
}

// covered is the range of the transcripts that are read for a segment.
func (a *account) covered(w schemas.Window) schemas.Window {
	if a.lane == laneTranscript {
		w.To = w.To.AddDate(0, 0, a.tail)
	}
	return w
}

// listStep orders one report, or lists one page of the segment's conversations.
func (a *account) listStep(ctx context.Context, parts []schemas.Window, c cursor) (providers.Page, error) {
	if len(parts) == 0 || parts[0].From.After(time.Now()) {
		return providers.Page{}, ctxError(ctx, opList)
	}
	if c.segment >= len(parts) {
		return providers.Page{}, malformed(opList, errCursor)
	}
	w := parts[c.segment]
	step := stage{orders: a.plan(w), again: c, read: func(s *spool, o order, bodies [][]byte) error { return a.readConversations(s, o, bodies) }}
	s, next, err := a.gather(ctx, step)
	if err != nil || next != "" {
		return providers.Page{Next: next}, err
	}
	if c.position > len(s.entries) {
		return providers.Page{}, malformed(opList, errCursor)
	}
	some := s.entries[c.position:min(c.position+a.perPage, len(s.entries))]
	page, err := a.page(ctx, w, s, some)
	if err != nil {
		return providers.Page{}, err
	}
	c.position += len(some)
	if c.position >= len(s.entries) {
		c = cursor{segment: c.segment + 1}
	}
	if c.segment < len(parts) {
		page.Next = c.text()
	}
	return page, nil
}

func ctxError(ctx context.Context, op string) error {
	if ctx.Err() == nil {
		return nil
	}
	return &providers.Error{Kind: providers.Transient, Op: op, Err: context.Cause(ctx)}
}

// stage is the reports of one segment and how far they are.
type stage struct {
	orders []order
	again  cursor
	read   func(*spool, order, [][]byte) error
}

// gather gives back the spool of a stage, or the next cursor where a report had to be ordered first.
func (a *account) gather(ctx context.Context, st stage) (*spool, providers.Cursor, error) {
	c := st.again
	if len(c.ids) > len(st.orders) {
		return nil, "", malformed(opList, errCursor)
	}
	if i := c.hole(len(st.orders)); i < len(st.orders) {
		if c.position > 0 {
			return nil, "", malformed(opList, errCursor)
		}
		id, err := a.place(ctx, st.orders[i])
		if err != nil {
			return nil, "", err
		}
		next := c.with(i, id).text()
		if len(next) > maxCursor {
			return nil, "", malformed("order "+st.orders[i].op(), errors.New("the ids of the reports are too long to be kept"))
		}
		return nil, next, nil
	}
	failed := -1
	key := strings.Join(c.ids, ",")
	s, err := a.shelf.get(ctx, key, func() (*spool, error) {
		s, i, err := a.fill(ctx, st.orders, c.ids, st.read)
		if errors.Is(err, errFailed) {
			failed = i
		}
		return s, err
	})
	if failed < 0 {
		return s, "", err
	}
	if c.again++; c.again > maxAgain {
		return nil, "", &providers.Error{Kind: providers.Failed, Op: st.orders[failed].op(), Err: fmt.Errorf("%w; %d reports of this window failed", errFailed, c.again)}
	}
	c.position = 0
	return nil, c.with(failed, "").text(), nil
}

// readConversations puts the rows of a transcript, or of Conversation-Created, to their conversations.
func (a *account) readConversations(s *spool, o order, bodies [][]byte) error {
	if s.byID == nil {
		s.byID = map[string]*entry{}
	}
	groups := map[string]*group{}
	var inOrder []*group
	for _, body := range bodies {
		err := readTable(body, columnConversation, a.unpacked, func(r record) error {
			id := r.get(columnConversation, columnInteraction)
			if id == "" {
				return nil
			}
			g := groups[id]
			if g == nil {
				g = &group{id: strings.Clone(id)}
				groups[g.id] = g
				inOrder = append(inOrder, g)
			}
			g.add(r)
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortStableFunc(inOrder, func(a, b *group) int { return a.first.Compare(b.first) })
	for _, g := range inOrder {
		e := s.byID[g.id]
		if e == nil {
			e = &entry{id: g.id, first: g.first}
			s.byID[g.id] = e
			s.entries = append(s.entries, e)
		}
		if !g.first.IsZero() && (e.first.IsZero() || g.first.Before(e.first)) {
			e.first = g.first
		}
		if at := s.put(g.rows); o.event == eventCreated {
			e.created = append(e.created, at)
		} else {
			e.rows = append(e.rows, at)
		}
	}
	return nil
}

// group is the rows of one conversation in one report.
type group struct {
	id    string
	first time.Time
	rows  []byte
}

func (g *group) add(r record) {
	if len(g.rows) > 0 {
		g.rows = append(g.rows, ',')
	}
	g.rows = r.json(g.rows)
	if at := instant(r.get(columnTimes...)); at != nil && (g.first.IsZero() || at.Before(g.first)) {
		g.first = *at
	}
}

// columnTimes are the names under which reports give the time of a row.
var columnTimes = []string{"created_time", "created_at", "event_time", "csat_rated_at"}

package freshchat

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const (
	opList = "list conversations"
	// segmentDays is the number of days whose reports fit into one cursor. A longer window is walked segment by segment. Then a
	// conversation's transcript ends with the segment in which the conversation was created.
	segmentDays = 31
	pageSize    = 100
	// createdLead is how long before a segment the report Conversation-Created begins. So the report dates a conversation created
	// just before the segment, even if no other source does.
	createdLead = 24 * time.Hour
)

// Conversations lists by reports or by users, depending on the account's options.
func (a *account) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	if a.users {
		return a.byUsers(ctx, w, at)
	}
	return walk(at, opList, func(c cursor) (providers.Page, error) {
		return a.listStep(ctx, segments(w), c, list{orders: a.ordersFor, page: a.page})
	})
}

// list is what makes a list of reports.
type list struct {
	// orders are the reports of a segment.
	orders func(schemas.Window) []order
	// changes means that a segment must have ended by the platform's clock.
	changes bool
	// page makes a page from some entries of a segment.
	page func(context.Context, schemas.Window, *segment, []*segmentEntry) (providers.Page, error)
}

// walk calls step until a page has no Next.
func walk(at providers.Cursor, op string, step func(cursor) (providers.Page, error)) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for {
			c, err := parseCursor(at)
			if err != nil {
				yield(providers.Page{}, rest.Malformed(op, err))
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

// segments cuts a window into parts whose reports fit into a cursor.
func segments(w schemas.Window) []schemas.Window {
	return cutWindow(w, func(from time.Time) time.Time { return from.AddDate(0, 0, segmentDays) })
}

// cutWindow cuts a window into parts; next returns the latest end of the part that begins at a time.
func cutWindow(w schemas.Window, next func(from time.Time) time.Time) []schemas.Window {
	var all []schemas.Window
	for from := w.From.UTC(); from.Before(w.To); {
		to := next(from)
		if to.After(w.To) {
			to = w.To.UTC()
		}
		all = append(all, schemas.Window{From: from, To: to})
		from = to
	}
	return all
}

// ordersFor returns the reports that list a segment.
func (o options) ordersFor(w schemas.Window) []order {
	all := orderEach(eventCreated, months(schemas.Window{From: w.From.Add(-createdLead), To: w.To}))
	return append(all, orderEach(eventTranscript, o.transcriptWindow(w).Cut("day"))...)
}

// transcriptWindow returns the range of the transcripts that are read for a segment.
func (o options) transcriptWindow(w schemas.Window) schemas.Window {
	if o.lane == laneTranscript {
		w.To = w.To.AddDate(0, 0, o.tail)
	}
	return w
}

// listStep orders one report, or lists one page of the segment's conversations.
func (a *account) listStep(ctx context.Context, parts []schemas.Window, c cursor, l list) (providers.Page, error) {
	if len(parts) == 0 || parts[0].From.After(time.Now()) {
		return providers.Page{}, ctxError(ctx, opList)
	}
	if c.segment >= len(parts) {
		return providers.Page{}, rest.Malformed(opList, providers.ErrCursor)
	}
	w := parts[c.segment]
	s, next, err := a.gather(ctx, reportSet{orders: l.orders(w), cursor: c, changes: l.changes, read: a.readConversations})
	if err != nil || next != "" {
		return providers.Page{Next: next}, err
	}
	if c.position > len(s.entries) {
		return providers.Page{}, rest.Malformed(opList, providers.ErrCursor)
	}
	some := s.entries[c.position:min(c.position+a.perPage, len(s.entries))]
	page, err := l.page(ctx, w, s, some)
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

// maxGrouped is how many bytes of rows are grouped by conversation in memory before they are written out.
const maxGrouped = 8 << 20

// readConversations groups the rows of a transcript or of Conversation-Created by conversation.
func (a *account) readConversations(s *spool, o order, files []download) error {
	s.byID = map[string]*entry{}
	groups := map[string]*group{}
	held := 0
	err := a.readTables(files, columnConversation, func(r record) error {
		id := r.get(columnConversation, columnInteraction)
		if id == "" {
			return nil
		}
		g := groups[id]
		if g == nil {
			g = &group{id: strings.Clone(id)}
			groups[g.id] = g
		}
		if held += g.add(r); held < maxGrouped {
			return nil
		}
		held = 0
		return s.putGroups(groups)
	})
	if err != nil {
		return err
	}
	return s.putGroups(groups)
}

// readTables reads the files of a report. The cap applies to their total size.
func (a *account) readTables(files []download, key string, yield func(record) error) error {
	left := a.maxUnpacked
	for _, f := range files {
		if err := readTable(f.file, f.size, key, &left, yield); err != nil {
			return err
		}
	}
	return nil
}

// putGroups writes groups to the spool, sorted by time, and clears the map.
func (s *spool) putGroups(groups map[string]*group) error {
	inOrder := slices.SortedFunc(maps.Values(groups), func(a, b *group) int { return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.id, b.id)) })
	clear(groups)
	for _, g := range inOrder {
		e := s.byID[g.id]
		if e == nil {
			e = &entry{id: g.id}
			s.byID[g.id] = e
			s.entries = append(s.entries, e)
		}
		e.span(g.first, g.last)
		at, err := s.put(g.rows)
		if err != nil {
			return err
		}
		e.rows = append(e.rows, at)
	}
	return nil
}

// group are the rows of one conversation in one report.
type group struct {
	id string
	period
	rows []byte
}

// period is the time of the earliest and of the latest row, zero if no row has a time.
type period struct{ first, last time.Time }

// span extends the period by another one.
func (p *period) span(first, last time.Time) {
	if !first.IsZero() && (p.first.IsZero() || first.Before(p.first)) {
		p.first = first
	}
	if last.After(p.last) {
		p.last = last
	}
}

// add adds a row and returns by how many bytes the group has grown.
func (g *group) add(r record) int {
	const perRow = 64 // the group's own memory, spread over its rows
	before := len(g.rows)
	if len(g.rows) > 0 {
		g.rows = append(g.rows, ',')
	}
	g.rows = r.json(g.rows)
	if at := instant(r.get(columnTimes...)); at != nil {
		g.span(*at, *at)
	}
	return len(g.rows) - before + perRow
}

// columnTimes are the names that reports use for the time of a row.
var columnTimes = []string{"created_time", "created_at", "event_time", "csat_rated_at"}

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
		return providers.Page{}, rest.Malformed(opList, providers.ErrCursor)
	}
	w := parts[c.segment]
	step := stage{orders: a.plan(w), again: c, read: a.readConversations}
	s, next, err := a.gather(ctx, step)
	if err != nil || next != "" {
		return providers.Page{Next: next}, err
	}
	if c.position > len(s.entries) {
		return providers.Page{}, rest.Malformed(opList, providers.ErrCursor)
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

// maxGrouped is how many bytes of rows are held to bring those of one conversation together.
const maxGrouped = 8 << 20

// readConversations puts the rows of a transcript, or of Conversation-Created, to their conversations.
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

// readTables reads the files of a report, whose size is counted together.
func (a *account) readTables(files []download, key string, yield func(record) error) error {
	left := a.unpacked
	for _, f := range files {
		if err := readTable(f.file, f.size, key, &left, yield); err != nil {
			return err
		}
	}
	return nil
}

// putGroups keeps groups, in the order of their time, and empties them.
func (s *spool) putGroups(groups map[string]*group) error {
	inOrder := slices.SortedFunc(maps.Values(groups), func(a, b *group) int { return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.id, b.id)) })
	clear(groups)
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
		at, err := s.put(g.rows)
		if err != nil {
			return err
		}
		e.rows = append(e.rows, at)
	}
	return nil
}

// group is the rows of one conversation in one report.
type group struct {
	id    string
	first time.Time
	rows  []byte
}

// add takes a row, and gives back by how many bytes the group has grown.
func (g *group) add(r record) int {
	const perRow = 64 // what a group costs beside its rows, spread over them
	before := len(g.rows)
	if len(g.rows) > 0 {
		g.rows = append(g.rows, ',')
	}
	g.rows = r.json(g.rows)
	if at := instant(r.get(columnTimes...)); at != nil && (g.first.IsZero() || at.Before(g.first)) {
		g.first = *at
	}
	return len(g.rows) - before + perRow
}

// columnTimes are the names under which reports give the time of a row.
var columnTimes = []string{"created_time", "created_at", "event_time", "csat_rated_at"}

package freshchat

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const (
	opReports = "list reports"
	// kindReport is the prefix of the kind of a report's documents: "report:CSAT-Score".
	kindReport = "report:"
	// The largest documents of reports.
	rowsPerDocument  = 500
	bytesPerDocument = 4 << 20
	documentsPerPage = 8
)

// Reports orders the configured reports for a window, a month at a time, and lists their rows. The platform selects rows by the time
// at which something happened: a late rating is in the window in which it was given.
func (a *account) Reports(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	parts := months(w)
	return walk(at, opReports, func(c cursor) (providers.Page, error) {
		if len(parts) == 0 || len(a.reports) == 0 || parts[0].From.After(time.Now()) {
			return providers.Page{}, ctxError(ctx, opReports)
		}
		if c.segment >= len(parts) {
			return providers.Page{}, rest.Malformed(opReports, providers.ErrCursor)
		}
		return a.reportStep(ctx, parts, c)
	})
}

func (a *account) reportStep(ctx context.Context, parts []schemas.Window, c cursor) (providers.Page, error) {
	st := reportSet{cursor: c, read: a.readReport}
	for _, event := range a.reports {
		st.orders = append(st.orders, order{event, parts[c.segment]})
	}
	s, next, err := a.gather(ctx, st)
	if err != nil || next != "" {
		return providers.Page{Next: next}, err
	}
	if c.position > len(s.entries) {
		return providers.Page{}, rest.Malformed(opReports, providers.ErrCursor)
	}
	page := providers.Page{Unwitnessed: a.reports}
	some := s.entries[c.position:min(c.position+documentsPerPage, len(s.entries))]
	for i, e := range some {
		rows, err := a.blocks.read(e.rows)
		if err != nil {
			return page, rest.Malformed(opReports, err)
		}
		page.Documents = append(page.Documents, schemas.Document{
			Kind: e.kind, Sequence: int64(c.position + i), Status: statusOK, ObservedAt: s.at, Body: rows,
		})
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

// readReport splits a report into documents, in the order of its rows.
func (a *account) readReport(s *spool, o order, files []download) error {
	var rows []byte
	n := 0
	keep := func() error {
		if n == 0 {
			return nil
		}
		at, err := s.put(rows)
		s.entries = append(s.entries, &entry{id: fmt.Sprintf("%08d", len(s.entries)), kind: kindReport + o.event, rows: []span{at}})
		rows, n = rows[:0], 0
		return err
	}
	err := a.readTables(files, reportKey(o.event), func(r record) error {
		if n > 0 {
			rows = append(rows, ',')
		}
		rows = r.json(rows)
		if n++; n == rowsPerDocument || len(rows) >= bytesPerDocument {
			return keep()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return keep()
}

// reportKey returns a column that a report must have, so that a file of another kind does not count as an empty report.
func reportKey(event string) string {
	if strings.HasPrefix(event, "Agent-") {
		return "agent_id"
	}
	return columnConversation
}

// Report turns a document of Reports into ratings and events, as described in docs/mapping-freshchat.md.
func (mapping) Report(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	event, ok := strings.CutPrefix(doc.Kind, kindReport)
	if !ok || doc.Status != statusOK {
		return s, nil
	}
	lines, err := readReportRows(doc, doc.Body)
	if err != nil {
		return s, rest.Malformed("read "+doc.Kind, err)
	}
	taken := map[string]int{}
	for _, l := range lines {
		id := l.digest(event)
		if taken[id]++; taken[id] > 1 {
			id = fmt.Sprintf("%s#%d", id, taken[id])
		}
		if event == "CSAT-Score" {
			s.Ratings = append(s.Ratings, l.rating(id))
		} else {
			s.Events = append(s.Events, l.event(event, id))
		}
	}
	return s, nil
}

// digest returns an id made of all cells of a row. So the same row has the same id in any report over any window.
func (l reportRow) digest(event string) string {
	var names []string
	for name := range l.cells {
		names = append(names, name)
	}
	slices.Sort(names)
	sum := sha256.New()
	for _, name := range names {
		fmt.Fprintf(sum, "%q:%q,", name, l.cells[name])
	}
	const short = 12
	return event + ":" + hex.EncodeToString(sum.Sum(nil)[:short])
}

func (l reportRow) conversation() string {
	return cmp.Or(l.cells[columnConversation], l.cells[columnInteraction])
}

// rating maps a row of CSAT-Score, whose columns have several names (seen in a dashboard's code). An answer that is not a number is
// kept as it was given.
func (l reportRow) rating(id string) schemas.Rating {
	c := l.cells
	row := schemas.Rating{
		ConversationID: l.conversation(),
		RatingID:       cmp.Or(c["csat_id"], id),
		ObservedAt:     l.doc.ObservedAt,
		Kind:           "csat",
		Comment:        wire.NonEmpty(cmp.Or(c["comment"], c["csat_comment"], c["csat_response"])),
		AnsweredAt:     cmp.Or(instant(c["csat_rated_at"]), l.at),
		AgentID:        wire.NonEmpty(cmp.Or(c["agent_id"], c["actor_id"])),
		ContactID:      wire.NonEmpty(cmp.Or(c["customer_id"], c["user_id"])),
	}
	for _, column := range []string{"value", "csat_score", "rating"} {
		if given := c[column]; row.Score == nil && given != "" {
			if row.Score = number(given); row.Score == nil {
				row.Answers = append(row.Answers, schemas.Answer{Question: wire.NonEmpty(column), Answer: wire.NonEmpty(given)})
			}
		}
	}
	return row
}

// event maps a row of any other report.
func (l reportRow) event(event, id string) schemas.Event {
	row := schemas.Event{
		ConversationID: l.conversation(), EventID: id, ObservedAt: l.doc.ObservedAt,
		Kind: strings.ReplaceAll(strings.ToLower(event), "-", "_"), CreatedAt: l.at, MessageID: wire.NonEmpty(l.cells["message_id"]),
	}
	used := []string{columnConversation, "message_id"}
	if l.time != "" {
		used = append(used, l.time)
	}
	actorIs := authorTypes[lower(l.cells["actor_type"])]
	if actorIs != "" {
		used = append(used, "actor_type")
	}
	switch agent, actor := l.cells["agent_id"], l.cells["actor_id"]; {
	case agent != "":
		row.ActorID, row.ActorType = &agent, wire.NonEmpty("agent")
		used = append(used, "agent_id")
	case actor != "":
		row.ActorID, row.ActorType = &actor, wire.NonEmpty(actorIs)
		used = append(used, "actor_id")
	}
	if l.cells[columnConversation] == "" {
		used = append(used, columnInteraction)
	}
	more := wire.Attributes{}
	for name, cell := range l.cells {
		if !slices.Contains(used, name) {
			more.Put(name, wire.NonEmpty(cell))
		}
	}
	row.Attributes = more.Map()
	return row
}

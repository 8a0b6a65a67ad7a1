package freshchat

import (
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// keeper keeps what only reports say of a conversation. A report is about a window, so a conversation that is read again usually comes
// without the rows of earlier ones.
type keeper struct{}

// Keep returns the transcripts, as far as read has none of the same time, and the rows of Conversation-Created, if read has none. If
// REST had a message of a transcript and has it no longer, the message has been deleted, and its row is left out.
func (keeper) Keep(had, read []schemas.Document) ([]schemas.Document, error) {
	before, err := gatherSources(had)
	if err != nil {
		return nil, err
	}
	now, err := gatherSources(read)
	if err != nil {
		return nil, err
	}
	kept, left, err := now.transcriptsOf(before)
	if err != nil {
		return nil, err
	}
	created, err := now.creationOf(had)
	if err != nil {
		return nil, err
	}
	kept = append(kept, created...)
	if doc, ok := now.newestOf(before, left); ok {
		kept = append(kept, doc)
	}
	number := map[string]int64{}
	for _, doc := range read {
		number[doc.Kind]++
	}
	for i := range kept {
		kept[i].Sequence = number[kept[i].Kind]
		number[kept[i].Kind]++
	}
	return kept, nil
}

// Adds reports whether a list has rows of reports about a conversation that the lake does not have.
func (keeper) Adds(had, listed []schemas.Document) (bool, error) {
	before, err := gatherSources(had)
	if err != nil {
		return false, err
	}
	now, err := gatherSources(listed)
	if err != nil {
		return false, err
	}
	known := idsIn(before.transcript)
	return creation(now.created) != nil && creation(before.created) == nil ||
		slices.ContainsFunc(now.transcript, func(l reportRow) bool {
			return !coveredBy(before.transcripts, l.at) && !known[l.cells["message_id"]]
		}), nil
}

// idsIn returns the ids of the messages in rows.
func idsIn(rows []reportRow) map[string]bool {
	ids := map[string]bool{}
	for _, l := range rows {
		if id := l.cells["message_id"]; id != "" {
			ids[id] = true
		}
	}
	return ids
}

// transcriptsOf returns the transcripts of an earlier reading that still count, and their rows.
func (s *sources) transcriptsOf(before *sources) (kept []schemas.Document, left []reportRow, err error) {
	deleted, known := s.deletedSince(before), idsIn(s.transcript)
	counts := map[[2]int]bool{}
	for _, l := range before.transcript {
		if !deleted[l.place] && !known[l.cells["message_id"]] && !coveredBy(s.transcripts, l.at) {
			counts[l.place] = true
			left = append(left, l)
		}
	}
	for i, t := range before.transcripts {
		some := slices.ContainsFunc(s.messages, func(m message) bool {
			return contains(t.window, m.at) && !coveredBy(s.transcripts, m.at) && !coveredBy(before.transcripts[:i], m.at)
		})
		var places []int
		for j := range t.rows {
			if counts[[2]int{i, j}] {
				places = append(places, j)
			}
		}
		if len(places) == 0 && !some {
			continue // it says nothing about the conversation
		}
		doc := t.doc
		if len(places) < len(t.rows) {
			if doc.Body, err = withRows(doc, t.window, places); err != nil {
				return nil, nil, err
			}
		}
		kept = append(kept, doc)
	}
	return kept, left, nil
}

// deletedSince returns the rows of the transcripts of an earlier reading whose messages REST had then, and has no longer.
func (s *sources) deletedSince(before *sources) map[[2]int]bool {
	if !s.asked {
		return nil
	}
	has := map[string]bool{}
	for _, m := range s.messages {
		has[m.id] = true
	}
	deleted := map[[2]int]bool{}
	for _, u := range before.unifiedMessages() {
		if u.fromREST != nil && u.fromTranscript != nil && !has[u.id] {
			deleted[u.fromTranscript.place] = true
		}
	}
	return deleted
}

// withRows returns the body of a transcript with some of its rows.
func withRows(doc schemas.Document, w schemas.Window, places []int) ([]byte, error) {
	o, err := wire.ParseObject(doc.Body)
	if err != nil {
		return nil, err
	}
	all := wire.Items(o["rows"])
	rows := []byte{'['}
	for n, i := range places {
		if n > 0 {
			rows = append(rows, ',')
		}
		rows = append(rows, all[i]...)
	}
	return transcriptBody(w, append(rows, ']')), nil
}

// transcriptBody returns the body of a document with the rows of a transcript, a JSON array.
func transcriptBody(w schemas.Window, rows []byte) []byte {
	body := fmt.Appendf(nil, `{"from":%q,"to":%q,"rows":`, w.From.UTC().Format(time.RFC3339Nano), w.To.UTC().Format(time.RFC3339Nano))
	return append(append(body, rows...), '}')
}

// creationOf returns the document of an earlier reading with the row about the creation, if the new one has no such row.
func (s *sources) creationOf(had []schemas.Document) ([]schemas.Document, error) {
	if creation(s.created) != nil {
		return nil, nil
	}
	var best *schemas.Document
	states := false // best has the row about the creation
	for i, doc := range had {
		if doc.Kind != kindCreated || doc.Status != statusOK {
			continue
		}
		rows, err := readReportRows(doc, doc.Body)
		if err != nil {
			return nil, err
		}
		has := creation(rows) != nil
		if best == nil || has && !states || has == states && doc.ObservedAt.After(best.ObservedAt) {
			best, states = &had[i], has
		}
	}
	if best == nil || !states && len(s.created) > 0 {
		return nil, nil
	}
	return []schemas.Document{*best}, nil
}

// creation returns the first row of Conversation-Created that is not about a reopened conversation, or nil.
func creation(rows []reportRow) *reportRow {
	i := slices.IndexFunc(rows, func(l reportRow) bool { return !l.reopens() })
	if i < 0 {
		return nil
	}
	return &rows[i]
}

// newestOf returns a document with the time of the newest message that an earlier reading had, if it is newer than all that are left. If
// the conversation's own body does not say when it was updated, that time is its version, which must not go back.
func (s *sources) newestOf(before *sources, left []reportRow) (doc schemas.Document, ok bool) {
	latest := func(newest *time.Time, messages []message, rows []reportRow) *time.Time {
		for _, m := range messages {
			newest = wire.Later(newest, m.at)
		}
		for _, l := range rows {
			newest = wire.Later(newest, l.at)
		}
		return newest
	}
	was, is := latest(before.newest, before.messages, before.transcript), latest(s.newest, s.messages, slices.Concat(s.transcript, left))
	if was == nil || is != nil && !is.Before(*was) || !s.updatedAt().IsZero() {
		return doc, false
	}
	return schemas.Document{
		Kind: kindNewest, ConversationID: before.id, Status: statusOK, ObservedAt: before.observedAt,
		Body: fmt.Appendf(nil, `{"created_time":%q}`, was.UTC().Format(time.RFC3339Nano)),
	}, true
}

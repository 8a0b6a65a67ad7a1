package freshchat

import (
	"encoding/json"
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
	kept, err := now.transcriptsOf(before)
	if err != nil {
		return nil, err
	}
	created, err := now.creationOf(had)
	if err != nil {
		return nil, err
	}
	kept = append(kept, created...)
	if now.updatedAt().IsZero() {
		all, err := gatherSources(slices.Concat(read, kept))
		if err != nil {
			return nil, err
		}
		if doc, ok := all.newestOf(before); ok {
			kept = append(kept, doc)
		}
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
	known := keysOf(before.transcript)
	return creation(now.created) != nil && creation(before.created) == nil ||
		slices.ContainsFunc(now.transcript, func(l reportRow) bool {
			return !coveredBy(before.transcripts, l.at) && !known[l.key()]
		}), nil
}

// keysOf returns the keys of rows.
func keysOf(rows []reportRow) map[string]bool {
	keys := map[string]bool{}
	for _, l := range rows {
		keys[l.key()] = true
	}
	return keys
}

// key tells a row of a transcript apart from others: the id of its message or, without one, all that it says.
func (l reportRow) key() string {
	if id := l.cells["message_id"]; id != "" {
		return id
	}
	b, _ := json.Marshal(l.cells) // never fails, and sorts them
	return string(b)
}

// transcriptsOf returns the transcripts of another reading that still count, with those of their rows that do.
func (s *sources) transcriptsOf(before *sources) (kept []schemas.Document, err error) {
	deleted, known := s.deletedSince(before), map[string]int{}
	for _, l := range slices.Backward(s.transcript) {
		known[l.key()] = l.place[0] // the newest
	}
	counts := map[[2]int]bool{}
	for _, l := range before.transcript {
		// A transcript hides the rows of older ones in its range, so it keeps those that only an older one has as well.
		t := before.transcripts[l.place[0]]
		newer := slices.IndexFunc(s.transcripts, func(n transcriptPart) bool { return n.doc.ObservedAt.Before(t.doc.ObservedAt) })
		if newer < 0 {
			newer = len(s.transcripts)
		}
		at, twice := known[l.key()]
		if !(twice && at < newer) && !deleted[l.place] && !coveredBy(s.transcripts[:newer], l.at) {
			counts[l.place] = true
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
				return nil, err
			}
		}
		kept = append(kept, doc)
	}
	return kept, nil
}

// deletedSince returns the rows of the transcripts of an earlier reading whose messages REST had then, and has no longer.
func (s *sources) deletedSince(before *sources) map[[2]int]bool {
	if s.askedAt.IsZero() {
		return nil
	}
	has := map[string]bool{}
	for _, m := range s.messages {
		has[m.id] = true
	}
	deleted := map[[2]int]bool{}
	for _, u := range before.unifiedMessages() {
		if u.fromREST != nil && u.fromTranscript != nil && !has[u.id] && s.askedAt.After(u.fromREST.doc.ObservedAt) {
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

// newestOf returns a document with the time of the newest message that another reading had, if it is newer than all of this one. If the
// conversation's own body does not say when it was updated, that time is its version, which must not go back.
func (s *sources) newestOf(before *sources) (doc schemas.Document, ok bool) {
	was, is := before.newestMessage(), s.newestMessage()
	if was == nil || is != nil && !is.Before(*was) {
		return doc, false
	}
	return schemas.Document{
		Kind: kindNewest, ConversationID: before.id, Status: statusOK, ObservedAt: before.observedAt,
		Body: fmt.Appendf(nil, `{"created_time":%q}`, was.UTC().Format(time.RFC3339Nano)),
	}, true
}

// newestMessage is the time of the newest message that the conversation is known to have had.
func (s *sources) newestMessage() *time.Time {
	newest := s.newest
	for _, m := range s.messages {
		newest = wire.Later(newest, m.at)
	}
	for _, l := range s.transcript {
		newest = wire.Later(newest, l.at)
	}
	return newest
}

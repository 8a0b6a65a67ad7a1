package freshchat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

var authorTypes = map[string]string{"user": "contact", "agent": "agent", "bot": "bot", "system": "system"}

// unifiedMessage is one message, from either lane or from both.
type unifiedMessage struct {
	id             string
	at             *time.Time
	fromREST       *message
	fromTranscript *reportRow
	actor          string
	actorIs        string // actor_type in lower case
	kind           string // message_type in lower case
	detailed       string // detailed_message_type in lower case, of the transcript only
	source         string // message_source in lower case
	parts          value
}

// unifiedMessages returns the messages of both lanes, each once, sorted by (time, id).
func (s *sources) unifiedMessages() []unifiedMessage {
	var all []unifiedMessage
	at, byActor := map[string]int{}, map[string][]int{}
	for i := range s.messages {
		m := &s.messages[i]
		u := unifiedMessage{
			id: m.id, at: m.at, fromREST: m, actor: wire.Word(m.wire["actor_id"]), actorIs: lower(wire.Word(m.wire["actor_type"])),
			kind: lower(wire.Word(m.wire["message_type"])), source: lower(wire.Word(m.wire["message_source"])), parts: partsOf(m.wire),
		}
		at[u.id] = len(all)
		key := derivedID("", u.at, u.actor)
		byActor[key] = append(byActor[key], len(all))
		all = append(all, u)
	}
	for _, l := range rowsWithIDFirst(s.transcript) {
		j, known := at[l.cells["message_id"]]
		if l.cells["message_id"] == "" {
			j, known = unmatched(all, byActor[derivedID("", l.at, l.cells["actor_id"])])
		}
		if known {
			all[j].fromTranscript, all[j].detailed = l, lower(l.cells["detailed_message_type"])
			all[j].source = cmp.Or(all[j].source, lower(l.cells["message_source"]))
			continue
		}
		all = append(all, l.unifiedMessage(at))
		at[all[len(all)-1].id] = len(all) - 1
	}
	slices.SortStableFunc(all, func(a, b unifiedMessage) int { return cmp.Or(wire.CompareTimes(a.at, b.at), cmp.Compare(a.id, b.id)) })
	return all
}

// rowsWithIDFirst returns the rows with a message id first. Rows without one are matched with the messages that remain.
func rowsWithIDFirst(lines []reportRow) []*reportRow {
	var with, without []*reportRow
	for i := range lines {
		if lines[i].cells["message_id"] != "" {
			with = append(with, &lines[i])
		} else {
			without = append(without, &lines[i])
		}
	}
	return append(with, without...)
}

// unmatched returns the first of some messages that has no row of the transcript yet.
func unmatched(all []unifiedMessage, among []int) (int, bool) {
	for _, i := range among {
		if all[i].fromTranscript == nil {
			return i, true
		}
	}
	return 0, false
}

// unifiedMessage returns the message of a row of the transcript that REST does not have. If the row has no message id, the message
// gets an id made of its time and its actor.
func (l *reportRow) unifiedMessage(taken map[string]int) unifiedMessage {
	u := unifiedMessage{
		id: l.cells["message_id"], at: l.at, fromTranscript: l, actor: l.cells["actor_id"], actorIs: lower(l.cells["actor_type"]),
		kind: lower(l.cells["message_type"]), detailed: lower(l.cells["detailed_message_type"]), source: lower(l.cells["message_source"]),
	}
	if u.id == "" {
		u.id = derivedID("row", l.at, u.actor)
		for n := 2; ; n++ {
			if _, twice := taken[u.id]; !twice {
				break
			}
			u.id = fmt.Sprintf("%s#%d", derivedID("row", l.at, u.actor), n)
		}
	}
	sent := l.cells["message_parts"]
	if parts := strings.TrimSpace(sent); strings.HasPrefix(parts, "[") && wire.Valid([]byte(parts)) {
		u.parts = value(parts)
	} else if plain := cmp.Or(sent, l.cells["message"]); plain != "" {
		u.parts = plainParts(plain)
	}
	return u
}

func plainParts(s string) value {
	b, err := json.Marshal([]any{map[string]any{"text": map[string]string{"content": s}}})
	if err != nil {
		return nil
	}
	return b
}

// partsOf returns the parts of a message. Payloads from 2018 have them under another name.
func partsOf(sent object) value { return partsIn(wire.ReadFields(maps.Clone(sent))) }

func partsIn(r *wire.Reader) value {
	if parts := array(r, "message_parts"); parts != nil {
		return parts
	}
	return array(r, "msg_parts")
}

// array reads a member that is an array. A member of another type stays unread, and the result is nil.
func array(r *wire.Reader, key string) value {
	if v := r.Peek(key); wire.IsNull(v) || v[0] != '[' {
		return nil
	}
	return r.Value(key)
}

// rows adds the rows of the message to a thread.
func (u unifiedMessage) rows(thread *schemas.Thread, s *sources, sequence int64) {
	direction, kind, private := u.classify()
	row := schemas.Message{
		ConversationID: thread.Conversation.ConversationID,
		MessageID:      u.id,
		Sequence:       sequence,
		CreatedAt:      u.at,
		AuthorID:       wire.NonEmpty(u.actor),
		AuthorType:     wire.NonEmpty(authorTypes[u.actorIs]),
		AuthorName:     s.name(u.actor),
		Direction:      direction,
		Kind:           kind,
		IsPrivate:      private,
	}
	all := pieces(u.parts)
	for _, p := range all {
		row.Parts = append(row.Parts, p.part())
	}
	row.Text, row.HTML = visibleText(all)
	if u.fromREST != nil {
		row.ObservedAt = u.fromREST.doc.ObservedAt
		r := wire.ReadFields(maps.Clone(u.fromREST.wire))
		row.ReplyTo = r.Nested("in_reply_to.", "in_reply_to").Text("message_id")
		r.Nested("meta_data.", "meta_data")
		partsIn(r)
		offered := pieces(array(r, "reply_parts"))
		for _, p := range offered {
			row.Parts = append(row.Parts, p.part())
		}
		row.Attributes = u.attributes(r, kind, len(offered))
		all = append(all, offered...)
	} else {
		row.ObservedAt = u.fromTranscript.doc.ObservedAt
		row.Attributes = u.fromTranscript.attributes()
	}
	thread.Messages = append(thread.Messages, row)
	thread.Attachments = append(thread.Attachments, attachments(row, all)...)
	if kind == "activity" {
		thread.Events = append(thread.Events, u.event(row))
	}
}

// attributes returns the fields of a message that have no column. If the message is in both lanes, the transcript adds its
// detailed_message_type and unknown columns.
func (u unifiedMessage) attributes(r *wire.Reader, kind string, offered int) map[string]*string {
	r.Skip("id", "conversation_id", "actor_id")
	if authorTypes[u.actorIs] != "" {
		r.Skip("actor_type")
	}
	if kind != "activity" || u.kind != "normal" { // the row's kind already contains it
		r.Skip("message_type")
	}
	wire.Parse(r, "created_time", moment)
	all := r.Attributes()
	if offered > 0 {
		all.Put("reply_parts", wire.NonEmpty(fmt.Sprint(offered)))
	}
	if u.fromTranscript == nil {
		return all.Map()
	}
	all.Put("detailed_message_type", wire.NonEmpty(u.fromTranscript.cells["detailed_message_type"]))
	for name, cell := range u.fromTranscript.cells {
		if !slices.Contains(transcriptColumns, name) && all[name] == nil {
			all.Put(name, wire.NonEmpty(cell))
		}
	}
	return all.Map()
}

// transcriptColumns are the columns of a transcript that repeat what REST says about a message.
var transcriptColumns = []string{
	"conversation_id", "message_id", "message_type", "detailed_message_type", "message_source", "message_parts", "message", "created_time",
	"actor_type", "actor_id", "actor_email", "actor_first_name", "actor_last_name", "channel_id", "channel_name", "conversation_url",
	"customer_id", "reference_id",
}

// attributes returns the cells without a column, for a message that only the transcript has.
func (l *reportRow) attributes() map[string]*string {
	all := wire.Attributes{}
	used := []string{"conversation_id", "message_id", "message_type", "message_parts", "actor_id"}
	if l.time != "" {
		used = append(used, l.time)
	}
	if authorTypes[lower(l.cells["actor_type"])] != "" {
		used = append(used, "actor_type")
	}
	if l.cells["message_parts"] == "" { // then this column is the text
		used = append(used, "message")
	}
	for name, cell := range l.cells {
		if !slices.Contains(used, name) {
			all.Put(name, wire.NonEmpty(cell))
		}
	}
	all.Put("lane", wire.NonEmpty(string(laneTranscript)))
	return all.Map()
}

func attachments(row schemas.Message, all []piece) []schemas.Attachment {
	var rows []schemas.Attachment
	for i, p := range files(all, 0) {
		part, f := p.file()
		width, height, id := f.count("width"), f.count("height"), f.text("file_id", "fileId")
		if id == nil {
			id = wire.NonEmpty(fmt.Sprintf("%s/%d", row.MessageID, i))
		}
		rows = append(rows, schemas.Attachment{
			ConversationID: row.ConversationID,
			AttachmentID:   *id,
			ObservedAt:     row.ObservedAt,
			MessageID:      &row.MessageID,
			Kind:           p.kind,
			Name:           part.Name,
			ContentType:    part.ContentType,
			Bytes:          part.Bytes,
			URL:            part.URL,
			Width:          width,
			Height:         height,
			CreatedAt:      row.CreatedAt,
			Attributes:     f.left.Rest(),
		})
	}
	return rows
}

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

// utterance is one message of either lane, or of both.
type utterance struct {
	id       string
	at       *time.Time
	rest     *message
	line     *line
	actor    string
	actorIs  string // actor_type in lower case
	kind     string // message_type in lower case
	detailed string // detailed_message_type in lower case, of the transcript only
	source   string // message_source in lower case
	parts    value
}

// utterances are the messages of both lanes, each once, ordered by (time, id).
func (s *sources) utterances() []utterance {
	var all []utterance
	at, byActor := map[string]int{}, map[string][]int{}
	for i := range s.messages {
		m := &s.messages[i]
		u := utterance{
			id: m.id, at: m.at, rest: m, actor: wire.Word(m.wire["actor_id"]), actorIs: lower(wire.Word(m.wire["actor_type"])),
			kind: lower(wire.Word(m.wire["message_type"])), source: lower(wire.Word(m.wire["message_source"])), parts: partsOf(m.wire),
		}
		at[u.id] = len(all)
		key := derivedID("", u.at, u.actor)
		byActor[key] = append(byActor[key], len(all))
		all = append(all, u)
	}
	for _, l := range named(s.lines) {
		j, known := at[l.cells["message_id"]]
		if l.cells["message_id"] == "" {
			j, known = free(all, byActor[derivedID("", l.at, l.cells["actor_id"])])
		}
		if known {
			all[j].line, all[j].detailed = l, lower(l.cells["detailed_message_type"])
			all[j].source = cmp.Or(all[j].source, lower(l.cells["message_source"]))
			continue
		}
		all = append(all, l.utterance(at))
		at[all[len(all)-1].id] = len(all) - 1
	}
	slices.SortStableFunc(all, func(a, b utterance) int { return cmp.Or(wire.CompareTimes(a.at, b.at), cmp.Compare(a.id, b.id)) })
	return all
}

// named are the rows with an id, and after them those without, for which what is left is searched.
func named(lines []line) []*line {
	var with, without []*line
	for i := range lines {
		if lines[i].cells["message_id"] != "" {
			with = append(with, &lines[i])
		} else {
			without = append(without, &lines[i])
		}
	}
	return append(with, without...)
}

// free is the first of some messages that no row of the transcript was found for yet.
func free(all []utterance, among []int) (int, bool) {
	for _, i := range among {
		if all[i].line == nil {
			return i, true
		}
	}
	return 0, false
}

// utterance is a row of the transcript that REST does not have. Without an id it is named by its time and its actor.
func (l *line) utterance(taken map[string]int) utterance {
	u := utterance{
		id: l.cells["message_id"], at: l.at, line: l, actor: l.cells["actor_id"], actorIs: lower(l.cells["actor_type"]),
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

// partsOf are the parts of a message, which payloads of 2018 have under another name.
func partsOf(sent object) value { return partsIn(wire.ReadFields(maps.Clone(sent))) }

func partsIn(r *wire.Reader) value {
	if parts := array(r, "message_parts"); parts != nil {
		return parts
	}
	return array(r, "msg_parts")
}

// array reads a member that is an array; nil where it is something else, which then stays for the rest.
func array(r *wire.Reader, key string) value {
	if v := r.Peek(key); wire.IsNull(v) || v[0] != '[' {
		return nil
	}
	return r.Value(key)
}

// rows adds the message and all that it says to a thread.
func (u utterance) rows(thread *schemas.Thread, s *sources, sequence int64) {
	direction, kind, private := u.nature()
	row := schemas.Message{
		ConversationID: thread.Conversation.ConversationID,
		MessageID:      u.id,
		Sequence:       sequence,
		CreatedAt:      u.at,
		AuthorID:       some(u.actor),
		AuthorType:     some(authorTypes[u.actorIs]),
		AuthorName:     s.name(u.actor),
		Direction:      direction,
		Kind:           kind,
		IsPrivate:      private,
	}
	all := pieces(u.parts)
	for _, p := range all {
		row.Parts = append(row.Parts, p.part())
	}
	row.Text, row.HTML = words(all)
	if u.rest != nil {
		row.ObservedAt = u.rest.doc.ObservedAt
		r := wire.ReadFields(maps.Clone(u.rest.wire))
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
		row.ObservedAt = u.line.doc.ObservedAt
		row.Attributes = u.line.attributes()
	}
	thread.Messages = append(thread.Messages, row)
	thread.Attachments = append(thread.Attachments, attachments(row, all)...)
	if kind == "activity" {
		thread.Events = append(thread.Events, u.event(row))
	}
}

// attributes are what of a message has no column. Of a message of both lanes the transcript adds its own type, and columns that
// are not known.
func (u utterance) attributes(r *wire.Reader, kind string, offered int) map[string]*string {
	r.Skip("id", "conversation_id", "actor_id")
	if authorTypes[u.actorIs] != "" {
		r.Skip("actor_type")
	}
	if kind != "activity" || u.kind != "normal" { // the kind says it, or is the word itself
		r.Skip("message_type")
	}
	wire.Parse(r, "created_time", moment)
	all := attributes(r.Rest())
	if all == nil {
		all = attributes{}
	}
	if offered > 0 {
		all.put("reply_parts", some(fmt.Sprint(offered)))
	}
	if u.line == nil {
		return all.rows()
	}
	all.put("detailed_message_type", some(u.line.cells["detailed_message_type"]))
	for name, cell := range u.line.cells {
		if !slices.Contains(transcriptColumns, name) && all[name] == nil {
			all.put(name, some(cell))
		}
	}
	return all.rows()
}

// transcriptColumns are what a transcript says beside a message that REST has too.
var transcriptColumns = []string{
	"conversation_id", "message_id", "message_type", "detailed_message_type", "message_source", "message_parts", "message", "created_time",
	"actor_type", "actor_id", "actor_email", "actor_first_name", "actor_last_name", "channel_id", "channel_name", "conversation_url",
	"customer_id", "reference_id",
}

// attributes of a row that only the transcript has are its other cells.
func (l *line) attributes() map[string]*string {
	all := attributes{}
	used := []string{"conversation_id", "message_id", "message_type", "message_parts", "actor_id"}
	if l.time != "" {
		used = append(used, l.time)
	}
	if authorTypes[lower(l.cells["actor_type"])] != "" {
		used = append(used, "actor_type")
	}
	if l.cells["message_parts"] == "" { // it is the text
		used = append(used, "message")
	}
	for name, cell := range l.cells {
		if !slices.Contains(used, name) {
			all.put(name, some(cell))
		}
	}
	all.put("lane", some(string(laneTranscript)))
	return all.rows()
}

func attachments(row schemas.Message, all []piece) []schemas.Attachment {
	var rows []schemas.Attachment
	for i, p := range files(all, 0) {
		part, f := p.file()
		width, height, id := f.count("width"), f.count("height"), f.text("file_id", "fileId")
		if id == nil {
			id = some(fmt.Sprintf("%s/%d", row.MessageID, i))
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

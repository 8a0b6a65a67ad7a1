package freshchat

import (
	"cmp"
	"encoding/json"
	"fmt"
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
	detailed string // detailed_message_type, of the transcript only
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
			kind: lower(wire.Word(m.wire["message_type"])), parts: partsOf(m.wire),
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
			all[j].line, all[j].detailed = l, l.cells["detailed_message_type"]
			continue
		}
		all = append(all, l.utterance(at))
		at[all[len(all)-1].id] = len(all) - 1
	}
	slices.SortStableFunc(all, func(a, b utterance) int { return cmp.Or(compareTimes(a.at, b.at), cmp.Compare(a.id, b.id)) })
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
		kind: lower(l.cells["message_type"]), detailed: l.cells["detailed_message_type"],
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
	if parts := strings.TrimSpace(l.cells["message_parts"]); strings.HasPrefix(parts, "[") && wire.Valid([]byte(parts)) {
		u.parts = value(parts)
	} else if plain := cmp.Or(parts, l.cells["message"]); plain != "" {
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
func partsOf(sent object) value {
	if parts := sent["message_parts"]; !wire.IsNull(parts) {
		return parts
	}
	return sent["msg_parts"]
}

// compareTimes puts what has no time first.
func compareTimes(a, b *time.Time) int {
	switch {
	case a != nil && b != nil:
		return a.Compare(*b)
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	}
	return 1
}

// nature is where a message goes and what it is.
func (u utterance) nature() (direction, kind string, private bool) {
	direction = map[string]string{"user": "in", "agent": "out", "bot": "out", "system": "out"}[u.actorIs]
	what := u.kind
	if what == "" && strings.EqualFold(u.detailed, "PRIVATE_NOTE") {
		what = "private"
	}
	if what == "" && u.actorIs == "system" { // seen in the vendor's own tests
		what = "system"
	}
	switch what {
	case "private":
		return "none", "note", true
	case "system":
		return "none", "activity", false
	case "normal", "":
		return cmp.Or(direction, "none"), "message", false
	}
	return "none", what, false
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
		AuthorType:     some(cmp.Or(authorTypes[u.actorIs], "")),
		AuthorName:     s.name(u.actor),
		Direction:      &direction,
		Kind:           kind,
		IsPrivate:      private,
	}
	all := pieces(u.parts)
	for _, p := range all {
		row.Parts = append(row.Parts, p.part())
	}
	row.Text, row.HTML = words(row.Parts)
	if u.rest != nil {
		row.ObservedAt = u.rest.doc.ObservedAt
		row.ReplyTo = wire.Text(wire.Fields(u.rest.wire["in_reply_to"])["message_id"])
		offered := pieces(u.rest.wire["reply_parts"])
		for _, p := range offered {
			row.Parts = append(row.Parts, p.part())
		}
		row.Attributes = u.attributes(len(offered))
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

// words are the texts of a message, and the HTML of an e-mail.
func words(parts []schemas.Part) (plain, html *string) {
	var texts []string
	for _, p := range parts {
		switch {
		case p.Type == "text" && p.Text != nil:
			texts = append(texts, *p.Text)
		case p.Type == "email" && html == nil:
			html = p.Text
		}
	}
	return some(strings.Join(texts, "\n")), html
}

// attributes are what of a message has no column. Of a message of both lanes the transcript adds its own type.
func (u utterance) attributes(offered int) map[string]*string {
	all := attributes{}
	w := u.rest.wire
	all.addAll("", w, "id", "conversation_id", "message_parts", "msg_parts", "reply_parts", "actor_type", "actor_id",
		"message_type", "created_time", "in_reply_to", "meta_data")
	if meta := wire.Fields(w["meta_data"]); meta != nil {
		all.addAll("meta_data.", meta)
	} else {
		all.put("meta_data", wire.Text(w["meta_data"]))
	}
	all.put("in_reply_to", leftover(w["in_reply_to"], "message_id"))
	if offered > 0 {
		all.put("reply_parts", some(fmt.Sprint(offered)))
	}
	all.put("detailed_message_type", some(u.detailed))
	return all.rows()
}

// attributes of a row that only the transcript has are its other cells.
func (l *line) attributes() map[string]*string {
	all := attributes{}
	used := []string{"conversation_id", "message_id", "message_type", "message_parts", "created_time", "actor_type", "actor_id"}
	for name, cell := range l.cells {
		if !slices.Contains(used, name) {
			all.put(name, some(cell))
		}
	}
	all.put("lane", some(string(laneTranscript)))
	return all.rows()
}

// event is what an activity says happened.
func (u utterance) event(row schemas.Message) schemas.Event {
	kind := cmp.Or(lower(u.detailed), "activity")
	if u.rest != nil {
		meta := wire.Fields(u.rest.wire["meta_data"])
		switch {
		case wire.Truth(meta["isResolved"]):
			kind = "conversation_resolved"
		case wire.Truth(meta["isReopen"]):
			kind = "conversation_reopened"
		}
	}
	return schemas.Event{
		ConversationID: row.ConversationID, EventID: row.MessageID, ObservedAt: row.ObservedAt, Kind: kind, CreatedAt: row.CreatedAt,
		ActorID: row.AuthorID, ActorType: row.AuthorType, MessageID: &row.MessageID, Text: row.Text,
	}
}

func attachments(row schemas.Message, all []piece) []schemas.Attachment {
	var rows []schemas.Attachment
	for i, p := range files(all, 0) {
		part := p.part()
		o := wire.Fields(p.inner)
		more := attributes{}
		more.addAll("", o, "url", "name", "content_type", "file_size_in_bytes", "file_id", "width", "height")
		rows = append(rows, schemas.Attachment{
			ConversationID: row.ConversationID,
			AttachmentID:   cmp.Or(wire.Word(o["file_id"]), fmt.Sprintf("%s/%d", row.MessageID, i)),
			ObservedAt:     row.ObservedAt,
			MessageID:      &row.MessageID,
			Kind:           p.kind,
			Name:           cmp.Or(part.Name, fileName(part.URL)),
			ContentType:    part.ContentType,
			Bytes:          part.Bytes,
			URL:            part.URL,
			Width:          integer(o["width"]),
			Height:         integer(o["height"]),
			CreatedAt:      row.CreatedAt,
			Attributes:     more.rows(),
		})
	}
	return rows
}

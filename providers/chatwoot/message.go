package chatwoot

import (
	"cmp"
	"fmt"
	"net/url"
	"path"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// kinds of messages and where they go, by message_type.
var messageTypes = map[string]struct{ direction, kind string }{
	"0": {"in", "message"}, "incoming": {"in", "message"},
	"1": {"out", "message"}, "outgoing": {"out", "message"},
	"2": {"none", "activity"}, "activity": {"none", "activity"},
	"3": {"out", "template"}, "template": {"out", "template"},
}

var authorTypes = map[string]string{"contact": "contact", "user": "agent", "agent_bot": "bot", "captain_assistant": "bot"}

// rows adds the message and all that it says to a thread.
func (m message) rows(thread *schemas.Thread, sequence int64) {
	row := m.row(thread.Conversation.ConversationID, sequence)
	files := m.attachments(row)
	row.Parts = m.parts(row, files)
	thread.Messages = append(thread.Messages, row)
	thread.Attachments = append(thread.Attachments, files...)
	if row.IsDeleted {
		thread.Tombstones = append(thread.Tombstones, schemas.Tombstone{
			ConversationID: row.ConversationID, ObservedAt: row.ObservedAt, MessageID: &row.MessageID, Reason: "message_deleted",
		})
	}
	if row.Kind == "activity" {
		thread.Events = append(thread.Events, schemas.Event{
			ConversationID: row.ConversationID, EventID: row.MessageID, ObservedAt: row.ObservedAt, Kind: "activity",
			CreatedAt: row.CreatedAt, MessageID: &row.MessageID, Text: row.Text,
		})
	}
	if answer := wire.Fields(wire.Fields(m.content["submitted_values"])["csat_survey_response"]); answer != nil {
		thread.Ratings = append(thread.Ratings, schemas.Rating{
			ConversationID: row.ConversationID, RatingID: row.MessageID, ObservedAt: row.ObservedAt, Kind: "csat",
			Score: number(answer["rating"]), Comment: wire.Text(answer["feedback_message"]), AskedAt: row.CreatedAt,
			MessageID: &row.MessageID, AgentID: thread.Conversation.AssigneeID, ContactID: thread.Conversation.ContactID,
		})
	}
}

func (m message) row(conversation string, sequence int64) schemas.Message {
	w, sender := m.wire, wire.Fields(m.wire["sender"])
	direction, kind := "none", cmp.Or(wire.Word(w["message_type"]), "message")
	if known, ok := messageTypes[kind]; ok && wire.Word(w["message_type"]) != "" {
		direction, kind = known.direction, known.kind
	}
	private := wire.Truth(w["private"])
	if private && direction == "out" && kind == "message" {
		direction, kind = "none", "note"
	}
	row := schemas.Message{
		ConversationID: conversation,
		MessageID:      m.id,
		ObservedAt:     m.doc.ObservedAt,
		Sequence:       sequence,
		CreatedAt:      m.createdAt,
		AuthorID:       wire.Text(sender["id"]),
		AuthorName:     wire.Text(sender["name"]),
		Direction:      &direction,
		Kind:           kind,
		IsPrivate:      private,
		Text:           wire.Text(w["content"]),
		HTML:           wire.Text(wire.Fields(wire.Fields(m.content["email"])["html_content"])["full"]),
		ContentType:    wire.Text(w["content_type"]),
		ReplyTo:        wire.Text(m.content["in_reply_to"]),
		IsDeleted:      wire.Truth(m.content["deleted"]),
		DeliveryStatus: wire.Text(w["status"]),
	}
	author := authorTypes[wire.Word(sender["type"])]
	if len(sender) == 0 && (kind == "activity" || kind == "template") {
		author = "system"
	}
	if author != "" {
		row.AuthorType = &author
	}
	all := attributes{}
	all.addAll("", m.content, "items", "email")
	all.add("", w, "source_id", "echo_id", "inbox_id")
	row.Attributes = all.rows()
	return row
}

func (m message) attachments(row schemas.Message) []schemas.Attachment {
	var all []schemas.Attachment
	for i, v := range wire.Items(m.wire["attachments"]) {
		o := wire.Fields(v)
		if o == nil {
			continue
		}
		more := attributes{}
		more.add("", o, "extension", "thumb_url", "transcribed_text", "coordinates_lat", "coordinates_long")
		all = append(all, schemas.Attachment{
			ConversationID: row.ConversationID,
			AttachmentID:   cmp.Or(wire.Word(o["id"]), fmt.Sprintf("%s/%d", row.MessageID, i)),
			ObservedAt:     row.ObservedAt,
			MessageID:      &row.MessageID,
			Kind:           cmp.Or(wire.Word(o["file_type"]), "file"),
			Name:           cmp.Or(wire.Text(o["fallback_title"]), fileName(wire.Word(o["data_url"]))),
			ContentType:    wire.Text(o["content_type"]),
			Bytes:          integer(o["file_size"]),
			URL:            wire.Text(o["data_url"]),
			Width:          integer(o["width"]),
			Height:         integer(o["height"]),
			CreatedAt:      row.CreatedAt,
			Attributes:     more.rows(),
		})
	}
	return all
}

func fileName(link string) *string {
	u, err := url.Parse(link)
	if err != nil || u.Path == "" {
		return nil
	}
	name := path.Base(u.Path)
	if name == "/" || name == "." {
		return nil
	}
	return &name
}

// parts is the text, then the attachments, then the items of a form, a menu or cards.
func (m message) parts(row schemas.Message, files []schemas.Attachment) []schemas.Part {
	var all []schemas.Part
	if row.Text != nil {
		all = append(all, schemas.Part{Type: "text", Text: row.Text})
	}
	for _, f := range files {
		all = append(all, schemas.Part{
			Type: f.Kind, URL: f.URL, Name: f.Name, ContentType: f.ContentType, Bytes: f.Bytes,
			Payload: place(f.Attributes["coordinates_lat"], f.Attributes["coordinates_long"]),
		})
	}
	kind := "item"
	switch wire.Word(m.wire["content_type"]) {
	case "input_select":
		kind = "button"
	case "form":
		kind = "form"
	case "cards":
		kind = "collection"
	}
	for _, item := range wire.Items(m.content["items"]) {
		o := wire.Fields(item)
		all = append(all, schemas.Part{
			Type: kind, Label: cmp.Or(wire.Text(o["title"]), wire.Text(o["label"])),
			Text: cmp.Or(wire.Text(o["value"]), wire.Text(o["description"])), Payload: wire.Text(item),
		})
	}
	return all
}

// place is a pair of coordinates as JSON, nil where one is missing or not a number.
func place(lat, long *string) *string {
	if lat == nil || long == nil {
		return nil
	}
	s := `{"lat":` + *lat + `,"long":` + *long + `}`
	if !wire.Valid([]byte(s)) {
		return nil
	}
	return &s
}

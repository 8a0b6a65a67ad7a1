package giosg

import (
	"slices"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// rows adds a line to the truth: as an event if something happened to the chat, otherwise as a message.
func (l line) rows(c room, truth *schemas.Thread) {
	actor := map[string]*string{"user": text("agent"), "visitor": text("contact"), "rule": text("bot")}[l.senderType]
	if l.bot(c) {
		actor = text("bot")
	}
	name := text(l.name)
	if name == nil {
		name = text(l.publicName)
	}
	attributes := map[string]*string{}
	add(attributes, "sender_public_name", l.publicName)
	add(attributes, "response_value", l.response)
	switch l.kind {
	case "join", "leave", "tag_created", "system", "shoppingcart_locked":
		if name != nil {
			add(attributes, "actor_name", *name)
		}
		if !l.purged.IsZero() {
			add(attributes, "sensitive_data_purged_at", l.purged.Format(layout))
		}
		truth.Events = append(truth.Events, schemas.Event{
			ConversationID: c.id, EventID: l.id, Kind: l.kind, CreatedAt: at(l.at), ActorID: text(l.senderID), ActorType: actor,
			Text: text(l.text), Attributes: attributes,
		})
		return
	}
	row := schemas.Message{
		ConversationID: c.id, MessageID: l.id, Sequence: int64(len(truth.Messages)), CreatedAt: at(l.at),
		AuthorID: text(l.senderID), AuthorType: actor, AuthorName: name, Direction: text("out"), Kind: l.kind, Text: text(l.text),
		ContentType: text(l.kind), ReplyTo: text(l.replyTo), IsDeleted: !l.purged.IsZero(), DeletedAt: at(l.purged), Attributes: attributes,
	}
	if l.senderType == "visitor" {
		row.Direction = text("in")
	}
	switch l.kind {
	case "msg", "action":
		row.Kind = "message"
	case "autosuggest":
		row.Kind = "template"
	}
	if row.Text != nil {
		row.Parts = append(row.Parts, schemas.Part{Type: "text", Text: row.Text})
	}
	row.Text = text(l.read())
	for _, card := range l.cards {
		row.Parts = append(row.Parts, card.parts()...)
		if card.image != "" {
			file := schemas.Attachment{
				ConversationID: c.id, AttachmentID: card.id, MessageID: &row.MessageID, Kind: "image", Name: text(card.title),
				URL: text(card.image), CreatedAt: row.CreatedAt, Attributes: map[string]*string{},
			}
			add(file.Attributes, "text", card.text)
			add(file.Attributes, "link_target", "_blank")
			truth.Attachments = append(truth.Attachments, file)
		}
	}
	truth.Messages = append(truth.Messages, row)
	if row.IsDeleted {
		truth.Tombstones = append(truth.Tombstones, schemas.Tombstone{ConversationID: c.id, MessageID: &row.MessageID, Reason: "message_deleted"})
	}
}

// bot reports whether a bot of the organization wrote a line. That is unknown while no user takes part in the chat.
func (l line) bot(c room) bool {
	if len(c.Participants) == 0 || l.senderType != "user" {
		return false
	}
	return c.bots[l.senderID]
}

// read is what a person sees of a line: its text, then titles, texts and buttons of its cards.
func (l line) read() string {
	lines := []string{l.text}
	for _, c := range l.cards {
		lines = append(lines, c.title, c.text)
		for _, b := range c.buttons {
			lines = append(lines, b.Title)
		}
	}
	return strings.Join(slices.DeleteFunc(lines, func(s string) bool { return s == "" }), "\n")
}

func (c card) parts() []schemas.Part {
	card := fields{
		"id": c.id, "title": or(c.title), "title_link_url": nil, "text": or(c.text), "image_url": or(c.image), "image_link_url": nil,
		"link_target": "_blank",
	}
	all := []schemas.Part{{Type: "template", Label: text(c.title), Text: text(c.text), Payload: text(jsonOf(card))}}
	if c.image != "" {
		all = append(all, schemas.Part{Type: "image", URL: text(c.image), Name: text(c.title)})
	}
	for i, b := range c.buttons {
		button := fields{
			"id": uuid("button "+c.id, int64(i)), "text": b.Title, "type": "button", "link_target": "_blank", "value": b.Value,
			"style": "brand_secondary", "is_disabled_on_selection": true, "is_disabled_on_visitor_message": true,
		}
		all = append(all, schemas.Part{Type: "button", Label: text(b.Title), Text: text(b.Value), Payload: text(jsonOf(button))})
	}
	return all
}

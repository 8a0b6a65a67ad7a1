package giosg

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// The types of messages. Those of eventTypes say what happened to a chat and become events; all others, unknown ones
// too, become messages.
const (
	typeMessage     = "msg"
	typeAutosuggest = "autosuggest"
	typeAction      = "action"
)

var eventTypes = []string{"join", "leave", "tag_created", "system", "shoppingcart_locked"}

// kinds of messages by type; those that are not here keep their type as kind.
var kinds = map[string]string{typeMessage: "message", typeAutosuggest: "template", typeAction: "message"}

var authorTypes = map[string]string{"user": "agent", "visitor": "contact", "rule": "bot"}

var directions = map[string]string{"user": "out", "visitor": "in", "rule": "out"}

// message is one message as sent, when it was seen, and what orders it.
type message struct {
	id        string
	seenAt    time.Time
	createdAt *time.Time
	wire      object
}

// messagesOf is each message once, as observed last, ordered by (created_at, id).
func messagesOf(docs []schemas.Document) ([]message, error) {
	var all []message
	at := map[string]int{}
	nameless := false
	err := eachRow(docs, kindMessages, func(doc schemas.Document, v value) {
		m := message{wire: fields(v), seenAt: doc.ObservedAt}
		m.id, m.createdAt = wire.Word(m.wire["id"]), moment(m.wire["created_at"])
		nameless = nameless || m.id == ""
		i, twice := at[m.id]
		switch {
		case !twice:
			at[m.id] = len(all)
			all = append(all, m)
		case !m.seenAt.Before(all[i].seenAt):
			all[i] = m
		}
	})
	if err == nil && nameless {
		err = errors.New("a message without an id")
	}
	slices.SortFunc(all, func(a, b message) int {
		return cmp.Or(compareTimes(a.createdAt, b.createdAt), strings.Compare(a.id, b.id))
	})
	return all, err
}

// opener is what opens the texts of a chat.
type opener struct {
	secret *secret
	why    string // there is none
}

func openerOf(keys keyring, wrapped *string) opener {
	if wrapped == nil {
		return opener{why: noKey}
	}
	s, why := keys.unwrap(*wrapped)
	return opener{secret: s, why: why}
}

// text is what a message says. Ciphertext is verified even where the plain text stands beside it.
func (m message) text(c opener) (said *string, why string, err error) {
	said = wire.Text(m.wire["message"])
	hidden := wire.Text(m.wire["encrypted_message"])
	switch {
	case hidden == nil:
		return said, "", nil
	case c.secret == nil && said != nil:
		return said, "", nil
	case c.secret == nil:
		return nil, c.why, nil
	}
	open, err := c.secret.open(*hidden)
	if err != nil || open == "" {
		return nil, "", err
	}
	return &open, "", nil
}

// add adds the message and all that it says to a thread.
func (m message) add(thread *schemas.Thread, c opener) error {
	said, why, err := m.text(c)
	if err != nil {
		return err
	}
	kind := cmp.Or(wire.Word(m.wire["type"]), typeMessage)
	if slices.Contains(eventTypes, kind) {
		thread.Events = append(thread.Events, m.event(thread, kind, said, why))
		return nil
	}
	row := m.row(thread, kind, said, why)
	files := m.attachments(row)
	row.Parts = m.parts(row)
	thread.Messages = append(thread.Messages, row)
	thread.Attachments = append(thread.Attachments, files...)
	if row.IsDeleted {
		thread.Tombstones = append(thread.Tombstones, schemas.Tombstone{
			ConversationID: row.ConversationID, ObservedAt: row.ObservedAt, MessageID: &row.MessageID, Reason: "message_deleted",
		})
	}
	return nil
}

// messageColumns are the members of a message that have columns of their own, say only what the chat says, or say whether
// the platform still had the plain text.
var messageColumns = []string{
	"id", "type", "chat_id", "room_id", "created_at", "sender_type", "sender_id", "sender_name", "message", "is_encrypted",
	"encrypted_message", "response_to_message_id", "attachments",
}

func (m message) attributes(why string, but ...string) map[string]*string {
	all := attributes{}
	all.addAll("", m.wire, append(but, messageColumns...)...)
	for key, v := range all {
		if *v == "[]" || *v == "{}" {
			delete(all, key)
		}
	}
	all.set("encrypted", why)
	return all.rows()
}

func (m message) author() (id, kind, name *string) {
	w := m.wire
	if known, ok := authorTypes[wire.Word(w["sender_type"])]; ok {
		kind = &known
	} else {
		kind = wire.Text(w["sender_type"])
	}
	return wire.Text(w["sender_id"]), kind, cmp.Or(wire.Text(w["sender_name"]), wire.Text(w["sender_public_name"]))
}

func (m message) row(thread *schemas.Thread, kind string, said *string, why string) schemas.Message {
	w := m.wire
	direction := cmp.Or(directions[wire.Word(w["sender_type"])], "none")
	purged := moment(w["sensitive_data_purged_at"])
	row := schemas.Message{
		ConversationID: thread.Conversation.ConversationID,
		MessageID:      m.id,
		ObservedAt:     m.seenAt,
		Sequence:       int64(len(thread.Messages)),
		CreatedAt:      m.createdAt,
		Direction:      &direction,
		Kind:           cmp.Or(kinds[kind], kind),
		Text:           said,
		ContentType:    &kind,
		ReplyTo:        wire.Text(w["response_to_message_id"]),
		IsDeleted:      purged != nil || truth(w["sensitive_data_purged_at"]),
		DeletedAt:      purged,
		Attributes:     m.attributes(why, "sensitive_data_purged_at"),
	}
	if row.Text == nil && why == "" {
		row.Text = wire.Text(w["response_text"])
	}
	row.AuthorID, row.AuthorType, row.AuthorName = m.author()
	return row
}

func (m message) event(thread *schemas.Thread, kind string, said *string, why string) schemas.Event {
	e := schemas.Event{
		ConversationID: thread.Conversation.ConversationID,
		EventID:        m.id,
		ObservedAt:     m.seenAt,
		Kind:           kind,
		CreatedAt:      m.createdAt,
		Text:           said,
	}
	var name *string
	e.ActorID, e.ActorType, name = m.author()
	all := attributes{}
	if name != nil {
		all.set("actor_name", *name)
	}
	for key, v := range m.attributes(why) {
		all[key] = v
	}
	if v := wire.Text(m.wire["attachments"]); v != nil && *v != "[]" {
		all["attachments"] = v
	}
	if v := wire.Text(m.wire["response_to_message_id"]); v != nil {
		all["response_to_message_id"] = v
	}
	e.Attributes = all.rows()
	return e
}

// parts are the text, and of each attachment its card, its picture and its buttons.
func (m message) parts(row schemas.Message) []schemas.Part {
	var all []schemas.Part
	if row.Text != nil {
		all = append(all, schemas.Part{Type: "text", Text: row.Text})
	}
	for _, v := range items(m.wire["attachments"]) {
		o := fields(v)
		if o == nil {
			continue
		}
		rest := object{}
		for key, member := range o {
			if key != "actions" {
				rest[key] = member
			}
		}
		card := schemas.Part{Type: "template", Label: wire.Text(o["title"]), Text: wire.Text(o["text"]), URL: wire.Text(o["title_link_url"]), Payload: compact(rest)}
		all = append(all, card)
		if link := wire.Text(o["image_url"]); link != nil {
			all = append(all, schemas.Part{Type: "image", URL: link, Name: wire.Text(o["title"])})
		}
		if link := fileURL(o); link != nil {
			all = append(all, schemas.Part{Type: "file", URL: link, Name: fileName(o), ContentType: wire.Text(o["content_type"]), Bytes: integer(o["size"])})
		}
		for _, v := range items(o["actions"]) {
			action := fields(v)
			if action == nil {
				continue
			}
			button := schemas.Part{Type: "button", Label: wire.Text(action["text"]), Text: wire.Text(action["value"]), Payload: wire.Text(v)}
			if wire.Word(action["type"]) == "link_button" {
				button.URL = button.Text
			}
			all = append(all, button)
		}
	}
	return all
}

// fileURL and fileName read members that no example shows: files are known to exist, their form is not.
func fileURL(o object) *string { return cmp.Or(wire.Text(o["file_url"]), wire.Text(o["url"])) }

func fileName(o object) *string {
	return cmp.Or(wire.Text(o["file_name"]), wire.Text(o["name"]), wire.Text(o["title"]))
}

// attachments are the pictures and files of a message.
func (m message) attachments(row schemas.Message) []schemas.Attachment {
	var all []schemas.Attachment
	for i, v := range items(m.wire["attachments"]) {
		o := fields(v)
		id := cmp.Or(wire.Word(o["id"]), fmt.Sprintf("%s/%d", row.MessageID, i))
		more := attributes{}
		more.addAll("", o, "id", "title", "image_url", "actions", "file_url", "url", "file_name", "name", "content_type", "size")
		a := schemas.Attachment{
			ConversationID: row.ConversationID, AttachmentID: id, ObservedAt: row.ObservedAt, MessageID: &row.MessageID,
			CreatedAt: row.CreatedAt, Attributes: more.rows(),
		}
		if a.URL = wire.Text(o["image_url"]); a.URL != nil {
			a.Kind, a.Name = "image", wire.Text(o["title"])
			all = append(all, a)
			a.AttachmentID += "/file"
		}
		if a.URL = fileURL(o); a.URL != nil {
			a.Kind, a.Name, a.ContentType, a.Bytes = "file", fileName(o), wire.Text(o["content_type"]), integer(o["size"])
			all = append(all, a)
		}
	}
	return all
}

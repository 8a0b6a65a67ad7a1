package giosg

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
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

// userSender is the type of a sender, and of a member, who is an agent or a bot.
const userSender = "user"

var authorTypes = map[string]string{userSender: "agent", "visitor": "contact", "rule": "bot"}

var directions = map[string]string{userSender: "out", "visitor": "in", "rule": "out"}

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
		return cmp.Or(wire.CompareTimes(a.createdAt, b.createdAt), strings.Compare(a.id, b.id))
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
func (m message) add(thread *schemas.Thread, c facts) error {
	said, why, err := m.text(c.opener)
	if err != nil {
		return err
	}
	kind := cmp.Or(wire.Word(m.wire["type"]), typeMessage)
	if slices.Contains(eventTypes, kind) {
		thread.Events = append(thread.Events, m.event(thread, kind, said, why, c))
		return nil
	}
	r := wire.ReadFields(maps.Clone(m.wire))
	row := m.row(r, thread, kind, c)
	var shown content
	for i, v := range r.List("attachments") {
		shown.attachment(row, i, v)
	}
	if said == nil && why == "" {
		said = c.chosen(m.wire)
	}
	if said != nil {
		row.Parts = append(row.Parts, schemas.Part{Type: "text", Text: said})
		shown.words = append([]string{*said}, shown.words...)
	}
	if why == "" && len(shown.words) > 0 {
		row.Text = new(strings.Join(shown.words, "\n"))
	}
	row.Parts = append(row.Parts, shown.parts...)
	row.Attributes = leftover(r, why)
	thread.Messages = append(thread.Messages, row)
	thread.Attachments = append(thread.Attachments, shown.files...)
	if row.IsDeleted {
		thread.Tombstones = append(thread.Tombstones, providers.DeletedMessage(row))
	}
	return nil
}

// leftover is what of a message has no column. What an empty list or object says is nothing.
func leftover(r *wire.Reader, why string) map[string]*string {
	all := attributes(r.Rest())
	for key, v := range all {
		if *v == "[]" || *v == "{}" {
			delete(all, key)
		}
	}
	if why == "" {
		return all.rows()
	}
	if all == nil {
		all = attributes{}
	}
	all.set(hiddenMark, why)
	return all
}

// read reads what every message has a column for. What repeats the chat is left out, and so is what only says whether the
// platform still had the plain text.
func (m message) read(r *wire.Reader, c facts) (id, kind, name *string) {
	r.Skip("id", "type", "message", "encrypted_message", "is_encrypted")
	wire.Parse(r, "created_at", moment)
	for key, known := range map[string]string{"chat_id": c.chat, "room_id": c.room} {
		if wire.Word(r.Peek(key)) == known {
			r.Skip(key)
		}
	}
	id, sender := r.Text("sender_id"), r.Word("sender_type")
	if name = r.Text("sender_name"); name == nil {
		name = wire.Text(r.Peek("sender_public_name"))
	}
	return id, c.authorType(id, sender, m.wire), name
}

func (m message) row(r *wire.Reader, thread *schemas.Thread, kind string, c facts) schemas.Message {
	direction := cmp.Or(directions[wire.Word(m.wire["sender_type"])], "none")
	purged := moment(m.wire["sensitive_data_purged_at"])
	deleted := purged != nil || truth(m.wire["sensitive_data_purged_at"])
	if deleted {
		r.Skip("sensitive_data_purged_at")
	}
	row := schemas.Message{
		ConversationID: thread.Conversation.ConversationID,
		MessageID:      m.id,
		ObservedAt:     m.seenAt,
		Sequence:       int64(len(thread.Messages)),
		CreatedAt:      m.createdAt,
		Direction:      &direction,
		Kind:           cmp.Or(kinds[kind], kind),
		ContentType:    &kind,
		ReplyTo:        r.Text("response_to_message_id"),
		IsDeleted:      deleted,
		DeletedAt:      purged,
	}
	row.AuthorID, row.AuthorType, row.AuthorName = m.read(r, c)
	return row
}

func (m message) event(thread *schemas.Thread, kind string, said *string, why string, c facts) schemas.Event {
	r := wire.ReadFields(maps.Clone(m.wire))
	e := schemas.Event{
		ConversationID: thread.Conversation.ConversationID,
		EventID:        m.id,
		ObservedAt:     m.seenAt,
		Kind:           kind,
		CreatedAt:      m.createdAt,
		Text:           said,
	}
	var name *string
	e.ActorID, e.ActorType, name = m.read(r, c)
	all := attributes{}
	if name != nil {
		all.set("actor_name", *name)
	}
	for key, v := range leftover(r, why) {
		all[key] = v
	}
	e.Attributes = all.rows()
	return e
}

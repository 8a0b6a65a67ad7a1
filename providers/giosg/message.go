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

// The types of messages. Those in eventTypes describe what happened to a chat and become events. All others, including unknown
// ones, become messages.
const (
	typeMessage     = "msg"
	typeAutosuggest = "autosuggest"
	typeAction      = "action"
)

var eventTypes = []string{"join", "leave", "tag_created", "system", "shoppingcart_locked"}

// kinds maps types of messages to kinds. Other types keep their name as kind.
var kinds = map[string]string{typeMessage: "message", typeAutosuggest: "template", typeAction: "message"}

// userSender is the type of a sender or member who is an agent or a bot.
const userSender = "user"

var authorTypes = map[string]string{userSender: "agent", "visitor": "contact", "rule": "bot"}

var directions = map[string]string{userSender: "out", "visitor": "in", "rule": "out"}

// message is one message as sent, the time when it was read, and the fields that order it.
type message struct {
	id        string
	seenAt    time.Time
	createdAt *time.Time
	wire      object
}

// messagesOf returns each message once, as observed last, sorted by (created_at, id).
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

// decrypter decrypts the texts of a chat.
type decrypter struct {
	secret *secret
	why    string // why there is no secret
}

func decrypterOf(keys keyring, wrapped *string) decrypter {
	if wrapped == nil {
		return decrypter{why: noKey}
	}
	s, why := keys.unwrap(*wrapped)
	return decrypter{secret: s, why: why}
}

// text returns the text of a message. It verifies the ciphertext even if there is a plain text.
func (m message) text(c decrypter) (said *string, why string, err error) {
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

// add adds the message and everything that it contains to a thread.
func (m message) add(thread *schemas.Thread, c facts) error {
	said, why, err := m.text(c.decrypter)
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

// leftover returns the fields of a message without a column, except empty lists and objects.
func leftover(r *wire.Reader, why string) map[string]*string {
	all := r.Attributes()
	for key, v := range all {
		if *v == "[]" || *v == "{}" {
			delete(all, key)
		}
	}
	all.Put(hiddenMark, wire.NonEmpty(why))
	return all.Map()
}

// read reads the fields that every message has columns for. It skips fields that repeat the chat's, and those that only say
// whether the platform still had the plain text.
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
	all := wire.Attributes{}
	if name != nil {
		all.Put("actor_name", wire.NonEmpty(*name))
	}
	for key, v := range leftover(r, why) {
		all[key] = v
	}
	e.Attributes = all.Map()
	return e
}

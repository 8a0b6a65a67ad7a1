package giosg

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// mapping maps documents to rows. It needs the private keys, because documents of encrypted rooms contain the ciphertext.
type mapping struct{ keys keyring }

func openMapper(s providers.Settings) (providers.Mapper, error) {
	keys, err := keysOf(s.Secrets)
	if err != nil {
		return nil, err
	}
	return mapping{keys}, nil
}

// Thread maps the documents of one chat to rows, as described in docs/mapping-giosg.md.
func (m mapping) Thread(docs []schemas.Document) (schemas.Thread, error) {
	return providers.MapThread("chat", docs, func(docs []schemas.Document) (schemas.Thread, error) { return mapThread(docs, m.keys) })
}

func mapThread(docs []schemas.Document, keys keyring) (schemas.Thread, error) {
	if len(docs) == 0 {
		return schemas.Thread{}, errors.New("there are none")
	}
	for _, doc := range docs {
		if doc.Kind == kindMessages && providers.IsGone(doc) {
			return providers.GoneThread(doc), nil
		}
	}
	chat, err := chatOf(docs)
	if err != nil {
		return schemas.Thread{}, err
	}
	wrapped := plain(chat.fields["encrypted_symmetric_key"])
	c := decrypterOf(keys, wrapped)
	rows, err := messagesOf(docs)
	if err != nil {
		return schemas.Thread{}, err
	}
	bots, err := botsOf(docs)
	if err != nil {
		return schemas.Thread{}, err
	}
	thread, known := schemas.Thread{Conversation: conversationRow(chat)}, factsOf(c, chat, rows, bots)
	for _, m := range rows {
		if err := m.add(&thread, known); err != nil {
			return schemas.Thread{}, fmt.Errorf("message %s: %w", m.id, err)
		}
	}
	if err := tags(&thread, docs); err != nil {
		return schemas.Thread{}, err
	}
	if err := participantRows(&thread, docs, rows, keys, known); err != nil {
		return schemas.Thread{}, err
	}
	finish(&thread, chat, rows)
	return thread, nil
}

// chat is the chat itself and the time when it was read.
type chat struct {
	id     string
	seenAt time.Time
	fields object
}

// chatOf returns the chat as observed last.
func chatOf(docs []schemas.Document) (chat, error) {
	var best *schemas.Document
	for i, doc := range docs {
		if doc.Kind == kindChat && doc.Status == statusOK && (best == nil || doc.ObservedAt.After(best.ObservedAt)) {
			best = &docs[i]
		}
	}
	if best == nil {
		return chat{}, errors.New("the chat itself is not among them")
	}
	o, err := wire.ParseObject(best.Body)
	if err != nil {
		return chat{}, fmt.Errorf("chat: %w", err)
	}
	return chat{id: cmp.Or(best.ConversationID, wire.Word(o["id"])), seenAt: best.ObservedAt, fields: o}, nil
}

func conversationRow(c chat) schemas.Conversation {
	r := wire.ReadFields(maps.Clone(c.fields))
	row := schemas.Conversation{
		ConversationID: c.id,
		ObservedAt:     c.seenAt,
		Status:         r.Text("legacy_conversation_state"),
		State:          state(c.fields),
		ChannelID:      r.Text("room_id"),
		ChannelName:    r.Text("room_name"),
		ChannelType:    r.Text("chat_type"),
		CreatedAt:      wire.Parse(r, "created_at", moment),
		UpdatedAt:      wire.Parse(r, "updated_at", moment),
		ClosedAt:       wire.Parse(r, "ended_at", moment),
		SourceURL:      cmp.Or(r.Text("first_visitor_message_url"), wire.Text(r.Peek("autosuggest_url"))),
		IsEncrypted:    wire.Parse(r, "is_encrypted", boolean),
	}
	wire.Parse(r, "is_ended", boolean)               // already in State
	r.Skip("id", "encrypted_symmetric_key", "token") // keys stay in the documents
	if row.Attributes = r.Rest(); row.Attributes == nil {
		row.Attributes = map[string]*string{}
	}
	return row
}

// state maps the flags of a chat. A chat that waits for an answer is pending.
func state(o object) *string {
	ended := boolean(o["is_ended"])
	s := "open"
	switch {
	case ended != nil && *ended || ended == nil && moment(o["ended_at"]) != nil:
		s = "closed"
	case truth(o["is_waiting"]) || truth(o["is_pending"]):
		s = "pending"
	case ended == nil:
		return nil
	}
	return &s
}

// finish sets the columns that depend on all rows together.
func finish(thread *schemas.Thread, c chat, rows []message) {
	row := &thread.Conversation
	for _, m := range rows {
		if row.LastActivityAt == nil || m.createdAt != nil && m.createdAt.After(*row.LastActivityAt) {
			row.LastActivityAt = m.createdAt
		}
	}
	for _, m := range thread.Messages {
		if row.FirstReplyAt == nil && m.ContentType != nil && *m.ContentType == typeMessage && m.AuthorType != nil && *m.AuthorType == "agent" {
			row.FirstReplyAt = m.CreatedAt // the first one that a person wrote; autosuggestions do not count
		}
	}
	if t := latest(row.UpdatedAt, row.LastActivityAt); t != nil {
		version := t.UnixMicro()
		row.SourceVersion = &version
	}
	row.StatedMessages = stated(c, thread.Messages)
	row.Attributes = wire.Attributes(row.Attributes).Map()
}

func latest(a, b *time.Time) *time.Time {
	if wire.CompareTimes(a, b) < 0 {
		return b
	}
	return a
}

// stated returns how many message rows there should be. The platform counts only messages of type msg that existed when the chat
// was listed, so stated adds the stored messages of other types and later ones. If the platform's clock is ahead of ours,
// updated_at shows it.
func stated(c chat, stored []schemas.Message) *int64 {
	n := integer(c.fields["message_count"])
	if n == nil {
		return nil
	}
	total, until := *n, latest(&c.seenAt, moment(c.fields["updated_at"]))
	for _, m := range stored {
		if m.ContentType == nil || *m.ContentType != typeMessage || m.CreatedAt != nil && m.CreatedAt.After(*until) {
			total++
		}
	}
	return &total
}

// tags sets the tags of the conversation, and their other members as an attribute.
func tags(thread *schemas.Thread, docs []schemas.Document) error {
	row := &thread.Conversation
	var details []string
	err := eachRow(docs, kindTags, func(_ schemas.Document, v value) {
		o := fields(v)
		name := wire.Text(v)
		if o != nil {
			name = cmp.Or(wire.Text(o["name"]), wire.Text(o["tag"]))
			details = append(details, wire.Word(v))
		}
		if name != nil && !slices.Contains(row.Tags, *name) {
			row.Tags = append(row.Tags, *name)
		}
	})
	if len(details) > 0 {
		wire.Attributes(row.Attributes).Put("tag_details", wire.NonEmpty("["+strings.Join(details, ",")+"]"))
	}
	return err
}

// eachRow yields the rows of all pages of a kind, sorted by sequence.
func eachRow(docs []schemas.Document, kind string, yield func(schemas.Document, value)) error {
	for _, doc := range ofKind(docs, kind) {
		rows, _, err := envelope(doc.Body)
		if err != nil {
			return fmt.Errorf("%s, page %d: %w", kind, doc.Sequence%pagesPerVisitor, err)
		}
		for _, v := range rows {
			yield(doc, v)
		}
	}
	return nil
}

// ofKind returns the documents of a kind that have a body, sorted by sequence.
func ofKind(docs []schemas.Document, kind string) []schemas.Document {
	var some []schemas.Document
	for _, doc := range docs {
		if doc.Kind == kind && doc.Status == statusOK {
			some = append(some, doc)
		}
	}
	slices.SortStableFunc(some, func(a, b schemas.Document) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return some
}

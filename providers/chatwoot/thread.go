package chatwoot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// mapping turns documents into rows. It needs no settings.
type mapping struct{}

func openMapper(providers.Settings) (providers.Mapper, error) { return mapping{}, nil }

// Thread turns the documents of one conversation into rows, as described in docs/mapping-chatwoot.md.
func (mapping) Thread(docs []schemas.Document) (schemas.Thread, error) {
	return providers.MapThread("conversation", docs, mapThread)
}

const statusOK = 200

func mapThread(docs []schemas.Document) (schemas.Thread, error) {
	if len(docs) == 0 {
		return schemas.Thread{}, errors.New("there are no documents")
	}
	has := func(doc schemas.Document) bool { return doc.Kind == kindMessages }
	carried := !slices.ContainsFunc(docs, has) // by the page
	for _, doc := range docs {
		if (has(doc) || carried && doc.Kind == kindDetails) && providers.IsGone(doc) {
			return providers.GoneThread(doc), nil
		}
	}
	doc, o, err := conversationObject(docs)
	if err != nil {
		return schemas.Thread{}, err
	}
	messages, err := wireMessages(docs)
	if err != nil {
		return schemas.Thread{}, err
	}
	var thread schemas.Thread
	people := participants{thread: &thread, known: map[[2]string]known{}}
	meta := conversationRow(&thread, doc, o)
	people.add(doc, "contact", "contact", meta.contact)
	people.add(doc, "assignee", meta.assigneeType, meta.assignee)
	if err := people.followers(docs); err != nil {
		return schemas.Thread{}, err
	}
	for i, m := range messages {
		m.known = people.sender(m)
		m.rows(&thread, int64(i))
	}
	return thread, reportingRows(&thread, docs)
}

// conversationObject returns the details of the conversation, or else its row of the list. Of several it returns the one observed
// last.
func conversationObject(docs []schemas.Document) (schemas.Document, *wire.Reader, error) {
	var best schemas.Document
	for _, doc := range docs {
		if doc.Status != statusOK || doc.Kind != kindDetails && doc.Kind != kindConversation {
			continue
		}
		better := best.Kind == "" || doc.Kind == kindDetails && best.Kind == kindConversation
		if better || doc.Kind == best.Kind && doc.ObservedAt.After(best.ObservedAt) {
			best = doc
		}
	}
	if best.Kind == "" {
		return best, nil, errors.New("none of them describes the conversation itself")
	}
	if !wire.Valid(best.Body) {
		return best, nil, fmt.Errorf("%s: %w", best.Kind, wire.ErrNotJSON)
	}
	o := wire.Fields(best.Body)
	if o == nil {
		return best, nil, fmt.Errorf("%s: %w", best.Kind, wire.ErrShape)
	}
	return best, wire.ReadFields(o), nil
}

// people are the people in the body of a conversation.
type people struct {
	contact, assignee value
	assigneeType      string
}

// conversationRow reads the conversation itself. Fields without a column become attributes, except the copies of its last messages,
// which have rows of their own.
func conversationRow(thread *schemas.Thread, doc schemas.Document, o *wire.Reader) people {
	meta, additional := o.Nested("", "meta"), o.Nested("additional.", "additional_attributes")
	o.Nested("custom.", "custom_attributes")
	who := people{assigneeType: "agent"}
	var contact, assignee *string
	who.contact, contact = person(meta, "sender")
	who.assignee, assignee = person(meta, "assignee")
	if assignee != nil {
		who.assigneeType = assigneeType(meta.Peek("assignee_type"), wire.Fields(who.assignee))
	}
	timestamp := moment(o.Peek("timestamp"))
	c := schemas.Conversation{
		ConversationID: doc.ConversationID,
		ObservedAt:     doc.ObservedAt,
		Subject:        wire.Text(additional.Peek("mail_subject")),
		State:          state(wire.Word(o.Peek("status"))),
		Status:         o.Text("status"),
		ChannelID:      o.Text("inbox_id"),
		ChannelType:    meta.Text("channel"),
		CreatedAt:      cmp.Or(wire.Parse(o, "created_at", moment), timestamp),
		UpdatedAt:      wire.Parse(o, "updated_at", moment),
		FirstReplyAt:   wire.Parse(o, "first_reply_created_at", moment),
		LastActivityAt: cmp.Or(wire.Parse(o, "last_activity_at", moment), timestamp),
		ContactID:      contact,
		AssigneeID:     assignee,
		GroupID:        meta.Nested("team.", "team").Text("id"),
		Priority:       o.Text("priority"),
		Language:       cmp.Or(wire.Text(additional.Peek("browser_language")), wire.Text(additional.Peek("conversation_language"))),
		SourceURL:      wire.Text(additional.Peek("referer")),
		Tags:           texts(o.List("labels")),
	}
	id := o.Word("id")
	c.ConversationID = cmp.Or(c.ConversationID, id)
	if t := cmp.Or(c.UpdatedAt, c.LastActivityAt); t != nil {
		version := t.UnixMicro()
		c.SourceVersion = &version
	}
	wire.Parse(o, "timestamp", moment)
	o.Skip("messages", "last_non_activity_message")
	c.Attributes = o.Rest()
	thread.Conversation = c
	return who
}

// person reads a person with an id. A person without an id stays unread.
func person(o *wire.Reader, key string) (v value, id *string) {
	if id = wire.Text(wire.Fields(o.Peek(key))["id"]); id == nil {
		return nil, nil
	}
	return o.Value(key), id
}

func state(status string) *string {
	switch status {
	case "open", "pending", "snoozed":
		return &status
	case "resolved":
		status = "closed"
		return &status
	}
	return nil
}

func texts(items []value) []string {
	var all []string
	for _, item := range items {
		if s := wire.Text(item); s != nil {
			all = append(all, *s)
		}
	}
	return all
}

// message is one message as sent, with its document and the values that it is sorted by.
type message struct {
	doc       schemas.Document
	id        string
	createdAt *time.Time // when it was written, which is before the server received it if it was imported
	wire      *wire.Reader
	content   *wire.Reader // content_attributes
	sender    value
	known     object // the fields behind the sender's row of participants
}

// newMessage starts to read a message. The time of an imported message is content_attributes.external_created_at; then the server's
// created_at becomes an attribute.
// Seen in chatwoot/chatwoot spec/controllers/api/v1/accounts/conversations/messages_controller_spec.rb.
func newMessage(doc schemas.Document, row value) message {
	m := message{doc: doc, wire: wire.Read(row)}
	m.content = m.wire.Nested("", "content_attributes")
	m.id = m.wire.Word("id")
	if m.createdAt = moment(m.content.Peek("external_created_at")); m.createdAt == nil {
		m.createdAt = wire.Parse(m.wire, "created_at", moment)
	}
	m.sender = m.wire.Peek("sender")
	return m
}

// wireMessages returns each message once, as it was observed last, sorted by (created_at, id). If there are no documents of messages, the
// page of the conversation has been requested in their place.
func wireMessages(docs []schemas.Document) ([]message, error) {
	var all []message
	at := map[string]int{}
	kind, rowsOf := kindMessages, func(body []byte) ([]value, error) {
		rows, _, err := envelope(body)
		return rows, err
	}
	if !slices.ContainsFunc(docs, func(doc schemas.Document) bool { return doc.Kind == kindMessages }) {
		kind, rowsOf = kindDetails, func(body []byte) ([]value, error) { return carriedBy(body), nil }
	}
	for _, doc := range docs {
		if doc.Kind != kind || doc.Status != statusOK {
			continue
		}
		rows, err := rowsOf(doc.Body)
		if err != nil {
			return nil, fmt.Errorf("messages, window %d: %w", doc.Sequence, err)
		}
		doc.Body = nil
		for _, row := range rows {
			m := newMessage(doc, row)
			if m.id == "" {
				return nil, fmt.Errorf("messages, window %d: a message without an id", doc.Sequence)
			}
			i, twice := at[m.id]
			switch {
			case !twice:
				at[m.id] = len(all)
				all = append(all, m)
			case !doc.ObservedAt.Before(all[i].doc.ObservedAt):
				all[i] = m
			}
		}
	}
	slices.SortFunc(all, func(a, b message) int {
		return cmp.Or(wire.CompareTimes(a.createdAt, b.createdAt), compareIDs(a.id, b.id))
	})
	return all, nil
}

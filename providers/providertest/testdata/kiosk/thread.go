package kiosk

import (
	"errors"
	"net/http"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

type mapping struct{}

func openMapper(providers.Settings) (providers.Mapper, error) { return mapping{}, nil }

// Thread turns the documents of one conversation into rows.
func (mapping) Thread(docs []schemas.Document) (schemas.Thread, error) {
	return providers.MapThread("conversation", docs, mapThread)
}

func mapThread(docs []schemas.Document) (thread schemas.Thread, err error) {
	for _, doc := range docs {
		switch {
		case doc.Kind == kindMessages && providers.IsGone(doc):
			return providers.GoneThread(doc), nil
		case doc.Status != http.StatusOK:
		case doc.Kind == kindConversation:
			thread.Conversation = conversation(doc)
		case doc.Kind == kindMessages:
			for _, raw := range wire.Items(wire.Fields(doc.Body)["messages"]) {
				m := message(doc, wire.Read(raw), len(thread.Messages))
				if m.MessageID == "" {
					return thread, errors.New("a message has no id")
				}
				thread.Messages = append(thread.Messages, m)
			}
		}
	}
	if thread.Conversation.ConversationID == "" {
		return thread, errors.New("none of them describes the conversation itself")
	}
	return thread, nil
}

func conversation(doc schemas.Document) schemas.Conversation {
	r := wire.Read(doc.Body)
	r.Skip("id")
	return schemas.Conversation{
		ConversationID: doc.ConversationID, ObservedAt: doc.ObservedAt,
		CreatedAt: wire.Parse(r, "created_at", instant), Subject: r.Text("subject"), Status: r.Text("status"),
		StatedMessages: wire.Parse(r, "messages", func(v wire.Value) *int64 { return wire.Integer(wire.Word(v)) }),
		Attributes:     r.Rest(),
	}
}

// directions are the directions of messages, by author.
var directions = map[string]string{"visitor": "in", "agent": "out"}

func message(doc schemas.Document, r *wire.Reader, sequence int) schemas.Message {
	m := schemas.Message{
		ConversationID: doc.ConversationID, MessageID: r.Word("id"), ObservedAt: doc.ObservedAt, Sequence: int64(sequence), Kind: "message",
		CreatedAt: wire.Parse(r, "created_at", instant), Text: r.Text("text"), IsPrivate: r.Truth("private"),
	}
	by := r.Word("by")
	if direction, ok := directions[by]; ok && !m.IsPrivate {
		m.Direction = &direction
	}
	if m.IsPrivate {
		m.Kind = "note"
	}
	m.Attributes = r.Rest()
	return m
}

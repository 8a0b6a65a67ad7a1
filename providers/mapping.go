package providers

import (
	"github.com/chatlake/chatlake/schemas"
)

// Reasons of tombstones.
const (
	ReasonGone    = "conversation_not_found"
	ReasonDeleted = "message_deleted"
)

// MapThread calls toRows with the documents of one conversation, and turns its error into one that a Mapper may return. noun is
// the platform's word for a conversation.
func MapThread(noun string, docs []schemas.Document, toRows func([]schemas.Document) (schemas.Thread, error)) (schemas.Thread, error) {
	thread, err := toRows(docs)
	if err != nil {
		id := ""
		if len(docs) > 0 {
			id = docs[0].ConversationID
		}
		return schemas.Thread{}, &Error{Kind: Malformed, Op: "read the documents of " + noun + " " + id, Err: err}
	}
	return thread, nil
}

// IsGone reports whether a document is the platform's answer that something does not exist.
func IsGone(doc schemas.Document) bool { return doc.Status == 404 || doc.Status == 410 }

// GoneThread returns the rows of a conversation that the platform no longer has: one tombstone. doc is the platform's answer.
func GoneThread(doc schemas.Document) schemas.Thread {
	return schemas.Thread{Tombstones: []schemas.Tombstone{{ConversationID: doc.ConversationID, ObservedAt: doc.ObservedAt, Reason: ReasonGone}}}
}

// DeletedMessage returns the tombstone of a message that was deleted on the platform.
func DeletedMessage(row schemas.Message) schemas.Tombstone {
	return schemas.Tombstone{ConversationID: row.ConversationID, ObservedAt: row.ObservedAt, MessageID: &row.MessageID, Reason: ReasonDeleted}
}

package providers

import (
	"github.com/chatlake/chatlake/schemas"
)

// Why a row of tombstones is there.
const (
	ReasonGone    = "conversation_not_found"
	ReasonDeleted = "message_deleted"
)

// MapThread turns the documents of one conversation into rows by rows, and its error into one that a Mapper may return. what
// is the platform's word for a conversation.
func MapThread(what string, docs []schemas.Document, rows func([]schemas.Document) (schemas.Thread, error)) (schemas.Thread, error) {
	thread, err := rows(docs)
	if err != nil {
		id := ""
		if len(docs) > 0 {
			id = docs[0].ConversationID
		}
		return schemas.Thread{}, &Error{Kind: Malformed, Op: "read the documents of " + what + " " + id, Err: err}
	}
	return thread, nil
}

// IsGone reports whether a document says that what was asked for does not exist.
func IsGone(doc schemas.Document) bool { return doc.Status == 404 || doc.Status == 410 }

// GoneThread is the rows of a conversation of which the platform answered, as the document says, that it does not exist.
func GoneThread(doc schemas.Document) schemas.Thread {
	return schemas.Thread{Tombstones: []schemas.Tombstone{{ConversationID: doc.ConversationID, ObservedAt: doc.ObservedAt, Reason: ReasonGone}}}
}

// DeletedMessage is the tombstone of a message that the platform says was deleted.
func DeletedMessage(row schemas.Message) schemas.Tombstone {
	return schemas.Tombstone{ConversationID: row.ConversationID, ObservedAt: row.ObservedAt, MessageID: &row.MessageID, Reason: ReasonDeleted}
}

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

// Thread turns the documents of one conversation into rows, as docs/mapping-chatwoot.md says.
func (a *account) Thread(docs []schemas.Document) (schemas.Thread, error) {
	thread, err := mapThread(docs)
	if err != nil {
		id := ""
		if len(docs) > 0 {
			id = docs[0].ConversationID
		}
		return schemas.Thread{}, &providers.Error{Kind: providers.Malformed, Op: "read the documents of conversation " + id, Err: err}
	}
	return thread, nil
}

const (
	statusOK   = 200
	reasonGone = "conversation_not_found"
)

func mapThread(docs []schemas.Document) (schemas.Thread, error) {
	if len(docs) == 0 {
		return schemas.Thread{}, errors.New("there are none")
	}
	for _, doc := range docs {
		if doc.Kind == kindMessages && (doc.Status == 404 || doc.Status == 410) {
			gone := schemas.Tombstone{ConversationID: doc.ConversationID, ObservedAt: doc.ObservedAt, Reason: reasonGone}
			return schemas.Thread{Tombstones: []schemas.Tombstone{gone}}, nil
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
	thread.Conversation = conversationRow(doc, o)
	for i, m := range messages {
		m.rows(&thread, int64(i))
	}
	if err := participantRows(&thread, doc, o, docs); err != nil {
		return schemas.Thread{}, err
	}
	return thread, reportingRows(&thread, docs)
}

// conversationObject is the details where they were fetched, else the row of the list; of several the one observed last.
func conversationObject(docs []schemas.Document) (schemas.Document, object, error) {
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
		return best, nil, errors.New("the conversation itself is not among them")
	}
	if !wire.Valid(best.Body) {
		return best, nil, fmt.Errorf("%s: the document is not JSON", best.Kind)
	}
	o := wire.Fields(best.Body)
	if o == nil {
		return best, nil, fmt.Errorf("%s: %w", best.Kind, errShape)
	}
	return best, o, nil
}

func conversationRow(doc schemas.Document, o object) schemas.Conversation {
	meta, additional := wire.Fields(o["meta"]), wire.Fields(o["additional_attributes"])
	c := schemas.Conversation{
		ConversationID: doc.ConversationID,
		ObservedAt:     doc.ObservedAt,
		Subject:        wire.Text(additional["mail_subject"]),
		Status:         wire.Text(o["status"]),
		State:          state(wire.Word(o["status"])),
		ChannelID:      wire.Text(o["inbox_id"]),
		ChannelType:    wire.Text(meta["channel"]),
		CreatedAt:      cmp.Or(moment(o["created_at"]), moment(o["timestamp"])),
		UpdatedAt:      moment(o["updated_at"]),
		FirstReplyAt:   moment(o["first_reply_created_at"]),
		LastActivityAt: cmp.Or(moment(o["last_activity_at"]), moment(o["timestamp"])),
		ContactID:      wire.Text(wire.Fields(meta["sender"])["id"]),
		AssigneeID:     wire.Text(wire.Fields(meta["assignee"])["id"]),
		GroupID:        wire.Text(wire.Fields(meta["team"])["id"]),
		Priority:       wire.Text(o["priority"]),
		Language:       cmp.Or(wire.Text(additional["browser_language"]), wire.Text(additional["conversation_language"])),
		SourceURL:      wire.Text(additional["referer"]),
		Tags:           texts(o["labels"]),
	}
	if c.ConversationID == "" {
		c.ConversationID = wire.Word(o["id"])
	}
	if t := cmp.Or(c.UpdatedAt, c.LastActivityAt); t != nil {
		version := t.UnixMicro()
		c.SourceVersion = &version
	}
	all := attributes{}
	all.addAll("custom.", wire.Fields(o["custom_attributes"]))
	all.addAll("additional.", additional)
	all.add("", o, "uuid", "muted", "can_reply", "snoozed_until", "waiting_since", "sla_policy_id", "unread_count",
		"agent_last_seen_at", "assignee_last_seen_at", "contact_last_seen_at", "account_id")
	all.add("", meta, "assignee_type", "hmac_verified")
	c.Attributes = all.rows()
	return c
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

func texts(v value) []string {
	var all []string
	for _, item := range wire.Items(v) {
		if s := wire.Text(item); s != nil {
			all = append(all, *s)
		}
	}
	return all
}

// message is one message as sent, the document it came from, and what orders it.
type message struct {
	doc       schemas.Document
	id        string
	createdAt *time.Time
	wire      object
	content   object // content_attributes
}

// wireMessages is each message once, as observed last, ordered by (created_at, id).
func wireMessages(docs []schemas.Document) ([]message, error) {
	var all []message
	at := map[string]int{}
	for _, doc := range docs {
		if doc.Kind != kindMessages || doc.Status != statusOK {
			continue
		}
		rows, _, err := envelope(doc.Body)
		if err != nil {
			return nil, fmt.Errorf("messages, window %d: %w", doc.Sequence, err)
		}
		doc.Body = nil
		for _, row := range rows {
			m := message{doc: doc, wire: wire.Fields(row)}
			m.id, m.createdAt, m.content = wire.Word(m.wire["id"]), moment(m.wire["created_at"]), wire.Fields(m.wire["content_attributes"])
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
		return cmp.Or(compareTimes(a.createdAt, b.createdAt), compareIDs(a.id, b.id))
	})
	return all, nil
}

// compareTimes puts what has no time first.
func compareTimes(a, b *time.Time) int {
	switch {
	case a != nil && b != nil:
		return a.Compare(*b)
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	}
	return 1
}

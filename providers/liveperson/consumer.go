package liveperson

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// mapConsumer maps what a consumer's API says of a conversation: its row of the list, and its messages.
func mapConsumer(metadata, content schemas.Document) (schemas.Thread, error) {
	o, err := decodeObject(metadata.Body)
	if err != nil {
		return schemas.Thread{}, fmt.Errorf("%s: %w", metadata.Kind, err)
	}
	m := newMapper(metadata)
	if m.id == "" {
		m.id = o.peek("convId")
	}
	m.consumerPeople(o)
	m.consumerRow(o)
	for _, d := range o.list("dialogs") {
		m.event(eventKind{kind: "dialog", time: "creationTs", names: []string{"dialogId"}}, d)
	}
	all := attributes(m.Conversation.Attributes)
	leftovers(all, o)
	m.Conversation.Attributes = all.rows()
	if content.Kind == "" {
		return m.finish(), nil
	}
	said, err := decodeObject(content.Body)
	if err != nil {
		return schemas.Thread{}, fmt.Errorf("%s: %w", content.Kind, err)
	}
	m.at = content.ObservedAt
	m.contents(said.list("messageEventRecords"))
	return m.finish(), nil
}

func (m *mapper) consumerRow(o object) {
	all := attributes{}
	c := schemas.Conversation{
		ConversationID: m.id,
		ObservedAt:     m.at,
		Status:         o.said("state"),
		CreatedAt:      m.when(o, "startTs"),
		ClosedAt:       m.when(o, "endTs"),
		ContactID:      m.contact(),
	}
	c.State = state(c.Status)
	for _, p := range m.Participants {
		if p.Role == "assignee" {
			id := p.ParticipantID
			c.AssigneeID = &id
		}
	}
	o.take("convId")
	csat := o.object("csat")
	if score, confirmed := csat.number("csatRate"), csat.said("csatResolutionConfirmation"); score != nil || confirmed != nil {
		rating := schemas.Rating{RatingID: "csat", Kind: "csat", Score: score, AgentID: c.AssigneeID, ContactID: c.ContactID}
		if confirmed != nil {
			question := "csatResolutionConfirmation"
			rating.Answers = []schemas.Answer{{Question: &question, Answer: confirmed}}
		}
		m.rate(rating)
	}
	all.rest("csat.", csat)
	c.Attributes = all
	m.Conversation = c
}

// consumerPeople maps the participants; roles are CONSUMER, ASSIGNED_AGENT, READER and MANAGER.
func (m *mapper) consumerPeople(o object) {
	seen := map[string]bool{}
	for _, p := range o.list("participants") {
		id, role := p.word("id"), p.word("role")
		if id == "" || seen[id+" "+role] {
			continue
		}
		seen[id+" "+role] = true
		row := schemas.Participant{ConversationID: m.id, ParticipantID: id, ObservedAt: m.at, Type: typeAgent, Role: cmp.Or(role, "participant")}
		switch role {
		case "CONSUMER":
			row.Type, row.Role = typeContact, typeContact
		case "ASSIGNED_AGENT":
			row.Role = "assignee"
		}
		all := attributes{}
		all.rest("", p)
		row.Attributes = all.rows()
		m.people[id] = person{kind: row.Type}
		m.Participants = append(m.Participants, row)
	}
}

// contents maps the events of a conversation. They stand in no order.
// "Conversations content", Consumer Messaging History API.
func (m *mapper) contents(records []object) {
	var messages, statuses []object
	for _, r := range records {
		event := r.object("event")
		kind := eventType(event)
		who := r.object("originatorMetadata")
		role := who.word("role")
		all := attributes{}
		all.rest("originator.", who)
		for name, v := range all {
			r[name] = *v
		}
		if event.has("sequenceList") || kind == "AcceptStatusEvent" {
			statuses = append(statuses, status(r, event, role))
			continue
		}
		messages = append(messages, m.said(r, event, kind, role))
	}
	m.messages(messages)
	for _, s := range statuses {
		numbers, _ := s["sequenceList"].([]any)
		first := ""
		for i, n := range numbers {
			number := stringOf(saidOf(n))
			m.delivered(messageID(s.peek("dialogId"), number), s.peek("status"))
			if i == 0 {
				first = number
			}
		}
		m.event(statusEvent, s, first)
	}
}

var statusEvent = eventKind{kind: "message_status", time: "serverTimestamp", actor: "originatorId", names: []string{"dialogId", "status"}}

// status is a status as one object.
func status(r, event object, role string) object {
	for name, v := range event {
		r[name] = v
	}
	r["participantType"] = role
	if role != "" {
		r["role"] = role
	}
	return r
}

// said is a message as the account's API would have sent it.
func (m *mapper) said(r, event object, kind, role string) object {
	r["type"] = stringOf(cmp.Or(event.said("contentType"), orNil(kind)))
	r["timeL"], r["seq"], r["participantId"] = r.take("serverTimestamp"), r.take("sequence"), r.take("originatorId")
	r["sentBy"] = "Agent"
	if role == "CONSUMER" || role == "" && m.people[r.peek("participantId")].kind == typeContact {
		r["sentBy"] = "Consumer"
	}
	if role != "" {
		r["role"] = role
	}
	if dialog, n := saidOf(r["dialogId"]), saidOf(r["seq"]); dialog != nil && n != nil {
		r["messageId"] = messageID(*dialog, *n)
	}
	r["messageData"] = contentOf(event)
	for name, v := range event {
		r["event."+name] = v
	}
	return r
}

// messageID is how the account's API names message n of a dialog.
// "Conversations", messageId.
func messageID(dialog, n string) string { return "ms::dialog:" + dialog + "::msg:" + n }

// eventType is the type of an event, which it says, or which is the name of its only member; that is then unfolded.
func eventType(event object) string {
	if kind := event.word("type"); kind != "" {
		return kind
	}
	for name, v := range event {
		inner := asObject(v)
		if inner == nil || len(event) != 1 || !strings.HasSuffix(name, "Event") {
			return ""
		}
		delete(event, name)
		for field, v := range inner {
			event[field] = v
		}
		return name
	}
	return ""
}

// contentOf is what an event holds, as the account's API would say it.
func contentOf(event object) map[string]any {
	switch message := event.take("message").(type) {
	case nil:
	case map[string]any:
		if message["relativePath"] != nil {
			return map[string]any{"file": message}
		}
		return message
	default:
		return map[string]any{"msg": map[string]any{"text": message}}
	}
	if content := event.take("content"); content != nil {
		return map[string]any{"richContent": map[string]any{"content": content}}
	}
	return map[string]any{}
}

package liveperson

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/schemas"
)

// mapConsumer maps a conversation of a consumer's API: its row in the list and its messages.
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
	var sent object
	if content.Kind != "" {
		if sent, err = decodeObject(content.Body); err != nil {
			return schemas.Thread{}, fmt.Errorf("%s: %w", content.Kind, err)
		}
		m.at = content.ObservedAt
		m.contents(sent.list("messageEventRecords"))
		m.at = metadata.ObservedAt
	}
	m.consumerRow(o, sent)
	return m.finish(), nil
}

func (m *mapper) consumerRow(o, content object) {
	all := attributes{}
	c := schemas.Conversation{
		ConversationID: m.id,
		ObservedAt:     m.at,
		Status:         o.value("state"),
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
	dialogs := o.list("dialogs")
	csat := o.object("csat")
	m.consumerRating(csat, dialogs, c)
	for _, d := range dialogs {
		m.event(eventKind{kind: "dialog", time: "creationTs", names: []string{"dialogId"}}, d)
	}
	all.rest("csat.", csat)
	all.rest("content.", content)
	leftovers(all, o)
	c.Attributes = all.rows()
	m.Conversation = c
}

// consumerRating maps the consumer's answers after the conversation. The list has no times for them: the rated agent is the only
// agent, or the agent who wrote last before the survey.
func (m *mapper) consumerRating(csat object, dialogs []object, c schemas.Conversation) {
	score, confirmed := csat.number("csatRate"), csat.value("csatResolutionConfirmation")
	if score == nil && confirmed == nil {
		return
	}
	m.history = history{dialogs: map[string]dialog{}}
	for _, d := range dialogs {
		m.history.dialogs[d.peek("dialogId")] = dialog{d.peek("dialogType") == postSurvey, momentOf(d["creationTs"]), momentOf(d["endTs"])}
	}
	for _, p := range m.Participants {
		if p.Role == "assignee" {
			m.history.assign(nil, p.ParticipantID, "")
		}
	}
	for _, msg := range m.Messages {
		if msg.AuthorID != nil && stringOf(msg.Attributes["role"]) == assignedAgent {
			m.history.assign(msg.CreatedAt, *msg.AuthorID, stringOf(msg.Attributes["dialogId"]))
		}
	}
	rating := schemas.Rating{RatingID: "csat", Kind: "csat", Score: score}
	answer := ""
	if score != nil {
		answer = fmt.Sprint(*score)
	}
	m.locateRating(&rating, m.history.lastSurvey(), answer, c.ClosedAt)
	if confirmed != nil {
		question := "csatResolutionConfirmation"
		rating.Answers = []schemas.Answer{{Question: &question, Answer: confirmed}}
	}
	m.rate(rating)
}

// consumerPeople maps the participants. Roles are CONSUMER, ASSIGNED_AGENT, READER, MANAGER and CONTROLLER.
func (m *mapper) consumerPeople(o object) {
	met := map[string]attributes{} // attributes of the participants, by role and id
	for _, p := range o.list("participants") {
		id, role := p.word("id"), p.word("role")
		if id == "" {
			continue
		}
		if all := met[role+" "+id]; all != nil {
			all.more(p)
			continue
		}
		row := schemas.Participant{
			ConversationID: m.id, ParticipantID: id, ObservedAt: m.at, Type: cmp.Or(m.speaker(nil, role), "unknown"), Role: cmp.Or(role, "participant"),
			Attributes: map[string]*string{},
		}
		switch {
		case row.Type == typeContact:
			row.Role = typeContact
		case role == assignedAgent:
			row.Role = "assignee"
		}
		met[role+" "+id] = row.Attributes
		met[role+" "+id].more(p)
		if known := m.people[id].kind; role != "" && (known == "" || known == typeAgent) {
			m.people[id] = person{kind: row.Type}
		}
		m.Participants = append(m.Participants, row)
	}
}

// contents maps the events of a conversation, which are unordered. "Conversations content", Consumer Messaging History API.
func (m *mapper) contents(records []object) {
	var messages, statuses []object
	others := map[string][]object{} // by type
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
		if role != "" {
			r["role"] = role
		}
		switch {
		case event.has("sequenceList") || kind == "AcceptStatusEvent":
			statuses = append(statuses, status(r, event, role)...)
		case isContent(r, event, kind):
			messages = append(messages, m.asMessage(r, event, kind, role))
		default:
			others[kind] = append(others[kind], merged(r, event))
		}
	}
	m.messages(messages)
	for _, s := range statuses {
		m.event(statusEvent, s)
	}
	for _, kind := range slices.Sorted(maps.Keys(others)) {
		for _, s := range others[kind] {
			m.event(eventKind{kind: cmp.Or(snake(kind), "event"), time: "serverTimestamp", actor: "originatorId", names: []string{"dialogId"}}, s)
		}
	}
}

// isContent reports whether an event is a message: it has readable content, or its type says so.
func isContent(r, event object, kind string) bool {
	if slices.ContainsFunc([]string{"message", "content", "quickReplies"}, event.has) || kind == "" && r.has("sequence") {
		return true
	}
	return kind == "ContentEvent" || kind == "RichContentEvent"
}

// snake converts the type of an event to the kind of a row: ChatStateEvent becomes chat_state.
func snake(kind string) string {
	var b strings.Builder
	for i, c := range strings.TrimSuffix(kind, "Event") {
		if i > 0 && 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

var statusEvent = eventKind{kind: "message_status", time: "serverTimestamp", actor: "originatorId", names: []string{"messageId", "messageDeliveryStatus"}}

// status converts a status event to one status per message, in the format of the account's API.
func status(r, event object, role string) []object {
	all := merged(r, event)
	all["messageDeliveryStatus"] = all.take("status")
	if role != "" {
		all["participantType"] = role
	}
	numbers, ok := all["sequenceList"].([]any)
	if !ok || len(numbers) == 0 {
		return []object{all}
	}
	delete(all, "sequenceList")
	var each []object
	for _, n := range numbers {
		one := merged(all, nil)
		one["seq"] = n
		if number := valueOf(n); number != nil {
			one["messageId"] = messageID(one.peek("dialogId"), *number)
		}
		each = append(each, one)
	}
	return each
}

// merged returns a copy of o with the members of more. Members that o already has get the prefix "event.".
func merged(o, more object) object {
	all := object{}
	for name, v := range o {
		all[name] = v
	}
	for name, v := range more {
		if all.has(name) {
			name = "event." + name
		}
		all[name] = v
	}
	return all
}

// asMessage converts a message to the format of the account's API.
func (m *mapper) asMessage(r, event object, kind, role string) object {
	r["type"] = stringOf(cmp.Or(event.value("contentType"), orNil(kind)))
	r["timeL"], r["seq"], r["participantId"] = r.take("serverTimestamp"), r.take("sequence"), r.take("originatorId")
	r["sentBy"] = role
	if dialog, n := valueOf(r["dialogId"]), valueOf(r["seq"]); dialog != nil && n != nil {
		r["messageId"] = messageID(*dialog, *n)
	}
	r["messageData"] = contentOf(event)
	for name, v := range event {
		r["event."+name] = v
	}
	return r
}

// messageID returns the account API's id of message n of a dialog. "Conversations", messageId.
func messageID(dialog, n string) string { return "ms::dialog:" + dialog + "::msg:" + n }

// eventType returns the type of an event: its type field, or the name of its only member, which it then replaces by that member's
// fields.
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

// contentOf converts the content of an event to the format of the account's API.
func contentOf(event object) map[string]any {
	data := object{}
	switch message := event.take("message").(type) {
	case nil:
	case map[string]any:
		switch {
		case message["relativePath"] != nil:
			data["file"] = message
		case message["externalFileLink"] != nil:
			data["link"] = message
		default:
			data = merged(message, nil)
		}
	default:
		data["msg"] = map[string]any{"text": message}
	}
	if content := event.take("content"); content != nil {
		data["richContent"] = map[string]any{"content": content}
	}
	if replies := event.take("quickReplies"); replies != nil {
		data["quickReplies"] = replies
	}
	return data
}

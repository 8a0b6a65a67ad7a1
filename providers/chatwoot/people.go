package chatwoot

import (
	"fmt"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/schemas"
)

// participantRows adds the contact, the assignee and those who follow the conversation, each once in a role.
func participantRows(thread *schemas.Thread, doc schemas.Document, o object, docs []schemas.Document) error {
	seen := map[[3]string]bool{}
	add := func(doc schemas.Document, role, kind string, person object) {
		id := wire.Word(person["id"])
		key := [3]string{role, kind, id}
		if id == "" || seen[key] {
			return
		}
		seen[key] = true
		thread.Participants = append(thread.Participants, schemas.Participant{
			ConversationID: thread.Conversation.ConversationID,
			ParticipantID:  id,
			ObservedAt:     doc.ObservedAt,
			Type:           kind,
			Role:           role,
			Name:           wire.Text(person["name"]),
			Email:          wire.Text(person["email"]),
			Phone:          wire.Text(person["phone_number"]),
			Attributes:     personAttributes(kind, person),
		})
	}
	meta := wire.Fields(o["meta"])
	add(doc, "contact", "contact", wire.Fields(meta["sender"]))
	assignee, kind := wire.Fields(meta["assignee"]), "agent"
	if wire.Word(meta["assignee_type"]) == "AgentBot" || !wire.IsNull(assignee["bot_type"]) {
		kind = "bot"
	}
	add(doc, "assignee", kind, assignee)
	for _, doc := range docs {
		if doc.Kind != kindParticipants || doc.Status != statusOK {
			continue
		}
		rows, _, err := envelope(doc.Body)
		if err != nil {
			return fmt.Errorf("participants: %w", err)
		}
		for _, row := range rows {
			add(doc, "participant", "agent", wire.Fields(row))
		}
	}
	return nil
}

func personAttributes(kind string, person object) map[string]*string {
	all := attributes{}
	all.add("", person, "available_name", "role", "identifier", "availability_status")
	if kind == "contact" {
		all.addAll("custom.", wire.Fields(person["custom_attributes"]))
		all.addAll("additional.", wire.Fields(person["additional_attributes"]))
	}
	return all.rows()
}

// reportingRows adds what the server's reports say happened.
func reportingRows(thread *schemas.Thread, docs []schemas.Document) error {
	for _, doc := range docs {
		if doc.Kind != kindReporting || doc.Status != statusOK {
			continue
		}
		rows, _, err := envelope(doc.Body)
		if err != nil {
			return fmt.Errorf("reporting events: %w", err)
		}
		for i, row := range rows {
			o := wire.Fields(row)
			if o == nil {
				continue
			}
			id := wire.Word(o["id"])
			if id == "" {
				id = fmt.Sprintf("#%d", i)
			}
			event := schemas.Event{
				ConversationID: thread.Conversation.ConversationID,
				EventID:        "reporting:" + id,
				ObservedAt:     doc.ObservedAt,
				Kind:           wire.Word(o["name"]),
				CreatedAt:      moment(o["created_at"]),
				ActorID:        wire.Text(o["user_id"]),
			}
			if event.ActorID != nil {
				agent := "agent"
				event.ActorType = &agent
			}
			all := attributes{}
			all.add("", o, "value", "value_in_business_hours", "event_start_time", "event_end_time")
			event.Attributes = all.rows()
			thread.Events = append(thread.Events, event)
		}
	}
	return nil
}

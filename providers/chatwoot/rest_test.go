package chatwoot

import (
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// TestThreadKeepsRest adds unknown fields to every object of the documents of a conversation.
func TestThreadKeepsRest(t *testing.T) {
	conversation := sampleDoc(t, kindDetails, "42", "conversation_show_v4_14.json")
	thread := func(docs ...schemas.Document) any {
		rows, err := mapper().Thread(docs)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	inMessages := map[string]string{
		"":                      "-", // the page
		"meta":                  "-", // a copy of the conversation and its people
		"payload[]":             "Messages",
		"payload[].attachments": "Attachments",
		// The payloads of the parts contain the complete items.
		"payload[].content_attributes.items": "-",
	}
	tests := []struct {
		kind, file string
		tables     map[string]string
	}{
		{kindDetails, "conversation_show_v4_14.json", map[string]string{
			"": "Conversation", "meta.sender": "Participants", "meta.assignee": "Participants",
			"messages": "-", "last_non_activity_message": "-", // rows of their own
		}},
		{kindDetails, "conversation_show_seed.json", map[string]string{
			"": "Conversation", "meta.sender": "Participants", "meta.assignee": "Participants", "messages": "-",
		}},
		{kindMessages, "messages_latest.json", inMessages},
		{kindMessages, "messages_after_10005.json", inMessages},
		{kindParticipants, "participants.json", map[string]string{"": "Participants"}},
		{kindReporting, "reporting_events_conversation.json", map[string]string{"": "Events"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			providertest.KeepsRest(t, providertest.Sample(t, tt.file), tt.tables, func(body []byte) any {
				doc := schemas.Document{Kind: tt.kind, ConversationID: "42", Status: 200, ObservedAt: seenAt, Body: body}
				if tt.kind == kindDetails {
					return thread(doc)
				}
				return thread(conversation, doc)
			})
		})
	}
}

// TestSnapshotKeepsRest adds unknown fields to every object of the documents of the directory.
func TestSnapshotKeepsRest(t *testing.T) {
	tests := []struct {
		kind, file string
		tables     map[string]string
	}{
		{kindAgents, "agents.json", map[string]string{"": "Agents"}},
		{kindContacts, "contacts_list.json", map[string]string{"": "-", "meta": "-", "payload": "Contacts"}},
		{kindInboxes, "inboxes.json", map[string]string{"": "-", "payload": "Channels"}},
		{kindTeams, "teams.json", map[string]string{"": "Groups"}},
		{kindLabels, "labels_account.json", map[string]string{"": "-", "payload": "Labels"}},
		{kindFields, "custom_attribute_definitions.json", map[string]string{"": "Fields"}},
		// The contact and the agent have rows of their own in the directory.
		{kindSurveys, "csat_survey_responses.json", map[string]string{"": "Ratings", "[].contact": "-", "[].assigned_agent": "-"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			providertest.KeepsRest(t, providertest.Sample(t, tt.file), tt.tables, func(body []byte) any {
				s, err := mapper().Snapshot(schemas.Document{Kind: tt.kind, Status: 200, ObservedAt: seenAt, Body: body})
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

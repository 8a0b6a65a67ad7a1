package giosg

import (
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// TestThreadKeepsRest adds unknown fields to every object of the documents of a chat.
func TestThreadKeepsRest(t *testing.T) {
	const messages = `{"results":[
		{"id":"1","type":"msg","created_at":"2023-06-14T10:49:36Z","sender_type":"user","sender_id":"u","sender_avatar":{"id":"a"},"message":"hi","attachments":[
			{"id":"p","title":"t","image_url":"https://x/1","actions":[]},{"id":"f","file_url":"https://x/2","file_name":"f","size":1}]},
		{"id":"3","type":"action","sender_type":"visitor","response_to_action":{"id":"x","text":"Yes"}}]}`
	const cards = `{"results":[{"id":"1","attachments":[{"id":"c","title":"t","actions":[{"id":"x","text":"Yes"}]}]}]}`
	const events = `{"results":[{"id":"2","type":"join","sender_type":"user","sender_id":"u","sender_avatar":{"id":"a"},"attachments":[{"id":"c"}]}]}`
	members := string(providertest.Sample(t, "memberships.json"))
	tests := []struct {
		kind, body string
		tables     map[string]string
	}{
		{kindChat, string(providertest.Sample(t, "chat.json")), map[string]string{"": "Conversation"}},
		{kindMessages, messages, map[string]string{"": "-", "results": "Messages", "results[].attachments": "Attachments"}},
		{kindMessages, cards, map[string]string{"": "-", "results": "Messages", "results[].attachments": "Parts"}},
		{kindMessages, events, map[string]string{"": "-", "results": "Events"}},
		{kindMemberships, members, map[string]string{"": "-", "results": "Participants"}},
		{kindTags, string(providertest.Sample(t, "tags.json")), map[string]string{"": "-", "results": "Conversation"}},
		{kindVariables, string(providertest.Sample(t, "visitor_variables.json")), map[string]string{"": "-", "results": "Participants"}},
		{kindVisitor, `{"id":"v","browser":{"name":"b","engine":{"name":"e"}}}`, map[string]string{"": "Participants"}},
	}
	for _, tt := range tests {
		providertest.KeepsRest(t, []byte(tt.body), tt.tables, func(body []byte) any {
			docs := []schemas.Document{doc(tt.kind, string(body))}
			if tt.kind != kindChat {
				docs = append(docs, doc(kindChat, `{"id":"c"}`))
			}
			if tt.kind == kindVariables || tt.kind == kindVisitor {
				docs = append(docs, doc(kindMemberships, members))
			}
			thread, err := pure().Thread(docs)
			if err != nil {
				t.Fatal(err)
			}
			all := struct {
				Conversation schemas.Conversation
				Messages     []schemas.Message
				Participants []schemas.Participant
				Events       []schemas.Event
				Attachments  []schemas.Attachment
				Parts        []schemas.Part
			}{thread.Conversation, thread.Messages, thread.Participants, thread.Events, thread.Attachments, nil}
			for _, m := range thread.Messages {
				all.Parts = append(all.Parts, m.Parts...)
			}
			return all
		})
	}
}

func TestSnapshotKeepsRest(t *testing.T) {
	for kind, table := range map[string]string{kindRooms: "Channels", kindUsers: "Agents", kindTeams: "Groups"} {
		body := []byte(`{"results":[{"id":"1","name":"n","email":"e","role":"r","description":"d","settings":{"a":[{"b":1}]}}]}`)
		providertest.KeepsRest(t, body, map[string]string{"": "-", "results": table}, func(body []byte) any {
			rows, err := pure().Snapshot(doc(kind, string(body)))
			if err != nil {
				t.Fatal(err)
			}
			return rows
		})
	}
}

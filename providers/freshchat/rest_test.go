package freshchat

import (
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// TestThreadKeepsRest adds unknown fields to every object of the documents of a conversation.
func TestThreadKeepsRest(t *testing.T) {
	body := sampleDoc(t, kindConversation, "conversation_full.json")
	page := sampleDoc(t, kindMessages, "messages_page1.json")
	inMessages := map[string]string{
		"":           "-", // the page
		"link":       "-",
		"messages[]": "Messages",
		// Payloads contain the complete parts; see TestPartsKeepRest.
		"messages[].message_parts": "-", "messages[].reply_parts": "-",
	}
	for _, tt := range []struct {
		kind, file string
		tables     map[string]string
	}{
		{kindConversation, "conversation_full.json", map[string]string{"": "Conversation"}},
		{kindConversation, "conversation_sparse.json", map[string]string{"": "Conversation"}},
		{kindMessages, "messages_page1.json", inMessages},
		{kindMessages, "messages_page2_last.json", inMessages},
		{kindUser, "user.json", map[string]string{"": "Participants"}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			providertest.KeepsRest(t, providertest.Sample(t, tt.file), tt.tables, func(changed []byte) any {
				doc := sampleDoc(t, tt.kind, tt.file)
				doc.Body = changed
				thread, err := mapper().Thread([]schemas.Document{body, page, doc})
				if err != nil {
					t.Fatal(err)
				}
				return thread
			})
		})
	}
	for name, tt := range map[string]struct {
		kind, body string
		tables     map[string]string
	}{
		"created":    {kindCreated, `[{"conversation_id":"c1","created_at":"2025-01-01 00:00:00.0","group_name":"g"}]`, map[string]string{"": "-", "[]": "Conversation"}},
		"transcript": {kindTranscript, `{"from":"2025-01-01T00:00:00Z","to":"2025-01-02T00:00:00Z","rows":[{"message_id":"m1"},{"message_id":"new"}]}`, map[string]string{"": "-", "rows[]": "Messages"}},
	} {
		t.Run(name, func(t *testing.T) {
			providertest.KeepsRest(t, []byte(tt.body), tt.tables, func(changed []byte) any {
				thread, err := mapper().Thread([]schemas.Document{messagesDoc(`{"id":"m1"}`), doc(tt.kind, string(changed))})
				if err != nil {
					t.Fatal(err)
				}
				return thread
			})
		})
	}
	file := []byte(`{"messages":[{"id":"m","message_parts":[{"file":{"url":"u","name":"n","deep":{"a":1}}}]}]}`)
	providertest.KeepsRest(t, file, map[string]string{"": "-", "messages[]": "Messages", "messages[].message_parts[]": "-", "messages[].message_parts[].file": "Attachments"},
		func(changed []byte) any {
			thread, err := mapper().Thread([]schemas.Document{doc(kindMessages, string(changed))})
			if err != nil {
				t.Fatal(err)
			}
			return thread
		})
}

func TestSnapshotKeepsRest(t *testing.T) {
	for _, tt := range []struct {
		kind, file string
		tables     map[string]string
	}{
		{kindAgents, "agents_list.json", map[string]string{"": "-", "agents[]": "Agents"}},
		{kindUsers, "users_list.json", map[string]string{"": "-", "users[]": "Contacts"}},
		{kindGroups, "groups_list.json", map[string]string{"": "-", "groups[]": "Groups"}},
		{kindChannels, "channels_list.json", map[string]string{"": "-", "channels[]": "Channels"}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			providertest.KeepsRest(t, providertest.Sample(t, tt.file), tt.tables, func(changed []byte) any {
				rows, err := mapper().Snapshot(doc(tt.kind, string(changed)))
				if err != nil {
					t.Fatal(err)
				}
				return rows
			})
		})
	}
}

// A value that cannot be parsed becomes an attribute, and its column is null.
func TestUnreadableValuesAreKept(t *testing.T) {
	thread, err := mapper().Thread([]schemas.Document{
		doc(kindConversation, `{"conversation_id":"c1","created_time":"soon","updated_time":"later","properties":[7],"status":"parked"}`),
		messagesDoc(`{"id":"m1","created_time":"then","actor_type":"ghost","actor_id":"g","in_reply_to":"m0","meta_data":"x","reply_parts":{"a":1},"message_parts":"y",
			"msg_parts":[{"part_type":"FILE","properties":{"url":"u","file_size_in_bytes":"2 KB"}}]}`),
		doc(kindUser, `{"id":"g","properties":[{"name":"a","value":1},{"name":"a","value":2},{"value":3},"odd"],"avatar":"face","created_time":"once"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		row  map[string]*string
		want map[string]string
	}{
		"conversation": {thread.Conversation.Attributes, map[string]string{"created_time": "soon", "updated_time": "later", "properties": "[7]"}},
		"message": {thread.Messages[0].Attributes, map[string]string{
			"created_time": "then", "actor_type": "ghost", "in_reply_to": "m0", "meta_data": "x", "reply_parts": `{"a":1}`, "message_parts": "y",
		}},
		"attachment": {thread.Attachments[0].Attributes, map[string]string{"file_size_in_bytes": "2 KB"}},
		"participant": {thread.Participants[0].Attributes, map[string]string{
			"properties.a": "1", "properties.a#1": "2", "properties.2": "3", "properties.3": "odd", "avatar": "face", "created_time": "once",
		}},
	} {
		for key, want := range tt.want {
			if got := tt.row[key]; got == nil || *got != want {
				t.Errorf("%s: attribute %s is %v, want %q", name, key, got, want)
			}
		}
	}
	if c, m := thread.Conversation, thread.Messages[0]; c.State != nil || m.AuthorType != nil || m.Direction != nil || thread.Participants[0].Type != "contact" {
		t.Errorf("state %v, author %v, direction %v of unknown words", c.State, m.AuthorType, m.Direction)
	}
}

// TestPartsKeepRest looks for unknown fields of parts, also nested ones, in the payloads.
func TestPartsKeepRest(t *testing.T) {
	tables := map[string]string{"": "-", "message_parts": "Parts"}
	providertest.KeepsRest(t, providertest.Sample(t, "message_parts_catalog.json"), tables, func(changed []byte) any {
		thread, err := mapper().Thread([]schemas.Document{messagesDoc(string(changed))})
		if err != nil {
			t.Fatal(err)
		}
		var rows struct{ Parts []schemas.Part }
		for _, m := range thread.Messages {
			rows.Parts = append(rows.Parts, m.Parts...)
		}
		return rows
	})
}

package liveperson

import (
	"testing"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

// rows returns the rows of a thread, and separately the parts of its messages: members without a column are in their payloads.
type rows struct {
	Conversation schemas.Conversation
	Messages     []schemas.Message
	Participants []schemas.Participant
	Events       []schemas.Event
	Attachments  []schemas.Attachment
	Parts        []schemas.Part
}

func rowsOf(t *testing.T, docs ...schemas.Document) rows {
	thread, err := mapThread(docs)
	if err != nil {
		t.Fatal(err)
	}
	all := rows{thread.Conversation, thread.Messages, thread.Participants, thread.Events, thread.Attachments, nil}
	for _, m := range thread.Messages {
		all.Parts = append(all.Parts, m.Parts...)
	}
	return all
}

// TestThreadKeepsRest adds unknown fields to every object of a record and of a consumer's responses.
func TestThreadKeepsRest(t *testing.T) {
	record := func(body []byte) any { return rowsOf(t, doc(kindRecord, "C", string(body))) }
	tables := map[string]string{
		"": "Conversation", "messageRecords": "Messages", "messageRecords[].messageData": "Parts",
		"messageRecords[].messageData.msg": "Messages", "messageRecords[].messageData.richContent": "Messages", "messageRecords[].messageData.quickReplies": "Messages",
		"messageRecords[].messageData.file": "Attachments", "messageRecords[].messageData.link": "Attachments",
		"sdes.events": "Events", "unAuthSdes.events": "Events", "coBrowseSessions.coBrowseSessionsList": "Events",
	}
	for _, k := range eventKinds {
		if k.inner == "" {
			tables[k.list] = "Events"
		}
	}
	providertest.KeepsRest(t, providertest.Sample(t, "fields_record.json"), tables, record)
	providertest.KeepsRest(t, []byte(`{"agentParticipants":[{"agentId":"1","contextData":{"a":1}}],"agentParticipantsLeave":[{"agentId":"2"}],
		"agentParticipantsActive":[{"agentId":"3"}],"consumerParticipants":[{"participantId":"c","participantInfo":{"a":1}}]}`),
		map[string]string{"": "Conversation", "agentParticipants": "Participants", "agentParticipantsLeave": "Participants",
			"agentParticipantsActive": "Participants", "consumerParticipants": "Participants"}, record)

	metadata, content := providertest.Sample(t, "fields_consumer_metadata.json"), providertest.Sample(t, "fields_consumer_content.json")
	providertest.KeepsRest(t, metadata, map[string]string{"": "Conversation", "participants": "Participants", "dialogs": "Events"}, func(body []byte) any {
		return rowsOf(t, doc(kindMetadata, "C", string(body)), doc(kindContent, "C", string(content)))
	})
	for _, event := range []struct{ body, message, table string }{
		{`{"type":"ContentEvent","contentType":"text/plain","message":"hi"}`, "-", "Messages"},
		{`{"type":"ContentEvent","contentType":"hosted/file","message":{"relativePath":"x"}}`, "Attachments", "Messages"},
		{`{"type":"ContentEvent","contentType":"forms/secure-invitation","message":{"formId":"x"}}`, "Parts", "Messages"},
		{`{"type":"AcceptStatusEvent","status":"READ","sequenceList":[0]}`, "-", "Events"},
		{`{"type":"ChatStateEvent","chatState":"COMPOSING"}`, "-", "Events"},
	} {
		body := `{"messageEventRecords":[{"sequence":0,"dialogId":"D","originatorId":"a","serverTimestamp":1790846150000,"originatorMetadata":{"role":"READER"},"event":` + event.body + `}]}`
		tables := map[string]string{"": "Conversation", "messageEventRecords": event.table, "messageEventRecords[].event.message": event.message}
		providertest.KeepsRest(t, []byte(body), tables, func(body []byte) any {
			return rowsOf(t, doc(kindMetadata, "C", `{}`), doc(kindContent, "C", string(body)))
		})
	}
}

func TestSnapshotKeepsRest(t *testing.T) {
	for kind, table := range map[string]string{kindUsers: "Agents", kindSkills: "Groups", kindAgentGroups: "Groups"} {
		body := []byte(`[{"id":1,"name":"n","fullName":"f","email":"e","memberOf":{"agentGroupId":"3"},"profiles":[{"id":"p"}]}]`)
		providertest.KeepsRest(t, body, map[string]string{"": table}, func(body []byte) any {
			rows, err := pure().Snapshot(doc(kind, "", string(body)))
			if err != nil {
				t.Fatal(err)
			}
			return rows
		})
	}
}

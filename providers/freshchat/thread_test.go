package freshchat

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

func mapper() mapping { return mapping{} }

func TestThreadOfSamples(t *testing.T) {
	second := sampleDoc(t, kindMessages, "messages_page2_last.json")
	second.Sequence = 1
	user := sampleDoc(t, kindUser, "user.json")
	both := []schemas.Document{
		sampleDoc(t, kindConversation, "conversation_full.json"), transcriptDoc(t), user,
		sampleDoc(t, kindMessages, "messages_page1.json"), second,
	}
	catalog := doc(kindMessages, `{"messages":[{"id":"m1","actor_type":"agent","actor_id":"a1","message_type":"normal","created_time":"2025-01-01T00:00:00.000Z",`+
		strings.TrimPrefix(strings.TrimSpace(string(providertest.Sample(t, "message_parts_catalog.json"))), "{")+`]}`)
	sparse := doc(kindConversation, string(providertest.Sample(t, "conversation_sparse.json")))
	webhook := func(file string) schemas.Document {
		message := wire.Field(wire.Field(providertest.Sample(t, file), "data"), "message")
		return doc(kindMessages, `{"messages":[`+string(message)+`]}`)
	}
	tests := []struct {
		name string
		docs []schemas.Document
	}{
		{"both", both},
		{"rest", []schemas.Document{both[0], both[3], both[4], user}},
		{"transcript", []schemas.Document{transcriptDoc(t), {Kind: kindMessages, Status: 204, ObservedAt: seenAt}}},
		{"sparse", []schemas.Document{sparse, doc(kindMessages, `{"messages":[]}`)}},
		{"parts", []schemas.Document{sparse, catalog}},
		{"webhook", []schemas.Document{webhook("webhook_message_create.json")}},
		{"gone", []schemas.Document{both[0], {Kind: kindMessages, ConversationID: "c1", Status: 404, ObservedAt: seenAt}}},
		{"refused", []schemas.Document{
			{Kind: kindConversation, ConversationID: "c1", Status: 400, ObservedAt: seenAt}, transcriptDoc(t),
			{Kind: kindMessages, ConversationID: "c1", Status: 400, ObservedAt: seenAt},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			thread, err := mapper().Thread(tt.docs)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, "thread_"+tt.name, thread)
		})
	}
}

func messagesDoc(rows string) schemas.Document { return doc(kindMessages, `{"messages":[`+rows+`]}`) }

func transcript(rows string) schemas.Document {
	return doc(kindTranscript, `{"from":"2025-01-01T00:00:00Z","to":"2025-01-02T00:00:00Z","rows":[`+rows+`]}`)
}

func ids(thread schemas.Thread) []string {
	var all []string
	for _, m := range thread.Messages {
		all = append(all, m.MessageID)
	}
	return all
}

// Messages of the lanes are matched by id, or by time and actor if a row has no id. The rest is counted.
func TestLanes(t *testing.T) {
	rest := messagesDoc(`{"id":"m1","actor_type":"user","actor_id":"u","created_time":"2025-01-01T10:00:00.500Z"},
		{"id":"m2","actor_type":"agent","actor_id":"a","created_time":"2025-01-01T11:00:00.000Z"},
		{"id":"m3","actor_type":"agent","actor_id":"a","created_time":"2025-01-02T11:00:00.000Z"}`)
	rows := transcript(`{"Message_ID":"m1","created_time":"2025-01-01 10:00:00.5","actor_type":"USER","actor_id":"u","detailed_message_type":"NORMAL"},
		{"message_id":"","created_time":"2025-01-01 11:00:00.0","actor_type":"agent","actor_id":"a","actor_first_name":"Ana"},
		{"message_id":"m9","created_time":"2025-01-01 12:00:00.0","actor_type":"Bot","actor_id":"b","message_parts":"[{\"text\":{\"content\":\"hi\"}}]"},
		{"created_time":"2025-01-01 12:00:00.0","actor_type":"bot","actor_id":"b","message":"plain"},
		{"created_time":"2025-01-01 12:00:00.0","actor_type":"bot","actor_id":"b","message_parts":"not JSON"}`)
	thread, err := mapper().Thread([]schemas.Document{rows, rest})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"m1", "m2", "m9", "row:20250101T120000.000:b", "row:20250101T120000.000:b#2", "m3"}
	if diff := cmp.Diff(want, ids(thread)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	c := thread.Conversation
	if *c.StatedMessages != 3 || *c.Attributes["transcript_only"] != "3" || c.Attributes["rest_only"] != nil {
		t.Errorf("%d agreed, attributes %v", *c.StatedMessages, c.Attributes)
	}
	if m := thread.Messages[2]; *m.Attributes["lane"] != "transcript" || *m.Text != "hi" || *m.AuthorType != "bot" || *thread.Messages[3].Text != "plain" || *thread.Messages[4].Text != "not JSON" {
		t.Errorf("%+v", m)
	}
	if *thread.Messages[5].AuthorName != "Ana" || thread.Messages[5].Attributes["lane"] != nil {
		t.Error("the transcript's name of an actor is used for all messages of it")
	}
	thread, err = mapper().Thread([]schemas.Document{transcript(""), rest})
	if err != nil || *thread.Conversation.Attributes["rest_only"] != "2" || *thread.Conversation.StatedMessages != 1 {
		t.Errorf("an empty transcript: %v, %v", thread.Conversation.Attributes, err)
	}
}

// The time of creation comes from the body, or else from Conversation-Created without reopened conversations, or else from messages,
// rows and the contact, in this order.
func TestCreatedAt(t *testing.T) {
	body := doc(kindConversation, `{"conversation_id":"c1","created_time":"2025-01-01T01:00:00Z"}`)
	bare := doc(kindConversation, `{"conversation_id":"c1"}`)
	created := doc(kindCreated, `[{"created_at":"2025-01-01 00:30:00.0","reopened":"true"},{"Created_At":"2025-01-01 02:00:00.0","reopened":"false"}]`)
	reopened := doc(kindCreated, `[{"created_at":"2025-01-01 06:00:00.0","reopened":"true"}]`)
	message := messagesDoc(`{"id":"m","created_time":"2025-01-01T03:00:00Z"}`)
	row := transcript(`{"message_id":"m","created_time":"2025-01-01 04:00:00"}`)
	user := doc(kindUser, `{"id":"u","created_time":"2025-01-01T05:00:00Z"}`)
	for hour, docs := range map[int][]schemas.Document{
		1: {body, created, message, row, user},
		2: {bare, created, message, row, user},
		3: {bare, reopened, message, row, user},
		4: {bare, reopened, row, user},
		5: {bare, user},
		6: {bare, reopened, user},
	} {
		thread, err := mapper().Thread(docs)
		if err != nil || thread.Conversation.CreatedAt == nil || thread.Conversation.CreatedAt.Hour() != hour {
			t.Errorf("hour %d: %v, %v", hour, thread.Conversation.CreatedAt, err)
		}
	}
	if thread, err := mapper().Thread([]schemas.Document{bare}); err != nil || thread.Conversation.CreatedAt != nil {
		t.Errorf("no source has a time of creation: %v, %v", thread.Conversation.CreatedAt, err)
	}
}

// Missing, null and oddly typed fields are null, never an error.
func TestOddFields(t *testing.T) {
	for _, row := range []string{
		`{}`, `null`, `[]`, `"x"`, `{"id":null,"message_parts":null}`, `{"id":7,"created_time":1,"actor_type":{},"message_parts":"x"}`,
		`{"id":"m","message_parts":[null,"plain",7,{"text":"hi"},{"text":null,"image":{"url":5}},{"part_type":"TEXT","properties":{"content":"old"}}]}`,
		`{"id":"m","message_type":"NORMAL","actor_type":"Robot","in_reply_to":"m0","meta_data":"x","reply_parts":{"a":1},"created_time":"12345-01-01"}`,
		`{"id":"m","msg_parts":[{"part_type":"image","properties":{"url":"https://e.example/a%20b.png"}}],"meta_data":{"isResolved":"true"},"message_type":"system"}`,
	} {
		thread, err := mapper().Thread([]schemas.Document{doc(kindConversation, `{"conversation_id":5,"properties":[1],"status":{"a":1}}`), messagesDoc(row)})
		if err != nil {
			t.Errorf("%s: %v", row, err)
		}
		for _, m := range thread.Messages {
			if m.MessageID == "" || m.Kind == "" || m.ConversationID != "c1" {
				t.Errorf("%s: %+v", row, m)
			}
		}
	}
	for _, bad := range []schemas.Document{doc(kindConversation, `{`), doc(kindConversation, `[]`), doc(kindMessages, `{"a":1}`), doc(kindTranscript, `{"rows":{}}`), doc(kindTranscript, `{"rows":[1]}`), doc(kindCreated, `x`), doc(kindUser, `1`), doc(kindMessages, ``)} {
		if _, err := mapper().Thread([]schemas.Document{bad}); err == nil {
			t.Errorf("%s %s is accepted", bad.Kind, bad.Body)
		}
	}
	if _, err := mapper().Thread(nil); err == nil {
		t.Error("an empty list of documents is accepted")
	}
}

// The transcript lane marks conversations that may continue after the transcript.
func TestMayContinue(t *testing.T) {
	for row, want := range map[string]bool{
		`{"message_id":"m","created_time":"2025-01-01 00:00:00.0"}`: true, // within the last day of the range
		``: false,
	} {
		thread, err := mapper().Thread([]schemas.Document{transcript(row)})
		if err != nil || (thread.Conversation.Attributes["transcript_may_continue"] != nil) != want || thread.Conversation.StatedMessages != nil {
			t.Errorf("%q: %v, %v", row, thread.Conversation.Attributes, err)
		}
	}
}

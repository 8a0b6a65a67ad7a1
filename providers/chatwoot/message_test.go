package chatwoot

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/schemas"
)

// one maps a conversation with one message and returns the message's row and the thread.
func one(t *testing.T, message string) (schemas.Message, schemas.Thread) {
	t.Helper()
	thread, err := mapper().Thread([]schemas.Document{doc(kindConversation, `{"id":9,"meta":{"assignee":{"id":22}}}`), doc(kindMessages, `[`+message+`]`)})
	if err != nil || len(thread.Messages) != 1 {
		t.Fatalf("%d messages, error %v", len(thread.Messages), err)
	}
	return thread.Messages[0], thread
}

// The text is what a reader sees, wherever the server puts it; HTML goes to the html column.
func TestWordsOfMessages(t *testing.T) {
	tests := []struct{ sent, text, html string }{
		{`"content":"Pick","content_type":"input_select","content_attributes":{"items":[{"title":"Blue","value":"b"},{"title":"Red","value":"r"}]}`, "Pick\nBlue\nRed", ""},
		{`"content_type":"cards","content_attributes":{"items":[{"title":"Shoe","description":"40","actions":[{"text":"View"},{"text":"Add"}]}]}`, "Shoe\n40\nView\nAdd", ""},
		{`"content":"About you","content_type":"form","content_attributes":{"items":[{"label":"E-mail","name":"email"}]}`, "About you\nE-mail", ""},
		{`"content":"Read","content_type":"article","content_attributes":{"items":[{"title":"Returns","description":"How to"}]}`, "Read\nReturns\nHow to", ""},
		{`"attachments":[{"id":1,"file_type":"location","fallback_title":"Station"}]`, "Station", ""},
		{`"content":"Station","attachments":[{"id":1,"file_type":"location","fallback_title":"Station"}]`, "Station", ""},
		{`"attachments":[{"id":1,"file_type":"image","fallback_title":"a.png"}]`, "", ""},
		{`"content_type":"incoming_email","content_attributes":{"email":{"text_content":{"full":"Hi\n> was","reply":"Hi"}}}`, "Hi\n> was", ""},
		{`"content_type":"incoming_email","content_attributes":{"email":{"html_content":{"full":"<p>Hi <b>Ada</b></p>"}}}`, "Hi Ada", "<p>Hi <b>Ada</b></p>"},
		{`"content_type":"incoming_email","content":"Hi <b>Ada</b> &amp; Bo<br>bye"`, "Hi Ada & Bo\nbye", "Hi <b>Ada</b> &amp; Bo<br>bye"},
		{`"content_type":"incoming_email","content":"why <b>bold</b>?","content_attributes":{"email":{"text_content":{"full":"why <b>bold</b>?"}}}`, "why <b>bold</b>?", ""},
		{`"content_type":"text","content":"<p>Hi</p>\n<p>Ada</p>"`, "Hi\nAda", "<p>Hi</p>\n<p>Ada</p>"},
		{`"content_type":"text","content":"what does <p> do? and </p>?"`, "what does <p> do? and </p>?", ""},
	}
	for _, tt := range tests {
		m, _ := one(t, `{"id":1,"message_type":1,`+tt.sent+`}`)
		if word(m.Text) != tt.text || word(m.HTML) != tt.html {
			t.Errorf("{%s} has text %q, html %q; want %q, %q", tt.sent, word(m.Text), word(m.HTML), tt.text, tt.html)
		}
	}
}

// Only addresses of files on the server contain file names.
func TestNamesOfFiles(t *testing.T) {
	tests := map[string]string{
		`"data_url":"https://chat.example.com/rails/active_storage/blobs/redirect/eyJ/c%20d.pdf?disposition=inline"`: "c d.pdf",
		`"data_url":"https://chat.example.com/rails/active_storage/disk/eyJ/voice.ogg"`:                              "voice.ogg",
		`"data_url":"https://lookaside.fbsbx.com/ig_messaging_cdn/?asset_id=1"`:                                      "",
		`"data_url":"https://scontent.example.com/v/t1/123_n.jpg?x=1"`:                                               "",
		`"data_url":"https://l.facebook.com/l.php?u=x","fallback_title":"A shop"`:                                    "A shop",
		`"data_url":"https://chat.example.com/rails/%zz"`:                                                            "",
		`"file_type":"file"`: "",
	}
	for sent, want := range tests {
		m, thread := one(t, `{"id":1,"attachments":[{"id":2,`+sent+`}]}`)
		if word(thread.Attachments[0].Name) != want || word(m.Parts[0].Name) != want {
			t.Errorf("{%s} has the name %q, want %q", sent, word(thread.Attachments[0].Name), want)
		}
	}
}

// Messages are sorted by the original time of an imported message. The server's time is kept as an attribute.
func TestImportedMessages(t *testing.T) {
	for sent, want := range map[string]string{
		`"2024-01-02 10:00:00 UTC"`: "2024-01-02T10:00:00Z", `"2024-01-02T12:00:00+02:00"`: "2024-01-02T10:00:00Z", `1704189600`: "2024-01-02T10:00:00Z",
		`"2024-01-02 12:00:00 +0200"`: "2024-01-02T10:00:00Z", `"2024-01-02 10:00:00"`: "2024-01-02T10:00:00Z",
		`"2024-01-02 12:00:00 +02:00"`: "2024-01-02T10:00:00Z", `"2024-01-02T12:00:00+0200"`: "2024-01-02T10:00:00Z",
		`"Tue, 02 Jan 2024 10:00:00 UTC"`: "2024-01-02T10:00:00Z", `"Tue, 02 Jan 2024 12:00:00 +0200"`: "2024-01-02T10:00:00Z",
		`"2024-01-02 10:00:00 CET"`: "2025-10-09T08:53:31Z", `"soon"`: "2025-10-09T08:53:31Z", `null`: "2025-10-09T08:53:31Z",
	} {
		m, _ := one(t, `{"id":1,"created_at":1760000011,"content_attributes":{"external_created_at":`+sent+`}}`)
		if got := m.CreatedAt.Format(time.RFC3339); got != want {
			t.Errorf("%s was written at %s, want %s", sent, got, want)
		}
		if server := word(m.Attributes["created_at"]); (server == "1760000011") != (m.CreatedAt.Year() == 2024) {
			t.Errorf("%s: the server's time is kept as %q", sent, server)
		}
	}
}

// A rating names only the people in the survey's own row. An answer that is not a score stays an answer.
func TestRatings(t *testing.T) {
	_, thread := one(t, `{"id":1,"content_type":"input_csat","content_attributes":{"submitted_values":{"csat_survey_response":{"rating":"superb","feedback_message":"ok"}}}}`)
	r := thread.Ratings[0]
	if r.Score != nil || r.AgentID != nil || r.AnsweredAt != nil || *r.Comment != "ok" || len(r.Answers) != 1 || *r.Answers[0].Question != "rating" || *r.Answers[0].Answer != "superb" {
		t.Errorf("the rating is %+v", r)
	}
	if _, thread = one(t, `{"id":1,"content_attributes":{"submitted_values":{"csat_survey_response":{}}}}`); thread.Ratings != nil {
		t.Errorf("an unanswered survey has the ratings %+v", thread.Ratings)
	}
	s, err := mapper().Snapshot(doc(kindSurveys, `[{"id":8,"rating":2,"conversation_id":9,"created_at":1760003600},{"id":9,"rating":4,"message_id":1,"conversation_id":9,"assigned_agent":{"id":21},"csat_review_notes":"call"}]`))
	if err != nil || len(s.Ratings) != 2 {
		t.Fatalf("%d ratings, error %v", len(s.Ratings), err)
	}
	if r := s.Ratings[0]; r.RatingID != "survey:8" || r.AgentID != nil || r.AnsweredAt.Unix() != 1760003600 {
		t.Errorf("the rating without a message is %+v", r)
	}
	if r := s.Ratings[1]; r.RatingID != "1" || *r.AgentID != "21" || *r.Answers[0].Answer != "call" {
		t.Errorf("the rating of a message is %+v", r)
	}
}

// Bots are distinguished from agents, unknown types stay unknown, and each author is a participant once.
func TestKindsOfParticipants(t *testing.T) {
	thread, err := mapper().Thread([]schemas.Document{
		doc(kindConversation, `{"id":9,"meta":{"sender":{"id":1},"assignee":{"id":2},"assignee_type":"Captain::Assistant"}}`),
		doc(kindParticipants, `[{"id":3},{"id":3},{"id":4,"bot_type":"webhook"},{"id":5,"type":"alien"}]`),
		doc(kindMessages, `[{"id":1,"sender":{"id":1,"type":"contact"}},{"id":2,"sender":{"id":6,"type":"agent_bot","avatar_url":"a"}},
			{"id":3,"sender":{"id":6,"type":"agent_bot"}},{"id":4,"sender":{"id":3,"type":"user"}},{"id":5,"sender":{"id":7,"type":"alien"}},
			{"id":6,"sender":{"id":2,"type":"captain_assistant"}}]`),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range thread.Participants {
		got = append(got, p.Role+" "+p.Type+" "+p.ParticipantID)
	}
	want := []string{
		"contact contact 1", "assignee bot 2", "participant agent 3", "participant bot 4", "participant unknown 5", "sender bot 6", "sender unknown 7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Messages repeat no detail of a sender that the participant's row contains; they keep details that differ.
func TestDetailsOfSenders(t *testing.T) {
	thread, err := mapper().Thread([]schemas.Document{
		doc(kindConversation, `{"id":9,"meta":{"sender":{"id":1,"email":"a@example.org","thumbnail":"t","custom_attributes":{"a":1}}}}`),
		doc(kindMessages, `[{"id":1,"sender":{"id":1,"type":"contact","email":"a@example.org","avatar_url":"t","availability_status":"online","custom_attributes":{"a": 1}}},
			{"id":2,"sender":{"id":1,"type":"contact","email":"b@example.org","custom_attributes":{"a":2},"future":{"x":1}}},
			{"id":3,"sender":"nobody"}]`),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]string{
		{}, {"sender.email": "b@example.org", "sender.custom_attributes": `{"a":2}`, "sender.future": `{"x":1}`}, {"sender": "nobody"},
	}
	for i, m := range thread.Messages {
		got := map[string]string{}
		for key, v := range m.Attributes {
			got[key] = *v
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("message %s (-want +got):\n%s", m.MessageID, diff)
		}
	}
}

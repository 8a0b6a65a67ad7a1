package chatwoot

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

func pure() *account { return &account{} }

func doc(kind, body string) schemas.Document {
	return schemas.Document{Kind: kind, ConversationID: "9", Status: 200, ObservedAt: seenAt, Body: []byte(body)}
}

func TestMoment(t *testing.T) {
	tests := map[string]string{
		`1792000900`:                  "2026-10-14T18:01:40Z",
		`1792000900.123456`:           "2026-10-14T18:01:40.123456Z",
		`1792000900.5`:                "2026-10-14T18:01:40.5Z",
		`1.7920009e9`:                 "2026-10-14T18:01:40Z",
		`"1792000900"`:                "2026-10-14T18:01:40Z",
		`"1792000900.25"`:             "2026-10-14T18:01:40.25Z",
		`"2026-10-14T18:01:40.123Z"`:  "2026-10-14T18:01:40.123Z",
		`"2026-10-14T20:01:40+02:00"`: "2026-10-14T18:01:40Z",
		`"2026-10-14 18:01:40 UTC"`:   "2026-10-14T18:01:40Z",
		`"2026-10-14"`:                "2026-10-14T00:00:00Z",
		`0`:                           "", `"0"`: "", `0.0`: "", `null`: "", `""`: "", `-5`: "", `"soon"`: "", `true`: "", `[1]`: "", `{}`: "",
		`1e400`: "", `1e300`: "", `9223372036854775807`: "", `"Inf"`: "", `"0x1p3"`: "", `"1_000"`: "",
	}
	for sent, want := range tests {
		got := ""
		if at := moment(value(sent)); at != nil {
			got = at.Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("moment(%s) = %q, want %q", sent, got, want)
		}
	}
}

func TestText(t *testing.T) {
	tests := map[string]string{
		`"a\u00e9\n"`: "aé\n", `""`: "", `null`: "", `7`: "7", `9007199254740993`: "9007199254740993", `1.50`: "1.50", `true`: "true", `false`: "false",
		`{ "b" : 1,  "a":[ ] }`: `{"b":1,"a":[]}`, `[]`: "[]", `{}`: "{}", `"\ud800"`: "\ufffd", "\"\xff\"": "\ufffd", "[\"\xff\"]": "[\"\ufffd\"]", ``: "",
	}
	for sent, want := range tests {
		if got := wire.Word(value(sent)); got != want {
			t.Errorf("text(%s) = %q, want %q", sent, got, want)
		}
	}
}

// TestOddFields has fields of other types than usual: each costs at most its own value.
func TestOddFields(t *testing.T) {
	docs := []schemas.Document{
		doc(kindConversation, `{"id":"9","created_at":"2026-01-02T03:04:05Z","status":3,"meta":[],"labels":"billing","custom_attributes":"{\"a\":1}",
			"additional_attributes":null,"updated_at":{},"inbox_id":4.0,"priority":false,"last_activity_at":"never","uuid":[1]}`),
		doc(kindMessages, `[{"id":9007199254740993,"message_type":"incoming","created_at":"1767323045","content":5,"private":"true","sender":[],
				"attachments":{"id":1},"content_attributes":"{\"deleted\":\"true\",\"in_reply_to\":77}"},
			{"id":9007199254740992,"message_type":"9","created_at":null,"sender":{"id":3,"type":"alien"},"attachments":[1,{"data_url":"https://x.example.com/a%20b/c%20d.pdf?sig=1"}],
				"content_attributes":{"submitted_values":[{"name":"x"}],"items":[3,{"title":1}]}},
			null]`),
	}
	thread, err := pure().Thread(docs)
	if err != nil {
		t.Fatal(err)
	}
	c := thread.Conversation
	if c.State != nil || *c.Status != "3" || c.Tags != nil || c.UpdatedAt != nil || *c.ChannelID != "4.0" || *c.Attributes["custom.a"] != "1" || *c.Attributes["uuid"] != "[1]" {
		t.Errorf("the conversation is %+v", c)
	}
	if len(thread.Messages) != 2 || thread.Messages[0].MessageID != "9007199254740992" || thread.Messages[1].MessageID != "9007199254740993" {
		t.Fatalf("the messages are %+v", thread.Messages)
	}
	odd, in := thread.Messages[0], thread.Messages[1]
	if odd.Kind != "9" || *odd.Direction != "none" || odd.AuthorType != nil || *odd.AuthorID != "3" || len(odd.Parts) != 3 || odd.Parts[0].Name != nil {
		t.Errorf("the message of unknown kind is %+v", odd)
	}
	if in.Kind != "message" || *in.Direction != "in" || *in.Text != "5" || !in.IsPrivate || !in.IsDeleted || *in.ReplyTo != "77" || in.AuthorType != nil {
		t.Errorf("the incoming message is %+v", in)
	}
	if len(thread.Tombstones) != 1 || len(thread.Attachments) != 1 || thread.Attachments[0].AttachmentID != "9007199254740992/1" || thread.Ratings != nil {
		t.Errorf("the other rows are %+v %+v %+v", thread.Tombstones, thread.Attachments, thread.Ratings)
	}
}

func TestKindsOfMessages(t *testing.T) {
	tests := []struct{ sent, direction, kind, author string }{
		{`"message_type":0,"sender":{"type":"contact"}`, "in", "message", "contact"},
		{`"message_type":"outgoing","sender":{"type":"user"}`, "out", "message", "agent"},
		{`"message_type":1,"private":true,"sender":{"type":"user"}`, "none", "note", "agent"},
		{`"message_type":1,"sender":{"type":"agent_bot"}`, "out", "message", "bot"},
		{`"message_type":1,"sender":{"type":"captain_assistant"}`, "out", "message", "bot"},
		{`"message_type":1`, "out", "message", "system"},
		{`"message_type":1,"content_attributes":{"external_echo":true}`, "out", "message", "agent"},
		{`"message_type":1,"content_attributes":{"automation_rule_id":3}`, "out", "message", "system"},
		{`"message_type":1,"private":true,"content_attributes":{"automation_rule_id":3},"sender":{"id":1,"type":"user"}`, "none", "note", "system"},
		{`"message_type":1,"sender":{"id":1,"type":"alien"}`, "out", "message", ""},
		{`"message_type":1,"sender":{"id":1},"sender_type":"Captain::Assistant"`, "out", "message", "bot"},
		{`"message_type":0,"sender":{"type":"contact"},"content_attributes":{"image_type":"story_mention"}`, "none", "activity", "contact"},
		{`"message_type":0,"sender":{"type":"contact"},"attachments":[{"id":1,"file_type":"story_mention"}]`, "none", "activity", "contact"},
		{`"message_type":0,"sender":{"type":"contact"},"content_attributes":{"image_type":"ig_story_reply"}`, "in", "message", "contact"},
		{`"message_type":2`, "none", "activity", "system"},
		{`"message_type":"template"`, "out", "template", "system"},
		{`"message_type":3,"sender":{"type":"agent_bot"}`, "out", "template", "bot"},
		{`"message_type":0,"private":true`, "in", "message", ""},
		{`"message_type":4`, "none", "4", ""},
		{`"x":0`, "none", "message", ""},
	}
	for _, tt := range tests {
		thread, err := pure().Thread([]schemas.Document{doc(kindConversation, `{"id":9}`), doc(kindMessages, `{"payload":[{"id":1,`+tt.sent+`}]}`)})
		if err != nil {
			t.Fatal(err)
		}
		m := thread.Messages[0]
		author := ""
		if m.AuthorType != nil {
			author = *m.AuthorType
		}
		if *m.Direction != tt.direction || m.Kind != tt.kind || author != tt.author {
			t.Errorf("{%s} is %s %s by %s, want %s %s by %s", tt.sent, *m.Direction, m.Kind, author, tt.direction, tt.kind, tt.author)
		}
	}
}

// A message that stands in two windows is one row, as it was seen last, wherever its window stands among the documents.
func TestMessageSeenTwice(t *testing.T) {
	early := doc(kindMessages, `{"payload":[{"id":1,"content":"old","created_at":5}]}`)
	late := doc(kindMessages, `{"payload":[{"id":1,"content":"new","created_at":5},{"id":2,"created_at":4}]}`)
	late.ObservedAt, late.Sequence = seenAt.Add(time.Second), 1
	conversation := doc(kindConversation, `{"id":9}`)
	for _, docs := range [][]schemas.Document{{conversation, early, late}, {late, early, conversation}} {
		thread, err := pure().Thread(docs)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range thread.Messages {
			got = append(got, fmt.Sprintf("%d %s %s", m.Sequence, m.MessageID, m.ObservedAt.Sub(seenAt)))
		}
		if diff := cmp.Diff([]string{"0 2 1s", "1 1 1s"}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDocumentsThatAreNone(t *testing.T) {
	conversation := doc(kindConversation, `{"id":9}`)
	tests := map[string][]schemas.Document{
		"nothing":                {},
		"no conversation":        {doc(kindMessages, `[]`)},
		"conversation cut":       {doc(kindConversation, `{"id":9,"body-marker":`)},
		"conversation is a list": {doc(kindConversation, `["body-marker"]`)},
		"messages cut":           {conversation, doc(kindMessages, `{"payload":[{"id":1,"content":"body-marker"`)},
		"messages of no shape":   {conversation, doc(kindMessages, `{"error":"body-marker"}`)},
		"message without an id":  {conversation, doc(kindMessages, `[{"content":"body-marker"}]`)},
		"message is a number":    {conversation, doc(kindMessages, `[7]`)},
		"participants cut":       {conversation, doc(kindParticipants, `[{"name":"body-marker"`)},
		"empty body":             {doc(kindConversation, ``)},
	}
	for name, docs := range tests {
		_, err := pure().Thread(docs)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.Malformed || strings.Contains(err.Error(), "marker") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInboxSecretsAreNotKept(t *testing.T) {
	const body = `{"payload":[{"id":4,"name":"Mail","imap_password":"pw-1","smtp_password":"pw-2","hmac_token":"t-1","provider_config":{"api_key":"k-1"},"api_key_sid":"k-2","webhook_secret":"s-1","imap_port":993,
		"channel":{"access_token":"t-2","limits":[{"api_key":"k-3","n":1}]}}]}`
	a := static(t, map[string]func(http.ResponseWriter){root + "/inboxes": says(200, body), root + "/agents": says(200, `[]`)})
	for page, err := range a.Directory(t.Context(), "inboxes:1") {
		if err != nil {
			t.Fatal(err)
		}
		kept := page.Documents[0].Body
		for _, secret := range []string{"pw-1", "pw-2", "t-1", "k-1", "k-2", "s-1", "t-2", "k-3"} {
			if bytes.Contains(kept, []byte(secret)) {
				t.Errorf("the document holds %s", secret)
			}
		}
		rows, err := a.Snapshot(page.Documents[0])
		if err != nil || len(rows.Channels) != 1 || len(rows.Channels[0].Attributes) != 2 || *rows.Channels[0].Attributes["imap_port"] != "993" {
			t.Errorf("the channels are %+v, error %v", rows.Channels, err)
		}
		break
	}
}

// one is the only message of a conversation, and the thread that it is in.
func one(t *testing.T, message string) (schemas.Message, schemas.Thread) {
	t.Helper()
	thread, err := pure().Thread([]schemas.Document{doc(kindConversation, `{"id":9,"meta":{"assignee":{"id":22}}}`), doc(kindMessages, `[`+message+`]`)})
	if err != nil || len(thread.Messages) != 1 {
		t.Fatalf("%d messages, error %v", len(thread.Messages), err)
	}
	return thread.Messages[0], thread
}

// What a person read is the text, wherever it stands; HTML in its place is html.
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

// Only files of the server have their names in their addresses.
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

// The true time of an imported message orders the thread; the server's stays beside it.
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

// A rating names nobody but whom the survey's own row names, and an answer that is no score says so.
func TestRatings(t *testing.T) {
	_, thread := one(t, `{"id":1,"content_type":"input_csat","content_attributes":{"submitted_values":{"csat_survey_response":{"rating":"superb","feedback_message":"ok"}}}}`)
	r := thread.Ratings[0]
	if r.Score != nil || r.AgentID != nil || r.AnsweredAt != nil || *r.Comment != "ok" || len(r.Answers) != 1 || *r.Answers[0].Question != "rating" || *r.Answers[0].Answer != "superb" {
		t.Errorf("the rating is %+v", r)
	}
	if _, thread = one(t, `{"id":1,"content_attributes":{"submitted_values":{"csat_survey_response":{}}}}`); thread.Ratings != nil {
		t.Errorf("a survey that nobody answered is rated %+v", thread.Ratings)
	}
	s, err := pure().Snapshot(doc(kindSurveys, `[{"id":8,"rating":2,"conversation_id":9,"created_at":1760003600},{"id":9,"rating":4,"message_id":1,"conversation_id":9,"assigned_agent":{"id":21},"csat_review_notes":"call"}]`))
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

// Bots are told apart, unknown words are unknown, and whoever wrote a message takes part, once.
func TestKindsOfParticipants(t *testing.T) {
	thread, err := pure().Thread([]schemas.Document{
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

// What the row of a participant says of a sender is not repeated in messages; what differs from it is kept.
func TestDetailsOfSenders(t *testing.T) {
	thread, err := pure().Thread([]schemas.Document{
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

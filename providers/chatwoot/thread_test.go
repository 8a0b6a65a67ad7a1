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
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
)

func mapper() mapping { return mapping{} }

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

// TestOddFields maps fields of unusual types. Each one loses at most its own value.
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
	thread, err := mapper().Thread(docs)
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
		thread, err := mapper().Thread([]schemas.Document{doc(kindConversation, `{"id":9}`), doc(kindMessages, `{"payload":[{"id":1,`+tt.sent+`}]}`)})
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

// A message in two windows becomes one row, as it was observed last, in any order of the documents.
func TestMessageSeenTwice(t *testing.T) {
	early := doc(kindMessages, `{"payload":[{"id":1,"content":"old","created_at":5}]}`)
	late := doc(kindMessages, `{"payload":[{"id":1,"content":"new","created_at":5},{"id":2,"created_at":4}]}`)
	late.ObservedAt, late.Sequence = seenAt.Add(time.Second), 1
	conversation := doc(kindConversation, `{"id":9}`)
	for _, docs := range [][]schemas.Document{{conversation, early, late}, {late, early, conversation}} {
		thread, err := mapper().Thread(docs)
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

func TestMalformedDocuments(t *testing.T) {
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
		_, err := mapper().Thread(docs)
		var e *providers.Error
		if !errors.As(err, &e) || e.Kind != providers.Malformed || strings.Contains(err.Error(), "marker") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInboxSecretsAreNotKept(t *testing.T) {
	const body = `{"payload":[{"id":4,"name":"Mail","imap_password":"pw-1","smtp_password":"pw-2","hmac_token":"t-1","provider_config":{"api_key":"k-1"},"api_key_sid":"k-2","webhook_secret":"s-1","imap_port":993,
		"channel":{"access_token":"t-2","limits":[{"api_key":"k-3","n":1}]}}]}`
	a := static(t, map[string]http.HandlerFunc{root + "/inboxes": providertest.Says(200, body), root + "/agents": providertest.Says(200, `[]`)})
	for page, err := range a.Directory(t.Context(), "inboxes:1") {
		if err != nil {
			t.Fatal(err)
		}
		kept := page.Documents[0].Body
		for _, secret := range []string{"pw-1", "pw-2", "t-1", "k-1", "k-2", "s-1", "t-2", "k-3"} {
			if bytes.Contains(kept, []byte(secret)) {
				t.Errorf("the document contains %s", secret)
			}
		}
		rows, err := mapper().Snapshot(page.Documents[0])
		if err != nil || len(rows.Channels) != 1 || len(rows.Channels[0].Attributes) != 2 || *rows.Channels[0].Attributes["imap_port"] != "993" {
			t.Errorf("the channels are %+v, error %v", rows.Channels, err)
		}
		break
	}
}

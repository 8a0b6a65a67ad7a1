package providertest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// TestExpectations tries each form of an expectation on rows that hold it and on rows that do not.
func TestExpectations(t *testing.T) {
	at := time.Date(2025, 10, 9, 9, 53, 20, 0, time.UTC)
	word := func(s string) *string { return &s }
	rows := tables{}
	rows.add(t, schemas.Thread{
		Conversation: schemas.Conversation{ConversationID: "51", SourceURL: word("https://example.com"), Tags: []string{"a", "b"}},
		Messages: []schemas.Message{
			{MessageID: "1", CreatedAt: &at, HTML: word("<p>"), Parts: []schemas.Part{{Type: "text", Text: word("one")}, {Type: "image"}}},
			{MessageID: "2", Attributes: map[string]*string{"email.message_id": word("x@y")}},
		},
	})
	tests := []struct {
		expect string
		holds  bool
	}{
		{`{"table":"conversations","where":{},"column":"source_url","value":"https://example.com"}`, true},
		{`{"table":"conversations","where":{},"column":"tags","value":["a","b"]}`, true},
		{`{"table":"conversations","where":{},"column":"tags","value":["a"]}`, false},
		{`{"table":"messages","where":{},"count":2}`, true},
		{`{"table":"messages","where":{"message_id":"3"},"count":0}`, true},
		{`{"table":"messages","where":{"message_id":"3"},"column":"text","value":null}`, false},
		{`{"table":"messages","where":{"message_id":"1"},"column":"created_at","value":"2025-10-09T11:53:20+02:00"}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"created_at","value":"2025-10-09T11:53:20Z"}`, false},
		{`{"table":"messages","where":{"message_id":"2"},"column":"attributes.email.message_id","value":"x@y"}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"attributes.email.message_id","value":null}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"parts.0.text","value":"one"}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"parts.2.text","value":null}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"parts.*.type","value":["text","image"]}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"parts.*.type","value":{"contains":["text","image"]}}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"html","value":{"contains":"<p>"}}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"*","value":{"contains":"<p>"}}`, true},
		{`{"table":"messages","where":{"message_id":"1"},"column":"html","value":{"not":["<p>","<b>"]}}`, false},
		{`{"table":"messages","where":{"message_id":"1"},"column":"html","value":{"not":null,"matches":"^<.>$"}}`, true},
		{`{"table":"messages","where":{},"column":"message_id","value":{"one_of":["1","2"]}}`, true},
		{`{"table":"messages","where":{},"column":"message_id","value":{"one_of":["1"]}}`, false},
		{`{"table":"*","where":{"*":{"contains":"x@y"}},"count":1}`, true},
		{`{"any_of":[{"table":"messages","where":{},"count":7},{"table":"messages","where":{},"count":2}]}`, true},
		{`{"any_of":[{"table":"messages","where":{},"count":7},{"table":"messages","where":{},"count":8}]}`, false},
	}
	for _, tt := range tests {
		var e Expectation
		if err := json.Unmarshal([]byte(tt.expect), &e); err != nil {
			t.Fatalf("%s: %v", tt.expect, err)
		}
		if err := e.check(rows); (err == nil) != tt.holds {
			t.Errorf("%s: %v, want holds = %v", tt.expect, err, tt.holds)
		}
	}
}

// TestColumnNames compares the names of columns made from fields with those of the lake.
func TestColumnNames(t *testing.T) {
	rows := tables{}
	rows.add(t, schemas.Thread{
		Conversation: schemas.Conversation{ConversationID: "1"},
		Messages:     make([]schemas.Message, 1), Participants: make([]schemas.Participant, 1), Events: make([]schemas.Event, 1),
		Ratings: make([]schemas.Rating, 1), Attachments: make([]schemas.Attachment, 1), Tombstones: make([]schemas.Tombstone, 1),
	})
	rows.add(t, schemas.Snapshot{
		Agents: make([]schemas.Agent, 1), Contacts: make([]schemas.Contact, 1), Groups: make([]schemas.Group, 1),
		Channels: make([]schemas.Channel, 1), Labels: make([]schemas.Label, 1), Fields: make([]schemas.Field, 1),
	})
	for _, shape := range schemas.Shapes() {
		if shape.Table == "documents" || shape.Table == "dead_letters" || shape.Table == "audits" { // no Mapper makes these
			continue
		}
		if len(rows[shape.Table]) != 1 {
			t.Errorf("%s: %d rows, want 1", shape.Table, len(rows[shape.Table]))
			continue
		}
		for _, c := range shape.Columns {
			if schemas.IsPartition(c.Name) {
				continue
			}
			if _, ok := rows[shape.Table][0][c.Name]; !ok {
				t.Errorf("%s has no column %s", shape.Table, c.Name)
			}
		}
	}
}

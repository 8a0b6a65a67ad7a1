package freshchat

import (
	"testing"

	"github.com/chatlake/chatlake/schemas"
)

// Both lanes classify the same message in the same way.
func TestClassify(t *testing.T) {
	for _, tt := range []struct{ name, rest, transcript, want, event string }{
		{"a user's message", `"actor_type":"user","message_type":"normal","message_source":"web"`, `"actor_type":"USER","message_type":"normal","detailed_message_type":"NORMAL","message_source":"WEB"`, "message in contact", ""},
		{"an agent's message", `"actor_type":"agent","message_type":"normal"`, `"actor_type":"agent","message_type":"normal"`, "message out agent", ""},
		{"a bot's message", `"actor_type":"bot","message_type":"normal"`, `"actor_type":"bot"`, "message out bot", ""},
		{"a greeting of the system", `"actor_type":"system","message_type":"normal","message_source":"web"`, `"actor_type":"system","message_type":"normal","detailed_message_type":"OFFLINE_MESSAGE","message_source":"web"`, "message out system", ""},
		{"a private note", `"actor_type":"agent","message_type":"private"`, `"actor_type":"agent","detailed_message_type":"PRIVATE_NOTE"`, "note none agent", ""},
		{"a bot's private note", `"actor_type":"bot","message_type":"normal","botsPrivateNote":true`, ``, "note none bot", ""},
		{"resolved by an agent", `"actor_type":"agent","message_source":"system","meta_data":{"isResolved":true}`, `"actor_type":"agent","message_source":"system","detailed_message_type":"STATUS_CHANGE_RESOLVED"`, "activity none agent", "conversation_resolved"},
		{"resolved, as a normal row", `"actor_type":"agent","message_type":"normal","meta_data":{"isResolved":"true"}`, `"actor_type":"agent","message_type":"normal","detailed_message_type":"STATUS_CHANGE_RESOLVED"`, "activity none agent", "conversation_resolved"},
		{"reopened by a user", `"actor_type":"user","message_source":"system","meta_data":{"isReopen":true}`, `"actor_type":"user","message_source":"SYSTEM","detailed_message_type":"STATUS_CHANGE_REOPENED"`, "activity none contact", "conversation_reopened"},
		{"assigned", `"actor_type":"agent","message_source":"system","meta_data":{"isAssigned":true}`, `"actor_type":"agent","message_source":"system","detailed_message_type":"STATUS_CHANGE_ASSIGNED"`, "activity none agent", "conversation_assigned"},
		{"a workflow under a user's name", `"actor_type":"user","message_type":"normal","message_source":"system"`, `"actor_type":"user","message_type":"normal","message_source":"system"`, "activity none contact", "activity"},
		{"a mention in a story", `"actor_type":"system","message_type":"normal","message_source":""`, `"actor_type":"system","message_type":"normal","message_source":""`, "activity none system", "activity"},
		{"meta data that says nothing", `"actor_type":"user","message_type":"normal","meta_data":{"isResolved":false,"locale":"en"}`, ``, "message in contact", ""},
		{"an actor of an unknown type", `"actor_type":"ghost","message_type":"normal"`, `"actor_type":"GHOST","message_type":"normal"`, "message - -", ""},
		{"a row of an unknown type", `"actor_type":"agent","message_type":"whisper"`, `"actor_type":"agent","message_type":"whisper"`, "whisper none agent", ""},
	} {
		lanes := map[string][]schemas.Document{
			"rest":       {messagesDoc(`{"id":"m","actor_id":"a",` + tt.rest + `}`)},
			"transcript": {transcript(`{"message_id":"m","actor_id":"a",` + tt.transcript + `}`)},
		}
		lanes["both"] = append(lanes["rest"][:1:1], lanes["transcript"]...)
		if tt.transcript == "" {
			delete(lanes, "transcript")
			delete(lanes, "both")
		}
		for lane, docs := range lanes {
			thread, err := mapper().Thread(docs)
			if err != nil || len(thread.Messages) != 1 {
				t.Fatalf("%s, %s: %d messages, %v", tt.name, lane, len(thread.Messages), err)
			}
			m, event := thread.Messages[0], ""
			if len(thread.Events) == 1 {
				event = thread.Events[0].Kind
			}
			if got := m.Kind + " " + show(m.Direction) + " " + show(m.AuthorType); got != tt.want || event != tt.event || m.IsPrivate != (m.Kind == "note") {
				t.Errorf("%s, %s: %s, event %q; want %s, %q", tt.name, lane, got, event, tt.want, tt.event)
			}
		}
	}
}

// An assignee is a bot if the messages say so. An unknown type is no person's type.
func TestKindsOfParticipants(t *testing.T) {
	thread, err := mapper().Thread([]schemas.Document{
		doc(kindConversation, `{"conversation_id":"c1","assigned_agent_id":"b"}`),
		messagesDoc(`{"id":"m1","actor_type":"bot","actor_id":"b"},{"id":"m2","actor_type":"ghost","actor_id":"g"},{"id":"m3","actor_id":"n"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, p := range thread.Participants {
		got[p.ParticipantID] = p.Type + " " + p.Role
	}
	for id, want := range map[string]string{"b": "bot assignee", "g": "unknown participant", "n": "unknown participant"} {
		if got[id] != want {
			t.Errorf("%s is %q, want %q", id, got[id], want)
		}
	}
}

// The score is the first number in the columns for it. An answer that is not a number is kept as it was given.
func TestScores(t *testing.T) {
	for row, want := range map[string]string{
		`{"conversation_id":"c","value":"4"}`:                          "4 -",
		`{"conversation_id":"c","value":"NOT_RATED","csat_score":"3"}`: "3 NOT_RATED",
		`{"conversation_id":"c","rating":"good"}`:                      "- good",
		`{"conversation_id":"c"}`:                                      "- -",
	} {
		s, err := mapper().Report(doc(kindReport+"CSAT-Score", "["+row+"]"))
		if err != nil || len(s.Ratings) != 1 {
			t.Fatalf("%s: %v", row, err)
		}
		score, answer := "-", "-"
		if r := s.Ratings[0]; r.Score != nil {
			score = string(rune('0' + int(*r.Score)))
		}
		if r := s.Ratings[0]; len(r.Answers) > 0 {
			answer = show(r.Answers[0].Answer)
		}
		if got := score + " " + answer; got != want {
			t.Errorf("%s: %s, want %s", row, got, want)
		}
	}
	s, err := mapper().Report(doc(kindReport+"Conversation-Resolved", `[{"conversation_id":"c","actor_id":"x","actor_type":"ghost","created_at":"2025-01-01 00:00:00.0","event_time":"2025-01-01 00:00:01.0"}]`))
	if e := s.Events[0]; err != nil || e.ActorType != nil || show(e.Attributes["actor_type"]) != "ghost" || e.Attributes["event_time"] == nil {
		t.Errorf("%+v, %v", e, err)
	}
}

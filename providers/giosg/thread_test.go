package giosg

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

func threadOf(t *testing.T, chat, messages string) schemas.Thread {
	t.Helper()
	thread, err := pure().Thread([]schemas.Document{doc(kindChat, chat), doc(kindMessages, page(messages))})
	if err != nil {
		t.Fatal(err)
	}
	return thread
}

// The order of messages is ours, a row that was seen twice appears once, and unknown types are kept.
func TestMessages(t *testing.T) {
	thread := threadOf(t, `{"id":"c"}`, `
		{"id":"b","type":"msg","created_at":"2023-06-14T10:49:36.000Z","message":"3"},
		{"id":"a","type":"hologram","created_at":"2023-06-14T10:49:36","message":"2","beam":{"w": 1}},
		{"id":"d","type":"msg","created_at":null,"message":"1"},
		{"id":"b","type":"msg","created_at":"2023-06-14T10:49:36.000Z","message":"3"},
		{"id":"e","message":7,"created_at":"2023-06-14T10:49:37Z","sender_type":"robot","attachments":[null,7,{"file_url":"https://x/y","name":"y.pdf","size":12}]}`)
	var texts, kinds []string
	for _, m := range thread.Messages {
		texts, kinds = append(texts, *m.Text), append(kinds, m.Kind)
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "7"}, texts); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"message", "hologram", "message", "message"}, kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if beam := thread.Messages[1].Attributes["beam"]; beam == nil || *beam != `{"w":1}` {
		t.Error("an unknown member was dropped")
	}
	if len(thread.Attachments) != 1 || thread.Attachments[0].Kind != "file" || *thread.Attachments[0].Bytes != 12 {
		t.Errorf("attachments %+v", thread.Attachments)
	}
	if *thread.Messages[3].AuthorType != "robot" || *thread.Messages[3].Direction != "none" {
		t.Error("an unknown sender")
	}
}

// A click is what the visitor says: it answers the message that has the button.
func TestClick(t *testing.T) {
	thread := threadOf(t, `{"id":"c","message_count":0}`, `{"id":"a","type":"action","created_at":"2023-06-14T10:49:36Z","sender_type":"visitor",
		"message":null,"response_to_message_id":"m","response_to_action_id":"x","response_text":"Human please","response_value":"request_human"}`)
	m := thread.Messages[0]
	if *m.ReplyTo != "m" || *m.Text != "Human please" || *m.Direction != "in" || *m.Attributes["response_value"] != "request_human" ||
		*m.Attributes["response_to_action_id"] != "x" || *thread.Conversation.StatedMessages != 1 {
		t.Errorf("a click: %+v", m)
	}
}

// message_count counts only rows of type msg, and none that came after it was read.
func TestStated(t *testing.T) {
	const rows = `{"id":"1","type":"msg","created_at":"2026-11-21T11:00:00Z"},{"id":"2","type":"autosuggest","created_at":"2026-11-21T11:00:00Z"},
		{"id":"3","type":"join","created_at":"2026-11-21T11:00:00Z"},{"id":"4","type":"msg","created_at":"2026-11-21T12:00:01Z"}`
	for chat, want := range map[string]int64{`{"id":"c","message_count":1}`: 3, `{"id":"c","message_count":5}`: 7} {
		if got := threadOf(t, chat, rows).Conversation.StatedMessages; got == nil || *got != want {
			t.Errorf("%s: %v stated, want %d", chat, got, want)
		}
	}
	if got := threadOf(t, `{"id":"c"}`, rows).Conversation.StatedMessages; got != nil {
		t.Errorf("%d stated where nothing is", *got)
	}
}

// Rows that come after the end of a chat do not change its updated_at; they are kept, and the version of the chat grows.
func TestLateRows(t *testing.T) {
	thread := threadOf(t, `{"id":"c","is_ended":true,"ended_at":"2023-06-14T10:50:22.767Z","updated_at":"2023-06-14T10:50:22.778Z"}`,
		`{"id":"1","type":"leave","created_at":"2023-06-14T10:50:26.565Z","sender_id":"u"}`)
	at := time.Date(2023, 6, 14, 10, 50, 26, 565e6, time.UTC)
	if len(thread.Events) != 1 || *thread.Conversation.SourceVersion != at.UnixMicro() || !thread.Conversation.LastActivityAt.Equal(at) {
		t.Errorf("%+v", thread)
	}
}

func TestPurge(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 2, Conversations: 30}, fake.Options{Encrypted: true})
	ids := s.Conversations(whole)
	s.Purge(ids[3])
	refs, docs := collect(t, a, whole)
	thread, err := withKey(t, fake.PrivateKey).Thread(docs[ids[3]])
	want, _ := s.Thread(ids[3])
	if diff := cmp.Diff(want, thread, providertest.Rows); err != nil || diff != "" || len(refs) != 30 {
		t.Errorf("a purged chat, %v (-want +got):\n%s", err, diff)
	}
	if len(thread.Tombstones) != len(thread.Messages) || len(thread.Messages) == 0 {
		t.Errorf("%d tombstones for %d messages", len(thread.Tombstones), len(thread.Messages))
	}
}

// A chat that was deleted between list and fetch is a tombstone, and its metadata is no error.
func TestGone(t *testing.T) {
	s, a, whole := site(t, simulator.CorpusConfig{Seed: 2, Conversations: 5}, fake.Options{})
	refs := refsOf(t, a, whole, nil)
	s.DeleteChat(refs[1].ID)
	var docs []schemas.Document
	for _, some := range []func(func(schemas.Document, error) bool){a.Messages(t.Context(), refs[1:2]), a.Metadata(t.Context(), refs[1:2])} {
		for doc, err := range some {
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, doc)
		}
	}
	thread, err := pure().Thread(docs)
	if err != nil || len(docs) != 2 || docs[0].Status != 404 || len(thread.Tombstones) != 1 || thread.Tombstones[0].MessageID != nil {
		t.Errorf("%d documents, %v, %+v", len(docs), err, thread)
	}
}

// A part that is missing or may not be read is a document with its status; members must be readable.
func TestPartsMissing(t *testing.T) {
	members := string(providertest.Sample(t, "memberships.json"))
	for closed, kinds := range map[string]map[string]int64{
		"/tags":      {kindTags: 403, kindVariables: 200, kindVisitor: 200},
		"/variables": {kindTags: 200, kindVariables: 403, kindVisitor: 200},
		"/visitors/": {kindTags: 200, kindVariables: 403, kindVisitor: 403},
	} {
		a := static(t, func(r *http.Request) (int, string) {
			switch {
			case strings.Contains(r.URL.Path, closed):
				return 403, `{"detail":"You do not have permission to perform this action."}`
			case strings.HasSuffix(r.URL.Path, "/memberships"):
				return 200, members
			}
			return 200, page("")
		})
		got := map[string]int64{}
		for doc, err := range a.Metadata(t.Context(), []providers.Ref{{ID: "c"}}) {
			if err != nil {
				t.Fatal(err)
			}
			if got[doc.Kind] = doc.Status; doc.Status != 200 && len(doc.Body) > 0 {
				t.Error("the body of a refusal was kept")
			}
		}
		kinds[kindMemberships] = 200
		if diff := cmp.Diff(kinds, got); diff != "" {
			t.Errorf("%s closed (-want +got):\n%s", closed, diff)
		}
	}
}

// Without the option, nothing is requested from rooms; a visitor whose membership has no room has the chat's room.
func TestVisitorOption(t *testing.T) {
	for _, on := range []string{"true", "false"} {
		var asked []string
		a := static(t, func(r *http.Request) (int, string) {
			asked = append(asked, r.URL.Path)
			if strings.HasSuffix(r.URL.Path, "/memberships") {
				return 200, page(`{"member_type":"user","member_id":"u"},{"member_type":"visitor","member_id":"v"}`)
			}
			return 200, page("")
		}, withOptions("visitors", on))
		for _, err := range a.Metadata(t.Context(), []providers.Ref{{ID: "c", Hint: "room"}}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := slices.Contains(asked, a.root+"/rooms/room/visitors/v"); got != (on == "true") || !slices.Contains(asked, a.root+"/owned_chats/c/visitors/v/variables") {
			t.Errorf("visitors %s: asked %v", on, asked)
		}
	}
}

// An expired cursor in the middle of a chat's messages does not mean that the chat is gone: the chat is read again.
func TestMessagesExpire(t *testing.T) {
	for _, status := range []int{404, 400} {
		a := static(t, func(r *http.Request) (int, string) {
			if r.URL.Query().Has("cursor") {
				return status, string(providertest.Sample(t, "error_404_cursor.json"))
			}
			return 200, `{"next":"http://` + r.Host + r.URL.Path + `?cursor=x","results":[]}`
		})
		var last error
		for _, err := range a.Messages(t.Context(), []providers.Ref{{ID: "c"}}) {
			last = err
		}
		if kindOf(last) != providers.Transient {
			t.Errorf("status %d: the walk ended with %v", status, last)
		}
	}
}

func TestStates(t *testing.T) {
	for chat, want := range map[string]string{
		`{"is_ended":true}`: "closed", `{"is_ended":false}`: "open", `{"is_ended":false,"is_waiting":true}`: "pending",
		`{"is_ended":false,"is_pending":true}`: "pending", `{"ended_at":"2023-06-14T10:50:22Z"}`: "closed", `{}`: "",
	} {
		got := state(fields(value(chat)))
		if got == nil && want != "" || got != nil && *got != want {
			t.Errorf("%s is %v, want %s", chat, got, want)
		}
	}
}

func TestSnapshotHidesCredentials(t *testing.T) {
	s, err := pure().Snapshot(doc(kindUsers, page(`{"id":"u","first_name":"Ann","last_name":"Lee","api_token":"s3cr3t","title":"boss"}`)))
	if err != nil || len(s.Agents) != 1 || *s.Agents[0].Name != "Ann Lee" || s.Agents[0].Attributes["api_token"] != nil || *s.Agents[0].Attributes["title"] != "boss" {
		t.Errorf("%+v, %v", s, err)
	}
}

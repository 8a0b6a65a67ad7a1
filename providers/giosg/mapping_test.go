package giosg

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// The text is everything that a person reads, including cards and buttons; the part is what was written.
func TestText(t *testing.T) {
	const card = `"attachments":[{"id":"a","title":"Shoe","text":"Size 42","actions":[{"id":"x","text":"Buy","value":"buy_1"},{"id":"y","text":" "}]}]`
	for message, want := range map[string]string{
		`"message":"hi"`:                               "hi",
		`"message":"hi",` + card:                       "hi\nShoe\nSize 42\nBuy",
		`"message":null,` + card:                       "Shoe\nSize 42\nBuy",
		`"message":null,"attachments":[]`:              "",
		`"type":"action","response_text":"Yes please"`: "Yes please",
		`"type":"action","response_to_action":{"id":"x","text":"Yes","value":"y"}`:                            "Yes",
		`"type":"action","response_to_message_id":"q","response_to_action_id":"x","response_value":"yes_1"`:   "Yes, it was",
		`"type":"action","response_to_message_id":"q","response_to_action_id":"other","response_value":"yes"`: "",
	} {
		thread := threadOf(t, `{"id":"c"}`, `{"id":"m",`+message+`},{"id":"q","message":"?","attachments":[{"actions":[{"id":"x","text":"Yes, it was"}]}]}`)
		m := thread.Messages[0]
		if m.MessageID != "m" {
			t.Fatal("the order of the messages")
		}
		got := ""
		if m.Text != nil {
			got = *m.Text
		}
		if got != want {
			t.Errorf("%s reads %q, want %q", message, got, want)
		}
	}
}

// Pictures and files have the name that was sent, and keep the title if it is not the name.
func TestFiles(t *testing.T) {
	thread := threadOf(t, `{"id":"c"}`, `{"id":"m","attachments":[
		{"id":"1","title":"A title","image_url":"https://x/l.php"},
		{"id":"2","title":"A title","image_url":"https://x/1","file_name":"a.png","content_type":"image/png","size":7},
		{"id":"3","url":"https://x/uuid"},
		{"id":"4","title":"A title","image_url":"https://x/1","file_url":"https://x/2","url":"https://x/3","name":"b.pdf"}]}`)
	var got []string
	for _, a := range thread.Attachments {
		row := []string{a.AttachmentID, a.Kind, "-", *a.URL, "-", "-"}
		if a.Name != nil {
			row[2] = *a.Name
		}
		for i, key := range []string{"title", "url"} {
			if v := a.Attributes[key]; v != nil {
				row[4+i] = *v
			}
		}
		got = append(got, strings.Join(row, " "))
	}
	want := []string{
		"1 image A title https://x/l.php - -", "2 image a.png https://x/1 A title -", "3 file - https://x/uuid - -",
		"4 image A title https://x/1 - https://x/3", "4/file file b.pdf https://x/2 - https://x/3",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attachments (-want +got):\n%s", diff)
	}
	if a := thread.Attachments[1]; *a.ContentType != "image/png" || *a.Bytes != 7 {
		t.Errorf("the type and the size of a picture: %+v", a)
	}
}

// Bots are users that the organization's list, a membership or a message marks as bots; a member without a type is not one.
func TestBots(t *testing.T) {
	const rows = `{"id":"1","type":"msg","created_at":"2026-01-01T00:00:00Z","sender_type":"user","sender_id":"b"},
		{"id":"2","type":"msg","created_at":"2026-01-01T00:00:01Z","sender_type":"user","sender_id":"h"},{"id":"3","type":"join","sender_type":"user","sender_id":"b"}`
	for name, docs := range map[string][]schemas.Document{
		"list":   {doc(kindBots, `{"results":[{"id":"b","is_bot":true}]}`), doc(kindMemberships, page(`{"member_id":"b","member_type":"user"},{"member_id":"x"},{"member_id":"y","member_type":"ghost"}`))},
		"member": {doc(kindMemberships, page(`{"member_id":"b","member_type":"user","is_bot":true},{"member_id":"x"},{"member_id":"y","member_type":"ghost"}`))},
	} {
		thread, err := pure().Thread(append(docs, doc(kindChat, `{"id":"c"}`), doc(kindMessages, page(rows))))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range thread.Messages {
			got = append(got, *m.AuthorType+" "+*m.Direction)
		}
		for _, p := range thread.Participants {
			got = append(got, p.Type)
		}
		got = append(got, *thread.Events[0].ActorType, thread.Conversation.FirstReplyAt.Format("05"))
		if diff := cmp.Diff([]string{"bot out", "agent out", "bot", "unknown", "ghost", "bot", "01"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	m := threadOf(t, `{"id":"c"}`, `{"id":"1","sender_type":"user","sender_id":"b","sender_is_bot":true}`).Messages[0]
	if *m.AuthorType != "bot" {
		t.Error("a message that says that its sender is a bot")
	}
	s, err := pure().Snapshot(doc(kindUsers, page(`{"id":"b","is_bot":true},{"id":"h","is_bot":false}`)))
	if err != nil || s.Agents[0].Type != "bot" || s.Agents[1].Type != "agent" {
		t.Errorf("agents %+v, %v", s.Agents, err)
	}
}

// The list of users is read once for many chats, each page until two responses agree, and not at all for chats without users. A
// list that may not be read costs nothing.
func TestBotsFetched(t *testing.T) {
	for status, want := range map[int]int{200: 3, 403: 0, 404: 0} {
		var asked atomic.Int64
		a := static(t, func(r *http.Request) (int, string) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/users"):
				asked.Add(1)
				return status, page(`{"id":"b","is_bot":true,"api_token":"never"},{"id":"h"}`)
			case strings.HasSuffix(r.URL.Path, "/empty/memberships"):
				return 200, page(`{"member_id":"v","member_type":"visitor"}`)
			case strings.HasSuffix(r.URL.Path, "/memberships"):
				return 200, page(`{"member_id":"b","member_type":"user"},{"member_id":"guest","member_type":"user"}`)
			}
			return 200, page("")
		})
		found := 0
		for doc, err := range a.Metadata(t.Context(), []providers.Ref{{ID: "empty"}, {ID: "1"}, {ID: "2"}, {ID: "3"}}) {
			if err != nil {
				t.Fatal(err)
			}
			if doc.Kind == kindBots {
				found++
				if string(doc.Body) != `{"results":[{"id":"b","is_bot":true}]}` || doc.ConversationID == "empty" || doc.ObservedAt.IsZero() {
					t.Errorf("document %+v %s", doc, doc.Body)
				}
			}
		}
		if found != want || asked.Load() != 2 { // one page, until two responses agree
			t.Errorf("status %d: %d documents, want %d; asked %d times", status, found, want, asked.Load())
		}
	}
}

// Fields that repeat the chat's are not in the attributes; another room is kept, and so are unreadable values.
func TestKeys(t *testing.T) {
	thread := threadOf(t, `{"id":"e1549f4d-d2a6-4efb-b64c-e977b0a5ba96","room_id":"r","created_at":"someday"}`, `
		{"id":"1","chat_id":"e1549f4d-d2a6-4efb-b64c-e977b0a5ba96","room_id":"r"},{"id":"2","chat_id":"other","room_id":"s","created_at":"never","attachments":"none"}`)
	if a := thread.Messages[0].Attributes; len(a) != 0 {
		t.Errorf("attributes %v", a)
	}
	a := thread.Messages[1].Attributes
	if len(a) != 4 || *a["chat_id"] != "other" || *a["room_id"] != "s" || *a["created_at"] != "never" || *a["attachments"] != "none" {
		t.Errorf("attributes %v", a)
	}
	if v := thread.Conversation.Attributes["created_at"]; v == nil || *v != "someday" {
		t.Error("a time of the chat that cannot be read is lost")
	}
}

func TestNestedCredentials(t *testing.T) {
	s, err := pure().Snapshot(doc(kindUsers, page(`{"id":"u","integration":{"api_token":"s3cr3t","kind":"crm","list":[{"password":"s3cr3t","n":1}]}}`)))
	if err != nil || *s.Agents[0].Attributes["integration"] != `{"kind":"crm","list":[{"n":1}]}` {
		t.Errorf("%v, %v", *s.Agents[0].Attributes["integration"], err)
	}
}

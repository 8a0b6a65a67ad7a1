package freshchat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

// scripted answers requests by path and query, and records them. It answers 404 to all others.
type scripted struct {
	answers map[string]string
	asked   []string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.URL.RequestURI())
	w.Header().Set("Content-Type", "application/json")
	body, ok := s.answers[r.URL.RequestURI()]
	if status, text, found := strings.Cut(body, "|"); found && len(status) == 3 {
		var code int
		if _, err := fmt.Sscan(status, &code); err == nil {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(text))
			return
		}
	}
	if !ok {
		w.WriteHeader(404)
		body = `{"code":404,"status":"CONVERSATION_NOT_FOUND","message":"conversation not found"}`
	}
	_, _ = w.Write([]byte(body))
}

const firstPage = "/v2/conversations/c1/messages?items_per_page=50&page=1"

func messageRow(id string) string {
	return `{"id":"` + id + `","created_time":"2025-01-01T00:00:0` + id[len(id)-1:] + `.000Z","actor_type":"user","actor_id":"u","user_id":"u"}`
}

func messagesPage(link string, ids ...string) string {
	var rows []string
	for _, id := range ids {
		rows = append(rows, messageRow(id))
	}
	if link != "" {
		link = `,"link":{"href":"` + link + `"}`
	}
	return `{"messages":[` + strings.Join(rows, ",") + `]` + link + `}`
}

func fetch(t *testing.T, s *scripted, ref providers.Ref, options map[string]string) ([]schemas.Document, error) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	a := testAccount(t, server.URL, func(p *providers.Account) { p.Options = options })
	var docs []schemas.Document
	for doc, err := range a.Messages(t.Context(), []providers.Ref{ref}) {
		if err != nil {
			return docs, err
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// Every way of linking pages ends, and no message is lost.
func TestPages(t *testing.T) {
	const second = "/v2/conversations/c1/messages?page=1&from_time=2"
	full := make([]string, 50)
	for i := range full {
		full[i] = fmt.Sprintf("m%02d", i)
	}
	tests := []struct {
		name     string
		answers  map[string]string
		messages int
		requests int
	}{
		{"one page", map[string]string{firstPage: messagesPage("", "m1", "m2")}, 2, 1},
		{"no message", map[string]string{firstPage: messagesPage("")}, 0, 1},
		{"a link", map[string]string{firstPage: messagesPage(second, "m2"), second: messagesPage("", "m1")}, 2, 2},
		{"a link without /v2", map[string]string{firstPage: messagesPage(second[3:], "m2"), second: messagesPage("", "m1")}, 2, 2},
		{"the same link for ever", map[string]string{firstPage: messagesPage(second, "m2"), second: messagesPage(second, "m1")}, 2, 2},
		{"nothing new for ever", map[string]string{firstPage: messagesPage(second, "m2"), second: messagesPage(second+"&again=1", "m2")}, 1, 2},
		{"overlap", map[string]string{firstPage: messagesPage(second, "m3", "m2"), second: messagesPage("", "m2", "m1")}, 3, 2},
		{"a full page without a link", map[string]string{
			firstPage: messagesPage("", full...), "/v2/conversations/c1/messages?items_per_page=50&page=2": messagesPage("", "x1"),
		}, 51, 2},
		{"a full page that is the last", map[string]string{
			firstPage: messagesPage("", full...), "/v2/conversations/c1/messages?items_per_page=50&page=2": messagesPage(""),
		}, 50, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &scripted{answers: tt.answers}
			docs, err := fetch(t, s, providers.Ref{ID: "c1", Hint: `{"user":"u"}`}, nil)
			if err != nil {
				t.Fatal(err)
			}
			thread, err := mapper().Thread(docs)
			if err != nil || len(thread.Messages) != tt.messages || len(s.asked) != tt.requests {
				t.Errorf("%d messages, %d requests %v, %v", len(thread.Messages), len(s.asked), s.asked, err)
			}
			for i, doc := range docs {
				if doc.Kind != kindMessages || doc.Sequence != int64(i) {
					t.Errorf("document %d is %s %d", i, doc.Kind, doc.Sequence)
				}
			}
		})
	}
}

// A link to another host is not followed.
func TestForeignLink(t *testing.T) {
	s := &scripted{answers: map[string]string{firstPage: messagesPage("https://elsewhere.example.com/v2/x", "m1")}}
	_, err := fetch(t, s, providers.Ref{ID: "c1"}, nil)
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.Malformed || strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("the error is %v, want Malformed", err)
	}
}

// A conversation that is gone is one document, even if it is deleted between two pages. The same holds for an id that the API cannot
// parse. The answer of a proxy does not count.
func TestGone(t *testing.T) {
	const second = "/v2/conversations/c1/messages?page=1&from_time=2"
	for name, answers := range map[string]map[string]string{
		"at once": {}, "between pages": {firstPage: messagesPage(second, "m2")}, "410": {firstPage: `410|{"code":410}`}, "400": {firstPage: `400|{"code":400}`},
	} {
		docs, err := fetch(t, &scripted{answers: answers}, providers.Ref{ID: "c1"}, nil)
		if err != nil || len(docs) != 1 || docs[0].Status < 400 || docs[0].Body != nil || docs[0].Kind != kindMessages {
			t.Errorf("%s: %+v, %v", name, docs, err)
		}
	}
	_, err := fetch(t, &scripted{answers: map[string]string{firstPage: `404|<html>`}}, providers.Ref{ID: "c1"}, nil)
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.Transient {
		t.Errorf("a proxy's 404: %v", err)
	}
}

// The contact is fetched with the messages where the list did not know it, and system users once for all conversations.
func TestPeople(t *testing.T) {
	s := &scripted{answers: map[string]string{
		firstPage: `{"messages":[{"id":"m1","actor_type":"user","actor_id":"u"},{"id":"m2","actor_type":"system","actor_id":"s1"},{"id":"m3","actor_type":"SYSTEM","actor_id":"s2"}]}`,
		"/v2/conversations/c2/messages?items_per_page=50&page=1": `{"messages":[{"id":"m4","actor_type":"system","actor_id":"s1"}]}`,
		"/v2/users/u":                   `{"id":"u","first_name":"Ana"}`,
		"/v2/users/s1?system_user=true": `{"id":"s1","first_name":"System"}`,
	}}
	server := httptest.NewServer(s)
	defer server.Close()
	a := testAccount(t, server.URL)
	var docs []schemas.Document
	for doc, err := range a.Messages(t.Context(), []providers.Ref{{ID: "c1"}, {ID: "c2"}}) {
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	var got []string
	for _, doc := range docs {
		got = append(got, fmt.Sprint(doc.ConversationID, " ", doc.Kind, " ", doc.Sequence, " ", doc.Status))
	}
	want := []string{"c1 messages 0 200", "c1 user 0 200", "c1 system_user 0 200", "c1 system_user 1 404", "c2 messages 0 200", "c2 system_user 0 200"}
	if diff := cmp.Diff(want, got); diff != "" || len(s.asked) != 5 {
		t.Errorf("documents after %v (-want +got):\n%s", s.asked, diff)
	}
	thread, err := mapper().Thread(docs[:4])
	if err != nil || *thread.Messages[0].AuthorName != "Ana" || *thread.Messages[1].AuthorName != "System" || thread.Messages[2].AuthorName != nil {
		t.Errorf("%+v, %v", thread.Messages, err)
	}
}

// If the ids of the lanes differ, the messages are read again by page numbers, until this has found nothing too often.
func TestReadAgain(t *testing.T) {
	const second = "/v2/conversations/c1/messages?items_per_page=50&page=2"
	h := hint{User: "u", From: *instant("2025-01-01T00:00:00Z"), To: *instant("2025-01-02T00:00:00Z")}
	h.add("m1")
	h.add("m2")
	link := "/v2/conversations/c1/messages?page=1&from_time=x"
	s := &scripted{answers: map[string]string{firstPage: messagesPage(link, "m2"), link: messagesPage(""), second: messagesPage("", "m1")}}
	for _, options := range []map[string]string{nil, {"lane": "rest"}} {
		s.asked = nil
		docs, err := fetch(t, s, providers.Ref{ID: "c1", Hint: h.text()}, options)
		if err != nil {
			t.Fatal(err)
		}
		if thread, err := mapper().Thread(docs); err != nil || len(thread.Messages) != 2 || len(s.asked) != 4 {
			t.Errorf("%v: %d messages after %v, %v", options, len(thread.Messages), s.asked, err)
		}
	}
	for name, of := range map[string]struct {
		hint    string
		options map[string]string
	}{"no hint": {`{"user":"u"}`, nil}, "no JSON": {"x", map[string]string{"lane": "rest"}}} {
		s.asked = nil
		if _, err := fetch(t, s, providers.Ref{ID: "c1", Hint: of.hint}, of.options); err != nil || len(s.asked) > 3 {
			t.Errorf("%s: %v, %v", name, s.asked, err)
		}
	}
	server := httptest.NewServer(&scripted{answers: map[string]string{firstPage: messagesPage("", "m2")}})
	defer server.Close()
	a := testAccount(t, server.URL)
	meter := providers.NewMeter(providers.Lease{})
	for range 100 {
		for _, err := range a.Messages(providers.WithMeter(t.Context(), meter), []providers.Ref{{ID: "c1", Hint: h.text()}}) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := meter.Requests(); n != 100+maxFruitless {
		t.Errorf("%d requests for 100 conversations whose lanes always differ, want %d", n, 100+maxFruitless)
	}
}

// collectUsers lists a window by users and returns the ids and the cursors.
func collectUsers(t *testing.T, a *account, w schemas.Window, at providers.Cursor) (ids map[string]bool, cursors []providers.Cursor) {
	t.Helper()
	ids = map[string]bool{}
	for page, err := range a.Conversations(t.Context(), w, at) {
		if err != nil {
			t.Fatal(err)
		}
		cursors = append(cursors, page.Next)
		for _, ref := range page.Refs {
			ids[ref.ID] = true
		}
	}
	return ids, cursors
}

// The cached result of a walk over the users lists later windows. A cursor into the cache of another process expires.
func TestUsersCache(t *testing.T) {
	settings := map[string]string{"enumeration": "users"}
	s, a, w := site(t, small(500), fake.Options{Sparse: "none"}, settings)
	all, cursors := collectUsers(t, a, w, "")
	if len(all) != 500 || len(cursors) < 3 {
		t.Fatalf("%d conversations on %d pages", len(all), len(cursors))
	}
	walked := s.Stats().Endpoints["users/{id}/conversations"]
	again, fromCache := collectUsers(t, a, w, "")
	if len(again) != 500 || s.Stats().Endpoints["users/{id}/conversations"] != walked || len(fromCache) != 5 {
		t.Errorf("%d conversations from the cache on %d pages", len(again), len(fromCache))
	}
	other := testAccount(t, "https://acme.freshchat.com", func(p *providers.Account) { p.Options = settings })
	other.http = a.http
	rest, _ := collectUsers(t, other, w, cursors[0])
	if len(rest) == 0 || len(rest) == 500 || other.walks.complete != 0 {
		t.Errorf("another process continues with %d conversations and caches %d", len(rest), len(other.walks.known))
	}
	_, _, err := step(other, t.Context(), w, fromCache[0])
	var e *providers.Error
	if !errors.As(err, &e) || e.Kind != providers.CursorExpired {
		t.Errorf("a cursor into another process's cache: %v", err)
	}
	if _, _, err := step(a, context.Background(), w, "x1.1"); !errors.As(err, &e) || e.Kind != providers.CursorExpired {
		t.Errorf("a cursor into an older cache: %v", err)
	}
}

// Users deleted during the walk do not hide other users, because the walk goes down.
func TestUsersDeleted(t *testing.T) {
	corpus := simulator.NewCorpus(small(500))
	s := fake.New(corpus, fake.Options{Sparse: "none", Token: testToken})
	pages := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/users" {
			if pages++; pages == 3 {
				for k := range 20 {
					s.DeletePerson(k)
				}
			}
		}
		s.ServeHTTP(w, r)
	}))
	defer server.Close()
	a := testAccount(t, server.URL, func(p *providers.Account) { p.Options = map[string]string{"enumeration": "users"} })
	w := schemas.Window{From: march, To: march.AddDate(0, 0, 4)}
	got, _ := collectUsers(t, a, w, "")
	for _, id := range s.ConversationsOfOthers(w) {
		if !got[id] {
			t.Errorf("conversation %s is missing, although its user was not deleted", id)
		}
	}
}

package chatwoot_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// free are the members whose own members users define: their shape does not come from the platform.
var free = []string{"additional_attributes", "custom_attributes", "content_attributes", "ratings_count"}

// shape adds the paths of all members of a JSON value, with their kinds. It omits members of free ones.
func shape(v any, path string, to map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			p := path + "." + k
			to[p] = true
			if !slices.Contains(free, k) {
				shape(e, p, to)
			}
		}
	case []any:
		for _, e := range v {
			shape(e, path+"[]", to)
		}
	}
}

func shapeOf(t *testing.T, body []byte) map[string]bool {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	shape(v, "", paths)
	return paths
}

func sample(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// story is conversation 42 of the samples, rebuilt.
func story(t *testing.T, options chatwoot.Options) (*chatwoot.Site, int64, int64) {
	t.Helper()
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 30, Agents: 3})
	site := chatwoot.New(corpus, options)
	at := time.Date(2026, 10, 14, 17, 46, 40, 0, time.UTC)
	person := identified(t, corpus)
	agent := corpus.Agents()[1].ID
	by := func(kind simulator.ActorKind, id int64) simulator.Actor { return simulator.Actor{Kind: kind, ID: id} }
	n := site.InsertConversation(simulator.Conversation{
		Outline: simulator.Outline{
			CreatedAt: at, State: simulator.Closed, Priority: "high", ChannelID: 4, GroupID: 2, PersonID: person,
			Assignee: by(simulator.ByAgent, agent),
		},
		UUID: "0f6c1f6e-6e5f-4d4e-9c35-000000000042", Tags: []string{"billing"}, Participants: []int64{agent},
		FirstReplyAt: at.Add(time.Minute),
	},
		simulator.Message{CreatedAt: at, Kind: simulator.In, Author: by(simulator.ByPerson, person), Text: new("Hi")},
		simulator.Message{CreatedAt: at, Kind: simulator.Activity, Text: new("Assigned")},
		simulator.Message{CreatedAt: at, Kind: simulator.Out, Author: by(simulator.ByAgent, agent), Text: new("Which invoice?")},
		simulator.Message{CreatedAt: at, Kind: simulator.In, Author: by(simulator.ByPerson, person), Files: []simulator.File{
			{ID: 31, Kind: "image", Name: "invoice.jpg", MediaType: "image/jpeg", Bytes: 48211, Width: 800, Height: 600},
		}},
		simulator.Message{CreatedAt: at, Kind: simulator.In, Author: by(simulator.ByPerson, person), Files: []simulator.File{
			{ID: 32, Kind: "location", Title: "Berlin", Lat: 52.52, Long: 13.4},
		}},
		simulator.Message{CreatedAt: at, Kind: simulator.Note, Author: by(simulator.ByAgent, agent), Text: new("check first")},
		simulator.Message{CreatedAt: at, Kind: simulator.Template, ContentType: "survey", Survey: simulator.Answered, Rating: 5, Text: new("Please rate")},
	)
	return site, n, person
}

// identified finds a person with an e-mail.
func identified(t *testing.T, corpus *simulator.Corpus) int64 {
	t.Helper()
	for k := range corpus.People() {
		if p := corpus.Person(k); p.Email != "" {
			return p.ID
		}
	}
	t.Fatal("nobody has an e-mail")
	return 0
}

// TestShapes compares the members of every answer with those of the sample bodies.
func TestShapes(t *testing.T) {
	site, n, person := story(t, chatwoot.Options{ReportingEvents: true})
	old, oldN, _ := story(t, chatwoot.Options{Version: chatwoot.V3_16})
	docs, docsN, _ := story(t, chatwoot.Options{Version: chatwoot.Docs})
	empty := newSite(t, 0, chatwoot.Options{})
	tests := []struct {
		sample string
		site   http.Handler
		method string
		path   string
		body   string
		except []string // members that only one of the two may have, because authors and assignees differ
	}{
		{sample: "conversation_show_v4_14.json", path: fmt.Sprintf("conversations/%d", n)},
		{sample: "conversation_show_v3_16.json", site: old, path: fmt.Sprintf("conversations/%d", oldN)},
		{sample: "conversation_show_seed.json", site: docs, path: fmt.Sprintf("conversations/%d", docsN)},
		{sample: "messages_latest.json", path: fmt.Sprintf("conversations/%d/messages", n)},
		{sample: "participants.json", path: fmt.Sprintf("conversations/%d/participants", n)},
		{sample: "conversation_labels.json", path: fmt.Sprintf("conversations/%d/labels", n)},
		{sample: "attachments.json", path: fmt.Sprintf("conversations/%d/attachments", n)},
		{sample: "reporting_events_conversation.json", path: fmt.Sprintf("conversations/%d/reporting_events", n)},
		{sample: "reporting_events_account.json", path: "reporting_events"},
		{sample: "conversations_meta.json", path: "conversations/meta"},
		{sample: "conversations_list_empty.json", site: empty, path: "conversations?status=all"},
		{sample: "contacts_list.json", path: "contacts?page=1", except: []string{".contact_inboxes[]"}},
		{sample: "contacts_search.json", path: "contacts/search?q=example"},
		{sample: "contact_show.json", path: fmt.Sprintf("contacts/%d", person)},
		{sample: "agents.json", path: "agents"},
		{sample: "teams.json", path: "teams"},
		{sample: "labels_account.json", path: "labels"},
		{sample: "custom_attribute_definitions.json", path: "custom_attribute_definitions"},
		{sample: "csat_metrics.json", path: "csat_survey_responses/metrics"},
		{
			sample: "conversations_filter_response.json", method: "POST", path: "conversations/filter",
			body:   fmt.Sprintf(`{"payload":[{"attribute_key":"display_id","filter_operator":"equal_to","values":[%d],"query_operator":null}]}`, n),
			except: []string{".sender", ".assignee."},
		},
		{sample: "contact_conversations.json", path: fmt.Sprintf("contacts/%d/conversations", person), except: []string{".sender", ".assignee."}},
	}
	for _, tt := range tests {
		t.Run(tt.sample, func(t *testing.T) {
			if tt.site == nil {
				tt.site = site
			}
			if tt.method == "" {
				tt.method = "GET"
			}
			w := ask(t, tt.site, tt.method, tt.path, chatwoot.AdministratorToken, tt.body)
			if w.Code != http.StatusOK {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
			want, got := shapeOf(t, sample(t, tt.sample)), shapeOf(t, w.Body.Bytes())
			for _, paths := range []map[string]bool{want, got} {
				maps.DeleteFunc(paths, func(p string, _ bool) bool {
					return slices.ContainsFunc(tt.except, func(e string) bool { return strings.Contains(p, e) })
				})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("members (-sample +answer):\n%s", diff)
			}
		})
	}
}

// TestInboxShape: kinds of inboxes differ in their members; the sample is that of a website.
func TestInboxShape(t *testing.T) {
	site := newSite(t, 10, chatwoot.Options{AgentInboxes: []int64{4}})
	w := ask(t, site, "GET", "inboxes", chatwoot.AgentToken, "")
	if diff := cmp.Diff(shapeOf(t, sample(t, "inboxes.json")), shapeOf(t, w.Body.Bytes())); diff != "" {
		t.Errorf("members (-sample +answer):\n%s", diff)
	}
}

// TestSurveyShape uses a response of an assigned conversation, like the sample.
func TestSurveyShape(t *testing.T) {
	site, _, _ := story(t, chatwoot.Options{})
	since := time.Date(2026, 10, 14, 0, 0, 0, 0, time.UTC).Unix()
	w := ask(t, site, "GET", fmt.Sprintf("csat_survey_responses?since=%d&until=%d", since, since+86400), chatwoot.AdministratorToken, "")
	if diff := cmp.Diff(shapeOf(t, sample(t, "csat_survey_responses.json")), shapeOf(t, w.Body.Bytes())); diff != "" {
		t.Errorf("members (-sample +answer):\n%s", diff)
	}
}

// TestEveryBodyIsJSON reads a whole world, which contains very odd texts.
func TestEveryBodyIsJSON(t *testing.T) {
	for _, version := range []string{chatwoot.V4_14, chatwoot.V3_16, chatwoot.Docs} {
		site := newSite(t, 200, chatwoot.Options{Version: version})
		for i := range 200 {
			for _, path := range []string{"", "/messages?after=0&before=99999999", "/attachments", "/participants", "/labels"} {
				w := ask(t, site, "GET", fmt.Sprintf("conversations/%d%s", simulator.Number(i), path), chatwoot.AdministratorToken, "")
				if w.Code != http.StatusOK || !json.Valid(w.Body.Bytes()) {
					t.Fatalf("version %s, conversation %d%s: status %d, valid JSON %v", version, simulator.Number(i), path, w.Code, json.Valid(w.Body.Bytes()))
				}
			}
		}
	}
}

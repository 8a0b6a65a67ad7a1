package freshchat_test

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/freshchat"
)

var from = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)

func newSite(t testing.TB, conversations int, options freshchat.Options) (*freshchat.Site, schemas.Window) {
	t.Helper()
	config := simulator.CorpusConfig{Seed: 7, Conversations: conversations, From: from, To: from.AddDate(0, 0, 5)}
	return freshchat.New(simulator.NewCorpus(config), options), schemas.Window{From: config.From, To: config.To}
}

// ask sends one request with a token.
func ask(site http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

// get sends a request with the site's token and decodes the answer, which must have the given status.
func get(t testing.TB, site http.Handler, method, path, body string, status int) map[string]any {
	t.Helper()
	w := ask(site, method, path, freshchat.Token, body)
	if w.Code != status {
		t.Fatalf("%s %s: status %d: %s", method, path, w.Code, w.Body)
	}
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return out
}

func TestErrors(t *testing.T) {
	site, w := newSite(t, 20, freshchat.Options{})
	id := site.Conversations(w)[3]
	tests := []struct {
		method, path, token, body string
		want                      int
	}{
		{"GET", "/v2/accounts/configuration", "", "", 401},
		{"GET", "/v2/accounts/configuration", "other", "", 401},
		{"GET", "/v2/agents", freshchat.ForbiddenToken, "", 403},
		{"GET", "/v2/conversations", freshchat.Token, "", 404}, // there is no list
		{"GET", "/conversations/" + id, freshchat.Token, "", 404},
		{"GET", "/v2/conversations/" + id, freshchat.Token, "", 200},
		{"GET", "/v2/conversations/nobody", freshchat.Token, "", 404},
		{"GET", "/v2/conversations/" + id + "/messages?items_per_page=51", freshchat.Token, "", 400},
		{"GET", "/v2/users", freshchat.Token, "", 400}, // a filter is needed
		{"GET", "/v2/users?created_from=2000-01-01T00:00:00.000Z", freshchat.Token, "", 200},
		{"POST", "/v2/reports/raw", freshchat.Token, `{"start":"2025-03-01T00:00:00.000Z","end":"2025-03-02T23:59:59.999Z","event":"Chat-Transcript","format":"csv"}`, 400},
		{"POST", "/v2/reports/raw", freshchat.Token, `{"start":"2025-03-01T00:00:00.000Z","end":"2025-04-02T00:00:00.000Z","event":"CSAT-Score","format":"csv"}`, 400},
		{"POST", "/v2/reports/raw", freshchat.Token, `{"start":"2025-03-01T00:00:00.000Z","end":"2025-03-01T23:59:59.999Z","event":"Weather","format":"csv"}`, 400},
		{"POST", "/v2/reports/raw", freshchat.Token, `{`, 400},
		{"GET", "/v2/reports/raw/x", freshchat.Token, "", 404},
		{"POST", "/v2/users/fetch", freshchat.Token, `{"ids":[]}`, 400},
	}
	for _, tt := range tests {
		if w := ask(site, tt.method, tt.path, tt.token, tt.body); w.Code != tt.want || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("%s %s: status %d, want %d", tt.method, tt.path, w.Code, tt.want)
		}
	}
	if w := ask(freshchat.Portal(), "GET", "/v2/agents", freshchat.Token, ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), "<!doctype") {
		t.Errorf("the portal answers %d", w.Code)
	}
}

// A report is ordered, is pending for a while, and is then a ZIP file behind a link that accepts no token and expires.
func TestReport(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	site, _ := newSite(t, 60, freshchat.Options{Now: func() time.Time { return now }, Reports: freshchat.Reports{Polls: 1, PerMinute: 1, PerDay: 2}})
	order := func(hour int) string {
		return fmt.Sprintf(`{"start":"2025-03-02T%02d:00:00.000Z","end":"2025-03-03T%02d:59:59.999Z","event":"Chat-Transcript","format":"csv"}`, hour, hour-1)
	}
	id := get(t, site, "POST", "/v2/reports/raw", order(12), 202)["id"].(string)
	if w := ask(site, "POST", "/v2/reports/raw", freshchat.Token, order(12)); w.Code != 429 || w.Header().Get("Retry-After") != "61" {
		t.Errorf("a second order in the same minute: %d, %q", w.Code, w.Header().Get("Retry-After"))
	}
	if state := get(t, site, "GET", "/v2/reports/raw/"+id, "", 200)["status"]; state == "COMPLETED" {
		t.Error("the report was there at once")
	}
	report := get(t, site, "GET", "/v2/reports/raw/"+id, "", 200)
	links := report["links"].([]any)
	if report["status"] != "COMPLETED" || len(links) != 2 {
		t.Fatalf("status %v, %d links; want one for each day", report["status"], len(links))
	}
	rows := 0
	for _, l := range links {
		href := l.(map[string]any)["link"].(map[string]any)["href"].(string)
		if w := ask(site, "GET", href, freshchat.Token, ""); w.Code != 400 {
			t.Errorf("a link with a token: %d", w.Code)
		}
		w := ask(site, "GET", href, "", "")
		rows += len(readZIP(t, w.Body.Bytes()))
		now = now.Add(61 * time.Minute)
		if w := ask(site, "GET", href, "", ""); w.Code != 403 || !strings.Contains(w.Body.String(), "<Error>") {
			t.Errorf("an old link: %d", w.Code)
		}
		now = now.Add(-61 * time.Minute)
	}
	if rows < 10 {
		t.Errorf("%d rows", rows)
	}
	now = now.Add(2 * time.Minute)
	get(t, site, "POST", "/v2/reports/raw", order(13), 202)
	now = now.Add(2 * time.Minute)
	if w := ask(site, "POST", "/v2/reports/raw", freshchat.Token, order(14)); w.Code != 429 {
		t.Errorf("a third order in a day of two: %d", w.Code)
	}
	if n := site.Stats().Throttled; n != 2 {
		t.Errorf("%d throttled", n)
	}
}

func readZIP(t *testing.T, body []byte) [][]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}

// Messages come newest first; each page leads to older ones, and the last has no link.
func TestMessages(t *testing.T) {
	site, w := newSite(t, 60, freshchat.Options{MessagePage: 3})
	for _, id := range site.Conversations(w) {
		truth, ok := site.Thread(id, freshchat.Reading{Lane: "rest"})
		if !ok {
			t.Fatal(id)
		}
		seen := map[string]bool{}
		last := ""
		for path := "/v2/conversations/" + id + "/messages?items_per_page=50"; path != ""; {
			page := get(t, site, "GET", path, "", 200)
			for _, m := range page["messages"].([]any) {
				m := m.(map[string]any)
				if at := m["created_time"].(string); last != "" && at > last {
					t.Errorf("conversation %s: %s comes after %s", id, at, last)
				} else {
					last = at
				}
				seen[m["id"].(string)] = true
			}
			path = ""
			if link, ok := page["link"].(map[string]any); ok {
				path = link["href"].(string)
			}
		}
		if len(seen) != len(truth.Messages) {
			t.Errorf("conversation %s: %d messages, want %d", id, len(seen), len(truth.Messages))
		}
	}
}

// A sparse body has five fields; a full one omits fields without a value.
func TestConversation(t *testing.T) {
	for sparse, fields := range map[string]int{"all": 5, "none": 12} {
		site, w := newSite(t, 20, freshchat.Options{Sparse: sparse})
		for _, id := range site.Conversations(w) {
			c := get(t, site, "GET", "/v2/conversations/"+id, "", 200)
			if sparse == "all" && len(c) != fields || len(c) < fields && sparse == "none" {
				t.Errorf("%d fields: %v", len(c), c)
			}
			for name, v := range c {
				if v == nil {
					t.Errorf("%s is null", name)
				}
			}
		}
	}
}

// System users are shown only on request, and deleted users never.
func TestUsers(t *testing.T) {
	site, w := newSite(t, 60, freshchat.Options{ListPage: 5, DeletedPeople: 4})
	truth, _ := site.Thread(site.Conversations(w)[0], freshchat.Reading{Lane: "rest"})
	for _, p := range truth.Participants {
		if p.Type != "system" {
			continue
		}
		if w := ask(site, "GET", "/v2/users/"+p.ParticipantID, freshchat.Token, ""); w.Code != 404 {
			t.Errorf("a system user was shown: %d", w.Code)
		}
		get(t, site, "GET", "/v2/users/"+p.ParticipantID+"?system_user=true", "", 200)
	}
	page := get(t, site, "GET", "/v2/users?created_from=2000-01-01T00:00:00Z&sort_order=asc&page=2", "", 200)
	if rows := page["users"].([]any); len(rows) != 5 || page["pagination"].(map[string]any)["current_page"] != 2.0 || page["links"].(map[string]any)["next_page"] == nil {
		t.Errorf("%d rows, %v", len(rows), page["pagination"])
	}
	if got, want := len(site.Snapshot().Contacts), 25; got >= want || got < want/2 {
		t.Errorf("%d contacts", got)
	}
}

// The same world gives the same site.
func TestDeterministic(t *testing.T) {
	a, w := newSite(t, 40, freshchat.Options{})
	b, _ := newSite(t, 40, freshchat.Options{})
	for i, id := range a.Conversations(w) {
		path := "/v2/conversations/" + id + "/messages"
		if b.Conversations(w)[i] != id || ask(a, "GET", path, freshchat.Token, "").Body.String() != ask(b, "GET", path, freshchat.Token, "").Body.String() {
			t.Errorf("conversation %s differs", id)
		}
	}
	if !a.DeleteConversation(a.Conversations(w)[0]) || a.DeleteConversation("nobody") || len(a.Conversations(w)) != 39 {
		t.Error("a conversation was not deleted")
	}
}

func BenchmarkTranscript(b *testing.B) {
	config := simulator.CorpusConfig{Seed: 7, Conversations: 20_000}
	site := freshchat.New(simulator.NewCorpus(config), freshchat.Options{})
	day := 0
	for b.Loop() {
		start := time.Date(2025, 1, 1+day%300, 0, 0, 0, 0, time.UTC)
		day++
		body := fmt.Sprintf(`{"start":%q,"end":%q,"event":"Chat-Transcript","format":"csv"}`, start.Format(time.RFC3339), start.Add(24*time.Hour-time.Millisecond).Format(time.RFC3339Nano))
		id := get(b, site, "POST", "/v2/reports/raw", body, 202)["id"].(string)
		links := get(b, site, "GET", "/v2/reports/raw/"+id, "", 200)["links"].([]any)
		href := links[0].(map[string]any)["link"].(map[string]any)["href"].(string)
		if w := ask(site, "GET", href, "", ""); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}

package chatwoot_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// newSite makes a site of a small world.
func newSite(t testing.TB, conversations int, options chatwoot.Options) *chatwoot.Site {
	t.Helper()
	return chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 7, Conversations: conversations}), options)
}

// ask makes one request with a token, below the account's path.
func ask(t testing.TB, site http.Handler, method, path, token, body string) *httptest.ResponseRecorder {
	t.Helper()
	if !strings.HasPrefix(path, "/") {
		path = "/api/v1/accounts/1/" + path
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("api_access_token", token)
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, r)
	return w
}

// get asks as an administrator and decodes a good answer into out.
func get(t testing.TB, site http.Handler, path string, out any) {
	t.Helper()
	w := ask(t, site, "GET", path, chatwoot.AdministratorToken, "")
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: status %d: %s", path, w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
}

type list struct {
	Data struct {
		Meta    map[string]int
		Payload []row
	}
}

type row struct {
	ID        int64
	CreatedAt int64 `json:"created_at"`
	Status    string
}

func TestListPages(t *testing.T) {
	site := newSite(t, 103, chatwoot.Options{})
	seen := map[int64]bool{}
	var last row
	for page, want := range []int{25, 25, 25, 25, 3, 0} {
		var l list
		get(t, site, "conversations?status=all&sort_by=created_at_asc&page="+string(rune('1'+page)), &l)
		if len(l.Data.Payload) != want || l.Data.Meta["all_count"] != 103 {
			t.Fatalf("page %d has %d rows of %d, want %d of 103", page+1, len(l.Data.Payload), l.Data.Meta["all_count"], want)
		}
		for _, r := range l.Data.Payload {
			if seen[r.ID] || r.CreatedAt < last.CreatedAt {
				t.Errorf("page %d: conversation %d is doubled or out of order", page+1, r.ID)
			}
			seen[r.ID], last = true, r
		}
	}
}

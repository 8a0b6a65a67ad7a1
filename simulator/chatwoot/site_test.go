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

// newSite returns a site with a small world.
func newSite(t testing.TB, conversations int, options chatwoot.Options) *chatwoot.Site {
	t.Helper()
	return chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 7, Conversations: conversations}), options)
}

// ask sends one request with a token; the path is relative to the account.
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

// get sends a request as an administrator and decodes a successful answer into out.
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

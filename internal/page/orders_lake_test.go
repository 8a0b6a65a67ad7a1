package page

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/worker"
)

// working is a page in a process that works for a simulated account, which refuses requests for messages with 401 while refuse is true.
func working(t *testing.T, refuse *atomic.Bool) *visitor {
	t.Helper()
	fake := chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 40, From: demo.From, To: demo.To}), chatwoot.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse.Load() && strings.HasSuffix(r.URL.Path, "/messages") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"Invalid Access Token"}`))
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	token, name := filepath.Join(folder, "token"), filepath.Join(folder, "chatlake.yaml")
	text := fmt.Sprintf("state_dir: %s\nlake: {url: 'file:%s'}\naccounts:\n  acme: {provider: chatwoot, base_url: '%s', account_id: 1, token: 'file:%s', rate: {requests_per_second: 0}}\n",
		t.TempDir(), t.TempDir(), server.URL, token)
	for file, text := range map[string]string{name: text, token: chatwoot.AdministratorToken} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := worker.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := operate.Connect(t.Context(), c, worker.ConnectOptions{})
	if err == nil {
		err = s.Work(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return local(New(Options{Config: c, Session: s}))
}

// TestOrdersOnWindows copies a window that blocks, gives it up, copies it again and retries it, all on the page.
func TestOrdersOnWindows(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	v := working(t, &refuse)
	window := "acme/created/" + month(1).String()
	shard := "/shard?of=" + url.QueryEscape(window)
	until := func(path, want string) string {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			_, text, _ := v.get(t, path)
			if strings.Contains(text, want) {
				return text
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s never shows %q:\n%s", path, want, text)
			}
		}
	}
	give := func(path, order, reason string) string {
		t.Helper()
		form := url.Values{"token": {v.token(t)}, "order": {order}, "of": {window}, "back": {url.Values{"of": {window}}.Encode()}}
		if reason != "" {
			form.Set("reason", reason)
		}
		status, text, h := v.post(t, path, form)
		if status != http.StatusSeeOther {
			t.Fatalf("%s: status %d: %s", order, status, text)
		}
		_, text, _ = v.get(t, h.Get("Location"))
		return text
	}
	order := func(path, name, reason, want string) {
		t.Helper()
		if text := give(path, name, reason); !strings.Contains(text, want) {
			t.Errorf("%s: lacks %q:\n%s", name, want, text)
		}
	}
	start := func(path, name string) { // as soon as the export before has ended
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !strings.Contains(give(path, name, ""), "Started the export 2025-01-01_2025-02-01 of acme."); {
			if time.Now().After(deadline) {
				t.Fatalf("%s starts nothing", name)
			}
		}
	}
	start("/shard", "missing")
	text := until("/gaps", "blocked</span>")
	for _, want := range []string{"status 401", "Fix the account&#39;s token", "Give up for now"} {
		if !strings.Contains(text, want) {
			t.Errorf("a blocked window: lacks %q:\n%s", want, text)
		}
	}
	until("/coverage?in=2025", ">blocked</span>")
	until(shard, "Try again now")
	order("/shard", "missing", "", "The export 2025-01-01_2025-02-01 of acme runs already.")
	order("/shard", "skip", "", "The reason is missing")
	order("/shard", "skip", "the token is being replaced", "Given up for now.")
	until("/gaps", "the token is being replaced (")
	order("/shard", "skip", "again", "is not blocked")

	start("/shard", "missing")
	until(shard, "Try again now")
	refuse.Store(false)
	order("/gaps", "retry", "", "It is tried again.")
	until(shard, "complete</span>")
	until("/coverage?in=2025", ">complete</span>")
	until("/gaps", "no gaps")

	start("/gaps", "copy")
	until(shard, "2, made by export")
}

package worker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/simulator/liveperson"
	fakes "github.com/chatlake/chatlake/simulator/platforms"
	"github.com/chatlake/chatlake/worker"
)

// checked is a configuration of one account with each setting on a separate line.
func checked(t *testing.T, lake, baseURL, id string) worker.Config {
	t.Helper()
	return load(t, fmt.Sprintf(`state_dir: %s
lake:
  url: %q
accounts:
  acme:
    provider: chatwoot
    base_url: %s
    account_id: %s
    token: env:CHATLAKE_TEST_TOKEN
`, t.TempDir(), lake, baseURL, id))
}

func TestCheck(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 5})
	site := httptest.NewServer(fake.New(corpus, fake.Options{}))
	defer site.Close()
	answer := func(status int, contentType, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	folder := "file:" + t.TempDir()
	notAFolder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notAFolder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const missing = "chatlake.yaml:9: accounts.acme.token: the environment variable CHATLAKE_TEST_TOKEN is not set"
	tests := []struct{ name, lake, baseURL, id, token, want string }{
		{"right", folder, site.URL, "1", fake.AdministratorToken, ""},
		{"sees a part only", folder, site.URL, "1", fake.AgentToken, ""},
		{"lake that cannot be made", "file:" + notAFolder, site.URL, "1", fake.AdministratorToken, "chatlake.yaml:3: lake.url: "},
		{"no secret", folder, site.URL, "1", "", missing},
		{"wrong token", folder, site.URL, "1", "hunter2", "chatlake.yaml:9: accounts.acme.token: "},
		{"a bot's token", folder, site.URL, "1", fake.BotToken, "chatlake.yaml:9: accounts.acme.token: "},
		{"a stranger's token", folder, site.URL, "1", fake.OutsiderToken, "chatlake.yaml:8: accounts.acme.account_id: the token's user does not belong"},
		{"wrong account", folder, site.URL, "99", fake.AdministratorToken, "chatlake.yaml:8: accounts.acme.account_id: the server has no such account"},
		{"a page for people", folder, answer(200, "text/html", "<html>"), "1", "hunter2", "chatlake.yaml:7: accounts.acme.base_url: "},
		{"another web site", folder, answer(404, "text/html", "<html>"), "1", "hunter2", "chatlake.yaml:8: accounts.acme.account_id: "},
		{"another API", folder, answer(200, "application/json", "{}"), "1", "hunter2", "chatlake.yaml:7: accounts.acme.base_url: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CHATLAKE_TEST_TOKEN", tt.token)
			err := worker.Check(t.Context(), checked(t, tt.lake, tt.baseURL, tt.id), "acme")
			if tt.want == "" {
				if err != nil {
					t.Errorf("error %v", err)
				}
				return
			}
			var problem worker.Problem
			if !errors.As(err, &problem) || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error %v, want one beginning with %q", err, tt.want)
			}
			if tt.token != "" && strings.Contains(fmt.Sprint(err), tt.token) {
				t.Errorf("error %v repeats the token", err)
			}
		})
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	t.Setenv("CHATLAKE_TEST_TOKEN", "any")
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if err := worker.Check(ctx, checked(t, "file:"+t.TempDir(), server.URL, "1"), "acme"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context has ended", err)
	}
}

// TestARefusalNamesAKeyOfTheFile makes LivePerson refuse every way to sign in: the error must name a line of a key in the file.
func TestARefusalNamesAKeyOfTheFile(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 5})
	site := httptest.NewServer(liveperson.New(corpus, liveperson.Options{}))
	defer site.Close()
	t.Setenv("CHATLAKE_TEST_TOKEN", "wrong")
	for settings, want := range map[string]string{
		"token: env:CHATLAKE_TEST_TOKEN": "chatlake.yaml:8: accounts.acme.token: ",
		"secrets: {client_id: env:CHATLAKE_TEST_TOKEN, client_secret: env:CHATLAKE_TEST_TOKEN}":                                                                                 "chatlake.yaml:8: accounts.acme.secrets.client_secret: ",
		"secrets: {username: env:CHATLAKE_TEST_TOKEN, password: env:CHATLAKE_TEST_TOKEN}":                                                                                       "chatlake.yaml:8: accounts.acme.secrets.password: ",
		"secrets: {app_key: env:CHATLAKE_TEST_TOKEN, app_secret: env:CHATLAKE_TEST_TOKEN, access_token: env:CHATLAKE_TEST_TOKEN, access_token_secret: env:CHATLAKE_TEST_TOKEN}": "chatlake.yaml:8: accounts.acme.secrets: ",
	} {
		c := load(t, fmt.Sprintf("lake:\n  url: %q\naccounts:\n  acme:\n    provider: liveperson\n    base_url: %s\n    account_id: %s\n    %s\n",
			"file:"+t.TempDir(), site.URL, liveperson.DefaultAccount, settings))
		err := worker.Check(t.Context(), c, "acme")
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: error %v, want one beginning with %q", settings, err, want)
		}
		whole := schemas.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)}
		if _, err := c.Plan(t.Context(), worker.PlanInput{Account: "acme", Range: whole, Requests: 100, Sample: 5}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("plan with %s: error %v, want one beginning with %q", settings, err, want)
		}
	}
}

// TestPlanTriesTheCredentials gives every provider a token that its platform refuses, whether the platform can count or not.
func TestPlanTriesTheCredentials(t *testing.T) {
	t.Setenv("CHATLAKE_TEST_TOKEN", "wrong")
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 5})
	for _, f := range fakes.All {
		server := httptest.NewServer(f.Site(corpus, simulator.Conduct{Token: f.Account.Token}))
		defer server.Close()
		c := load(t, fmt.Sprintf("lake: {url: %q}\naccounts:\n  acme: {provider: %s, base_url: %q, account_id: %q, token: env:CHATLAKE_TEST_TOKEN}\n",
			"file:"+t.TempDir(), f.Provider, server.URL, f.Account.ID))
		whole := schemas.Window{From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)}
		_, err := c.Plan(t.Context(), worker.PlanInput{Account: "acme", Range: whole, Requests: 100, Sample: 5})
		var problem worker.Problem
		if !errors.As(err, &problem) || problem.Key != "accounts.acme.token" {
			t.Errorf("%s: error %v, want a problem of the token", f.Provider, err)
		}
	}
}

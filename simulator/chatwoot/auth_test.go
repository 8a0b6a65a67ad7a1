package chatwoot_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/simulator/chatwoot"
)

// TestErrors compares complete error bodies with those of the samples.
func TestErrors(t *testing.T) {
	site := newSite(t, 60, chatwoot.Options{})
	suspended := newSite(t, 1, chatwoot.Options{Suspended: true})
	filter := func(member string) string { return `{"payload":[{` + member + `,"query_operator":null}]}` }
	tests := []struct {
		name, sample string
		site         http.Handler
		token        string
		method, path string
		body         string
		status       int
	}{
		{name: "no token", sample: "error_401_missing_token.json", path: "agents", status: 401},
		{name: "unknown token", sample: "error_401_invalid_token.json", token: "x", path: "agents", status: 401},
		{name: "unknown token, other account", sample: "error_401_invalid_token.json", token: "x", path: "/api/v1/accounts/2/agents", status: 401},
		{name: "bot lists", sample: "error_401_bot.json", token: chatwoot.BotToken, path: "conversations", status: 401},
		{name: "bot reads messages", sample: "error_401_bot.json", token: chatwoot.BotToken, path: "conversations/1/messages", status: 401},
		{name: "bot profile", sample: "error_401_bot.json", token: chatwoot.BotToken, path: "/api/v1/profile", status: 401},
		{name: "outsider", sample: "error_401_other_account.json", token: chatwoot.OutsiderToken, path: "agents", status: 401},
		{name: "suspended", sample: "error_401_account_suspended.json", site: suspended, token: chatwoot.AdministratorToken, path: "agents", status: 401},
		{name: "agent asks for surveys", sample: "error_401_not_permitted.json", token: chatwoot.AgentToken, path: "csat_survey_responses", status: 401},
		{name: "other account", sample: "error_404.json", token: chatwoot.AdministratorToken, path: "/api/v1/accounts/2/agents", status: 404},
		{name: "account without a number", sample: "error_404.json", token: chatwoot.AdministratorToken, path: "/api/v1/accounts/acme/agents", status: 404},
		{name: "no such conversation", sample: "error_404.json", token: chatwoot.AdministratorToken, path: "conversations/38", status: 404},
		{name: "no such messages", sample: "error_404.json", token: chatwoot.AdministratorToken, path: "conversations/99999/messages", status: 404},
		{name: "no such team", sample: "error_404.json", token: chatwoot.AdministratorToken, path: "conversations?team_id=77", status: 404},
		{name: "edition without reporting events", sample: "error_404.json", token: chatwoot.AdministratorToken, path: "conversations/1/reporting_events", status: 404},
		{
			name: "filter by unknown key", sample: "error_422_filter_invalid_attribute.json", token: chatwoot.AdministratorToken, method: "POST",
			path: "conversations/filter", body: filter(`"attribute_key":"phone_number","filter_operator":"equal_to","values":["1"]`), status: 422,
		},
		{
			name: "filter with wrong operator", sample: "error_422_filter_invalid_operator.json", token: chatwoot.AdministratorToken, method: "POST",
			path: "conversations/filter", body: filter(`"attribute_key":"status","filter_operator":"contains","values":["open"]`), status: 422,
		},
		{
			name: "filter with wrong value", sample: "error_422_filter_invalid_value.json", token: chatwoot.AdministratorToken, method: "POST",
			path: "conversations/filter", body: filter(`"attribute_key":"created_at","filter_operator":"is_less_than","values":["soon"]`), status: 422,
		},
		{
			name: "filter by update", sample: "error_422_filter_updated_at.json", token: chatwoot.AdministratorToken, method: "POST",
			path: "conversations/filter", body: filter(`"attribute_key":"updated_at","filter_operator":"is_greater_than","values":["2026-10-01"]`), status: 422,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.site == nil {
				tt.site = site
			}
			if tt.method == "" {
				tt.method = "GET"
			}
			w := ask(t, tt.site, tt.method, tt.path, tt.token, tt.body)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			var want, got any
			if err := json.Unmarshal(sample(t, tt.sample), &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("decode %q: %v", w.Body, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("body (-sample +answer):\n%s", diff)
			}
		})
	}
}

func TestBotShows(t *testing.T) {
	site := newSite(t, 3, chatwoot.Options{})
	if w := ask(t, site, "GET", "conversations/1", chatwoot.BotToken, ""); w.Code != http.StatusOK {
		t.Errorf("status %d, want 200: a bot may look at one conversation", w.Code)
	}
}

func TestMalformedFilter(t *testing.T) {
	w := ask(t, newSite(t, 3, chatwoot.Options{}), "POST", "conversations/filter", chatwoot.AdministratorToken, `{"payload":`)
	if w.Code != http.StatusInternalServerError || w.Body.Len() != 0 {
		t.Errorf("status %d with %d bytes, want 500 without a body", w.Code, w.Body.Len())
	}
}

func TestAgentSeesItsInboxes(t *testing.T) {
	site := newSite(t, 200, chatwoot.Options{AgentInboxes: []int64{5}})
	var all list
	get(t, site, "conversations?status=all", &all)
	var part list
	if err := json.Unmarshal(ask(t, site, "GET", "conversations?status=all", chatwoot.AgentToken, "").Body.Bytes(), &part); err != nil {
		t.Fatal(err)
	}
	if n := part.Data.Meta["all_count"]; n == 0 || n >= all.Data.Meta["all_count"] {
		t.Errorf("the agent sees %d of %d conversations, want a part", n, all.Data.Meta["all_count"])
	}
	seen := map[int64]bool{}
	for _, r := range part.Data.Payload {
		seen[r.ID] = true
	}
	for _, r := range all.Data.Payload {
		w := ask(t, site, "GET", "conversations/"+itoa(r.ID)+"/messages", chatwoot.AgentToken, "")
		if refused := w.Code == http.StatusUnauthorized; refused == seen[r.ID] {
			t.Errorf("conversation %d: listed %v, refused %v", r.ID, seen[r.ID], refused)
		}
	}
}

func TestProfile(t *testing.T) {
	site := newSite(t, 3, chatwoot.Options{})
	for token, want := range map[string]string{chatwoot.AdministratorToken: "administrator", chatwoot.AgentToken: "agent"} {
		var profile struct {
			Role     string
			Accounts []struct {
				ID   int64
				Role string
			}
		}
		if err := json.Unmarshal(ask(t, site, "GET", "/api/v1/profile", token, "").Body.Bytes(), &profile); err != nil {
			t.Fatal(err)
		}
		if profile.Role != want || len(profile.Accounts) != 1 || profile.Accounts[0].Role != want || profile.Accounts[0].ID != 1 {
			t.Errorf("profile of %s is %+v", want, profile)
		}
	}
}

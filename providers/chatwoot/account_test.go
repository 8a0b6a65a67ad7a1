package chatwoot

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

func TestCheck(t *testing.T) {
	fine := providers.Account{BaseURL: "https://chat.example.com/sub", AccountID: "12", Options: map[string]string{"details": "false", "participants": "true", "reporting_events": "1"}}
	if err := Definition.Check(fine); err != nil {
		t.Error(err)
	}
	tests := []struct {
		key    string
		change func(*providers.Account)
	}{
		{"base_url", func(a *providers.Account) { a.BaseURL = "" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "chat.example.com" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "ftp://chat.example.com" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "https://a:b@chat.example.com" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "https://chat.example.com/api/v1/accounts/3" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "acme" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "0" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "1/../2" }},
		{"options.details", func(a *providers.Account) { a.Options = map[string]string{"details": "maybe"} }},
		{"options.colour", func(a *providers.Account) { a.Options = map[string]string{"colour": "true"} }},
	}
	for _, tt := range tests {
		a := fine
		tt.change(&a)
		var setting *providers.Setting
		if err := Inquirly.Check(a); !errors.As(err, &setting) || setting.Key != tt.key {
			t.Errorf("%+v: error %v, want one about %s", a, err, tt.key)
		}
		if _, err := Definition.Open(a); err == nil {
			t.Errorf("%+v was opened", a)
		}
	}
}

func TestProbe(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 5})
	tests := []struct {
		name    string
		options fake.Options
		change  func(*providers.Account)
		want    providers.Visibility
		is      error
	}{
		{"administrator", fake.Options{}, func(a *providers.Account) { a.Token = fake.AdministratorToken }, providers.VisibilityFull, nil},
		{"agent", fake.Options{}, func(a *providers.Account) { a.Token = fake.AgentToken }, providers.VisibilityPartial, nil},
		{"bot", fake.Options{}, func(a *providers.Account) { a.Token = fake.BotToken }, "", errBot},
		{"outsider", fake.Options{}, func(a *providers.Account) { a.Token = fake.OutsiderToken }, "", errNotMember},
		{"unknown token", fake.Options{}, func(*providers.Account) {}, "", errToken},
		{"no token", fake.Options{}, func(a *providers.Account) { a.Token = "" }, "", errNoToken},
		{"other account", fake.Options{}, func(a *providers.Account) { a.Token, a.AccountID = fake.AdministratorToken, "99" }, "", errAccount},
		{"suspended", fake.Options{Suspended: true}, func(a *providers.Account) { a.Token = fake.AdministratorToken }, "", errSuspended},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(fake.New(corpus, tt.options))
			defer server.Close()
			probe, err := testAccount(t, server.URL, tt.change).Probe(t.Context())
			if tt.is != nil {
				var e *providers.Error
				if !errors.Is(err, tt.is) || !errors.As(err, &e) || e.Kind != providers.Denied {
					t.Errorf("the error is %v, want %v", err, tt.is)
				}
				return
			}
			if err != nil || probe.Visibility != tt.want || (probe.Advice == "") != (tt.want == providers.VisibilityFull) {
				t.Errorf("Probe = %+v, error %v; want %s", probe, err, tt.want)
			}
		})
	}
}

// TestProbeOfForks probes servers without a profile or without surveys, and servers that are not Chatwoot.
func TestProbeOfForks(t *testing.T) {
	list := providertest.Says(200, `{"data":{"meta":{"all_count":0},"payload":[]}}`)
	surveys := root + "/csat_survey_responses"
	refuse := providertest.Says(401, `{"error":"You are not authorized to do this action"}`)
	type answers = map[string]http.HandlerFunc
	tests := []struct {
		name    string
		answers answers
		want    providers.Visibility
		is      error
	}{
		{"no profile, administrator", answers{root + "/conversations": list, surveys: providertest.Says(200, `[]`)}, providers.VisibilityFull, nil},
		{"no profile, agent", answers{root + "/conversations": list, surveys: refuse}, providers.VisibilityPartial, nil},
		{"no sign of a role", answers{root + "/conversations": list}, providers.VisibilityUnknown, nil},
		{"profile of another shape", answers{"/api/v1/profile": providertest.Says(200, `{"data":[1]}`), root + "/conversations": list, surveys: providertest.Says(200, `[]`)}, providers.VisibilityFull, nil},
		{"role as text and number", answers{"/api/v1/profile": providertest.Says(200, `{"accounts":[{"id":2,"role":"administrator"},{"id":"1","role":"agent"}]}`), root + "/conversations": list}, providers.VisibilityPartial, nil},
		{"no Chatwoot", nil, "", errAccount},
		{"another web site", answers{root + "/conversations": providertest.WebPage(404)}, "", errAccount},
		{"a web page", answers{"/api/v1/profile": providertest.WebPage(200)}, "", rest.ErrHTML},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			probe, err := static(t, tt.answers).Probe(t.Context())
			if !errors.Is(err, tt.is) || (err == nil) != (tt.is == nil) || probe.Visibility != tt.want {
				t.Errorf("Probe = %+v, error %v; want %s, %v", probe, err, tt.want, tt.is)
			}
			if err != nil && (strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "http")) {
				t.Errorf("the error contains the token or an address: %v", err)
			}
		})
	}
}

package freshchat

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

func TestCheck(t *testing.T) {
	for _, base := range []string{"https://acme.freshchat.com/v2", "https://acme.freshchat.com", "https://acme.freshchat.com/v2/", "http://127.0.0.1:8080/sub/v2"} {
		for _, options := range []map[string]string{
			nil, {"lane": "rest", "enumeration": "users"}, {"lane": "transcript", "transcript_tail": "0"}, {"reports": "none"},
			{"reports": "csat-score, Message-Sent,CSAT-Score"}, {"enumeration": "reports", "lane": "both"},
			{"reports_per_minute": "2", "reports_per_day": "0"},
		} {
			if err := Definition.Check(providers.Account{BaseURL: base, Options: options}); err != nil {
				t.Errorf("%s %v: %v", base, options, err)
			}
		}
	}
	tests := []struct {
		key     string
		base    string
		options map[string]string
	}{
		{"base_url", "", nil},
		{"base_url", "acme.freshchat.com", nil},
		{"base_url", "ftp://acme.freshchat.com", nil},
		{"base_url", "https://a:b@acme.freshchat.com", nil},
		{"base_url", "https://acme.freshchat.com/v2/conversations", nil},
		{"options.lane", "https://acme.freshchat.com", map[string]string{"lane": "fast"}},
		{"options.enumeration", "https://acme.freshchat.com", map[string]string{"enumeration": "webhooks"}},
		{"options.enumeration", "https://acme.freshchat.com", map[string]string{"enumeration": "users", "lane": "transcript"}},
		{"options.transcript_tail", "https://acme.freshchat.com", map[string]string{"lane": "transcript", "transcript_tail": "15"}},
		{"options.transcript_tail", "https://acme.freshchat.com", map[string]string{"lane": "transcript", "transcript_tail": "a week"}},
		{"options.transcript_tail", "https://acme.freshchat.com", map[string]string{"transcript_tail": "3"}},
		{"options.reports", "https://acme.freshchat.com", map[string]string{"reports": "CSAT"}},
		{"options.reports", "https://acme.freshchat.com", map[string]string{"reports": ""}},
		{"options.reports_per_minute", "https://acme.freshchat.com", map[string]string{"reports_per_minute": "-1"}},
		{"options.reports_per_day", "https://acme.freshchat.com", map[string]string{"reports_per_day": "many"}},
		{"options.colour", "https://acme.freshchat.com", map[string]string{"colour": "red"}},
	}
	for _, tt := range tests {
		a := providers.Account{BaseURL: tt.base, Options: tt.options}
		var setting *providers.Setting
		if err := Definition.Check(a); !errors.As(err, &setting) || setting.Key != tt.key {
			t.Errorf("%+v: error %v, want one about %s", a, err, tt.key)
		}
		if _, err := Definition.Open(a); err == nil {
			t.Errorf("%+v was opened", a)
		}
	}
}

// TestUsersAreOnlyPart: the enumeration users does not find the conversations of erased users, and an export must not be called complete.
func TestUsersAreOnlyPart(t *testing.T) {
	for enumeration, want := range map[string]providers.Visibility{"users": providers.VisibilityPartial, "reports": providers.VisibilityFull} {
		_, a, _ := site(t, small(5), fake.Options{}, map[string]string{"enumeration": enumeration})
		probe, err := a.Probe(t.Context())
		if err != nil || probe.Visibility != want || (probe.Advice != "") != (want == providers.VisibilityPartial) {
			t.Errorf("%s: %+v, %v", enumeration, probe, err)
		}
	}
}

func TestProbe(t *testing.T) {
	site := fake.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 5}), fake.Options{})
	tests := []struct {
		name    string
		handler http.Handler
		token   string
		kind    providers.Kind
		is      error
	}{
		{"fine", site, fake.Token, "", nil},
		{"unknown token", site, "other", providers.Denied, errToken},
		{"no token", site, "", providers.Denied, errToken},
		{"token without scopes", site, fake.ForbiddenToken, providers.Denied, errForbidden},
		{"portal", fake.Portal(), fake.Token, providers.Malformed, errPortal},
		{"portal", fake.Portal(), fake.Token, providers.Malformed, rest.ErrHTML},
		{"web page 404", providertest.WebPage(404), fake.Token, providers.Transient, rest.ErrNotFromAPI},
		{"another API", providertest.Says(404, `{"code":404}`), fake.Token, providers.Denied, errNoAccount},
		{"another object", providertest.Says(200, `{"name":"x"}`), fake.Token, providers.Malformed, errNoAccount},
		{"a list", providertest.Says(200, `[]`), fake.Token, providers.Malformed, wire.ErrShape},
		{"wrapped", providertest.Says(200, `{"configuration":{"account_id":1}}`), fake.Token, "", nil},
		{"sample", providertest.Says(200, string(providertest.Sample(t, "accounts_configuration.json"))), fake.Token, "", nil},
		{"401", providertest.Says(401, string(providertest.Sample(t, "error_401.json"))), fake.Token, providers.Denied, errToken},
		{"403", providertest.Says(403, string(providertest.Sample(t, "error_403.json"))), fake.Token, providers.Denied, errForbidden},
		{"402", providertest.Says(402, `{}`), fake.Token, providers.Denied, errForbidden},
		{"400", providertest.Says(400, string(providertest.Sample(t, "error_400_observed.json"))), fake.Token, providers.Malformed, nil},
		{"500", providertest.Says(500, `oops`), fake.Token, providers.Transient, nil},
		{"503", providertest.Says(503, string(providertest.Sample(t, "error_503.json"))), fake.Token, providers.Transient, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tt.handler)
			defer server.Close()
			probe, err := testAccount(t, server.URL, func(a *providers.Account) { a.Token = tt.token }).Probe(t.Context())
			if tt.kind == "" {
				if err != nil || probe.Visibility != providers.VisibilityFull {
					t.Errorf("%+v, %v", probe, err)
				}
				return
			}
			var e *providers.Error
			if !errors.As(err, &e) || e.Kind != tt.kind || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("the error is %v, want %s %v", err, tt.kind, tt.is)
			}
			for _, text := range []string{"Unauthenticated", "EMPTY_CONTENT", server.URL} {
				if strings.Contains(err.Error(), text) {
					t.Errorf("the error %q contains %q", err, text)
				}
			}
		})
	}
}

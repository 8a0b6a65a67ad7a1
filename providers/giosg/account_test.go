package giosg

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

func TestCheck(t *testing.T) {
	fine := func() providers.Account {
		return providers.Account{BaseURL: Definition.BaseURL, AccountID: testOrg, Options: map[string]string{
			"rooms": testOrg + ", " + testOrg, "ordering": "created_at", "is_ended": "true", "open_chats": "leave", "visitors": "false",
		}, Secrets: map[string]string{}}
	}
	if err := Definition.Check(fine()); err != nil {
		t.Error(err)
	}
	tests := []struct {
		key    string
		change func(*providers.Account)
	}{
		{"base_url", func(a *providers.Account) { a.BaseURL = "" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "ftp://service.giosg.com" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "https://a:b@service.giosg.com" }},
		{"base_url", func(a *providers.Account) { a.BaseURL = "https://service.giosg.com/api/v5" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "" }},
		{"account_id", func(a *providers.Account) { a.AccountID = "12" }},
		{"account_id", func(a *providers.Account) { a.AccountID = testOrg + "/../x" }},
		{"options.rooms", func(a *providers.Account) { a.Options["rooms"] = "" }},
		{"options.rooms", func(a *providers.Account) { a.Options["rooms"] = testOrg + ",support" }},
		{"options.ordering", func(a *providers.Account) { a.Options["ordering"] = "-updated_at" }},
		{"options.open_chats", func(a *providers.Account) { a.Options["open_chats"] = "true" }},
		{"options.is_ended", func(a *providers.Account) { a.Options["is_ended"] = "1" }},
		{"options.auth", func(a *providers.Account) { a.Options["auth"] = "basic" }},
		{"options.colour", func(a *providers.Account) { a.Options["colour"] = "true" }},
		{"secrets.app_secret", func(a *providers.Account) { a.Options["auth"] = "giosgapp" }},
		{"secrets.app_secret", func(a *providers.Account) { a.Secrets["app_secret"] = "" }},
		{"secrets.private_keys_password", func(a *providers.Account) { a.Secrets["private_keys_password"] = "" }},
	}
	for _, tt := range tests {
		a := fine()
		tt.change(&a)
		var setting *providers.Setting
		if err := Definition.Check(a); !errors.As(err, &setting) || setting.Key != tt.key {
			t.Errorf("%+v: error %v, want one about %s", a, err, tt.key)
		}
		if _, err := Definition.Open(a); err == nil {
			t.Errorf("%+v was opened", a)
		}
	}
	a := fine()
	a.Secrets["private_keys"] = "no key"
	var setting *providers.Setting
	if err := Definition.Check(a); err != nil {
		t.Errorf("Check looked at a secret: %v", err)
	}
	if _, err := Definition.Open(a); !errors.As(err, &setting) || setting.Key != "secrets.private_keys" {
		t.Errorf("a key that is none: %v", err)
	}
}

func TestProbe(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 5})
	token := func(s string) func(*providers.Account) { return func(a *providers.Account) { a.Token = s } }
	tests := []struct {
		name    string
		options fake.Options
		change  func(*providers.Account)
		want    providers.Visibility
		is      error
	}{
		{"manager", fake.Options{}, token(fake.ManagerToken), providers.VisibilityUnknown, nil},
		{"limited", fake.Options{}, token(fake.LimitedToken), providers.VisibilityPartial, nil},
		{"outsider", fake.Options{}, token(fake.OutsiderToken), "", errOtherOrg},
		{"unknown token", fake.Options{}, token("?"), "", errToken},
		{"wrong scheme", fake.Options{Scheme: "Bearer"}, token(fake.ManagerToken), "", errToken},
		{"bearer", fake.Options{Scheme: "Bearer"}, func(a *providers.Account) {
			a.Token, a.Options = fake.ManagerToken, map[string]string{"auth": "bearer"}
		}, providers.VisibilityUnknown, nil},
		{"app", fake.Options{Scheme: "GIOSGAPP", AppSecret: "s3"}, func(a *providers.Account) {
			a.Token, a.Options, a.Secrets = fake.ManagerToken, map[string]string{"auth": "giosgapp"}, map[string]string{"app_secret": "s3"}
		}, providers.VisibilityUnknown, nil},
		{"another organization", fake.Options{}, func(a *providers.Account) {
			a.Token, a.AccountID = fake.ManagerToken, strings.Replace(testOrg, "7", "8", 1)
		}, "", errOtherOrg},
		{"another room", fake.Options{}, func(a *providers.Account) {
			a.Token, a.Options = fake.ManagerToken, map[string]string{"rooms": testOrg}
		}, "", errNoRoom},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(fake.New(corpus, tt.options))
			defer server.Close()
			probe, err := testAccount(t, server.URL, tt.change).Probe(t.Context())
			if tt.is != nil {
				if !errors.Is(err, tt.is) || kindOf(err) != providers.Denied {
					t.Errorf("the error is %v, want %v", err, tt.is)
				}
				return
			}
			if err != nil || probe.Visibility != tt.want || probe.Advice == "" {
				t.Errorf("the probe says %+v, error %v; want %s", probe, err, tt.want)
			}
		})
	}
}

// The keys are tried on the chats of the first page, and all chats that they do not decrypt are counted.
func TestProbeTriesKeys(t *testing.T) {
	const bits = 1024 // enough for a key that matches nothing
	made, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	other := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(made)}))
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 20})
	for name, tt := range map[string]struct {
		encrypted bool
		keys      string
		want      string
	}{
		"the key":       {true, fake.PrivateKey, ""},
		"two keys":      {true, other + fake.PrivateKey, ""},
		"another key":   {true, other, "has no key that decrypts"},
		"no key":        {true, "", "secrets.private_keys is missing"},
		"not encrypted": {false, "", ""},
	} {
		server := httptest.NewServer(fake.New(corpus, fake.Options{Encrypted: tt.encrypted}))
		a := testAccount(t, server.URL, func(p *providers.Account) {
			p.Token = fake.ManagerToken
			if tt.keys != "" {
				p.Secrets = map[string]string{secretKeys: tt.keys}
			}
		})
		found, err := a.Probe(t.Context())
		if err != nil || !strings.Contains(found.Unreadable, tt.want) || (found.Unreadable == "") != (tt.want == "") {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
		server.Close()
	}
}

// TestStatuses has the list return every status that the platform may return.
func TestStatuses(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		kind   providers.Kind
		is     error
	}{
		{401, string(providertest.Sample(t, "error_401.json")), providers.Denied, errToken},
		{403, string(providertest.Sample(t, "error_403.json")), providers.Denied, errRefused},
		{403, `{"detail":"Authentication credentials were not provided."}`, providers.Denied, errToken},
		{404, string(providertest.Sample(t, "error_404.json")), providers.Denied, errNoOrg},
		{404, "<html>", providers.Transient, rest.ErrNotFromAPI},
		{400, string(providertest.Sample(t, "error_400.json")), providers.Malformed, nil},
		{405, `{"detail":"Method \"GET\" not allowed."}`, providers.Malformed, nil},
		{500, `<h1>Server Error (500)</h1>`, providers.Transient, nil},
	} {
		a := static(t, func(*http.Request) (int, string) { return tt.status, tt.body })
		for _, err := range a.Conversations(t.Context(), schemas.Window{}, "") {
			if kindOf(err) != tt.kind || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("status %d: %v, want %s", tt.status, err, tt.kind)
			}
			if strings.Contains(err.Error(), testToken) || strings.Contains(err.Error(), "detail") {
				t.Errorf("the error gives too much away: %v", err)
			}
		}
	}
}

// TestThrottled lists an organization that throttles requests, with and without Retry-After.
func TestThrottled(t *testing.T) {
	for _, after := range []int{0, 1} {
		t.Run(fmt.Sprintf("Retry-After %d", after), func(t *testing.T) {
			t.Parallel()
			s, a, whole := site(t, simulator.CorpusConfig{Seed: 4, Conversations: 12}, fake.Options{
				Throttle: fake.Throttle{PerSecond: 40, Burst: 20, RetryAfter: after},
			})
			refs, _ := collect(t, a, whole)
			if stats := s.Stats(); len(refs) != 12 || stats.Throttled == 0 || stats.Throttled > 8 {
				t.Errorf("%d chats, %d of %d requests throttled", len(refs), stats.Throttled, stats.Requests)
			}
		})
	}
}

package chatwoot

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// keeper opens an account of a fake site with a token.
func keeper(t *testing.T, o fake.Options, token string, front func(http.Handler) http.Handler) (*fake.Site, *account) {
	t.Helper()
	s := fake.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 1, Conversations: 3}), o)
	var handler http.Handler = s
	if front != nil {
		handler = front(s)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	reader, err := Definition.Open(providers.Account{Name: "acme", BaseURL: server.URL, AccountID: "1", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return s, reader.(*account)
}

// TestWebhooks makes, lists and deletes one.
func TestWebhooks(t *testing.T) {
	const address = "https://push.example.com/acme/0123456789abcdef"
	_, a := keeper(t, fake.Options{}, fake.AdministratorToken, nil)
	if all, err := a.Webhooks(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("%v, %v", all, err)
	}
	made, err := a.CreateWebhook(t.Context(), address)
	if err != nil || made.URL != address || made.Secret == "" || push.CheckKey(made.Secret) != nil {
		t.Fatalf("%+v, %v", made, err)
	}
	all, err := a.Webhooks(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != made.ID || all[0].Secret != made.Secret || !slices.Equal(all[0].Events, pushedEvents) {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err := a.CreateWebhook(t.Context(), address); err == nil || providers.Uncertain(err) {
		t.Errorf("the same address again: %v", err)
	}
	if err := a.DeleteWebhook(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
	if all, err := a.Webhooks(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := a.DeleteWebhook(t.Context(), made.ID); !rest.Gone(err) {
		t.Errorf("deleted again: %v", err)
	}
}

// TestWebhooksNeedAnAdministrator and say so.
func TestWebhooksNeedAnAdministrator(t *testing.T) {
	_, a := keeper(t, fake.Options{}, fake.AgentToken, nil)
	if _, err := a.Webhooks(t.Context()); !errors.Is(err, errPolicy) {
		t.Errorf("error %v", err)
	}
}

// TestCreateWebhookAsksOnce whatever the server, or something in front of it, answers.
func TestCreateWebhookAsksOnce(t *testing.T) {
	for _, fault := range []simulator.Fault{simulator.TruncatedBody, simulator.BadGateway, simulator.Throttled} {
		f := &simulator.Faults{Script: []simulator.Fault{fault}, Match: func(r *http.Request) bool { return r.Method == http.MethodPost }}
		_, a := keeper(t, fake.Options{}, fake.AdministratorToken, f.Wrap)
		_, err := a.CreateWebhook(t.Context(), "https://push.example.com/acme/0123456789abcdef")
		all, listed := a.Webhooks(t.Context())
		if made := fault == simulator.TruncatedBody; err == nil || providers.Uncertain(err) != (fault != simulator.Throttled) || listed != nil || (len(all) == 1) != made {
			t.Errorf("%s: %v; then %d webhooks, %v", fault, err, len(all), listed)
		}
	}
}

package chatwoot

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// TestWitnesses spoils each page of each list once.
func TestWitnesses(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 30})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	early, late, _ := whole.Halve()
	windows := func(all ...schemas.Window) func(context.Context, providers.Reader) ([]string, []string, error) {
		return func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
			return providertest.ListAsExport(ctx, p, all...)
		}
	}
	all := []string{kindAgents, kindContacts, kindSurveys, kindFields, kindInboxes, kindLabels, kindTeams}
	for _, tt := range []struct {
		name        string
		match       func(*http.Request) bool
		rows        []string
		read        func(context.Context, providers.Reader) ([]string, []string, error)
		unwitnessed []string
	}{
		{"conversations, oldest window first", providertest.PathEndsWith("/conversations"), []string{"data", "payload"}, windows(early, late), []string{kindMessages, kindParticipants}},
		{"conversations, newest window first", providertest.PathEndsWith("/conversations"), []string{"data", "payload"}, windows(late, early, late), []string{kindMessages, kindParticipants}},
		{"contacts", providertest.PathEndsWith("/" + kindContacts), []string{"payload"}, providertest.ReadDirectory(mapper()), all},
		{"inboxes, teams and more", providertest.PathEndsWith("/"+kindInboxes, "/"+kindLabels, "/"+kindFields), []string{"payload"}, providertest.ReadDirectory(mapper()), all},
		{"agents and ratings", providertest.PathEndsWith("/"+kindAgents, "/"+kindTeams, "/"+kindSurveys), nil, providertest.ReadDirectory(mapper()), all},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			providertest.Witness(t, providertest.List{
				Platform: fake.New(corpus, fake.Options{PageSize: 7}), Match: tt.match, Read: tt.read, Rows: tt.rows, Unwitnessed: tt.unwitnessed,
				Open: func(t *testing.T, base string) providers.Reader {
					return testAccount(t, base, func(p *providers.Account) { p.Token = fake.AdministratorToken })
				},
			})
		})
	}
}

// TestStalePages answers some requests for a page of the list with another page, also while conversations are counted.
func TestStalePages(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 120})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	site := fake.New(corpus, fake.Options{PageSize: 7})
	want := len(site.Conversations(whole))
	struck := 0
	for seed := range uint64(12) {
		stale := &simulator.Stale{Seed: seed, Probability: 0.06, Match: providertest.PathEndsWith("/conversations")}
		server := httptest.NewServer(stale.Wrap(site))
		a := testAccount(t, server.URL, func(p *providers.Account) { p.Token = fake.AdministratorToken })
		windows := whole.Cut("month")
		if seed%2 == 0 {
			slices.Reverse(windows)
		}
		ids, _, err := providertest.ListAsExport(t.Context(), a, windows...)
		server.Close()
		struck += stale.Struck()
		slices.Sort(ids)
		if ids = slices.Compact(ids); err == nil && len(ids) != want {
			t.Errorf("seed %d: %d conversations, want %d", seed, len(ids), want)
		} else if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if struck == 0 {
		t.Error("no answer was stale")
	}
}

// TestLastMessage checks that reading continues if the message that the list names as the last is missing.
func TestLastMessage(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 12})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	early, _, _ := whole.Halve() // no message there is older than one with a lower id
	providertest.Witness(t, providertest.List{
		Platform: fake.New(corpus, fake.Options{}), Match: providertest.PathEndsWith("/" + kindMessages), Rows: []string{"payload"}, Unwitnessed: []string{kindMessages, kindParticipants},
		Flaws: []string{providertest.NoRows, providertest.HalfOfTheRows},
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base, func(p *providers.Account) { p.Token = fake.AdministratorToken })
		},
		Read: func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
			return providertest.ReadMessages(ctx, p, mapper(), early)
		},
	})
}

package liveperson

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

// TestWitnesses corrupts each page of each list once.
func TestWitnesses(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 30})
	few := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 60, People: 2})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	early, late, _ := whole.Halve()
	list := func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
		return providertest.ListAsExport(ctx, p, early, late)
	}
	messages := func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
		return providertest.ReadMessages(ctx, p, pure(), early)
	}
	consumer := func(a *providers.Account) { with(consumerOptions)(a) }
	account := func(*providers.Account) {}
	rows := []string{"conversationHistoryRecords"}
	for _, tt := range []struct {
		name        string
		options     fake.Options
		as          func(*providers.Account)
		match       func(*http.Request) bool
		rows        []string
		read        func(context.Context, providers.Reader) ([]string, []string, error)
		unwitnessed []string
	}{
		{"conversations", fake.Options{PageLimit: 7}, account, providertest.PathEndsWith("/conversations/search"), rows, list, nil},
		{"conversations without a count", fake.Options{PageLimit: 20, NoCount: true}, account, providertest.PathEndsWith("/conversations/search"), rows, list, []string{"conversations"}},
		{"records", fake.Options{PageLimit: 7}, account, providertest.PathEndsWith("/conversation/search"), rows, messages, nil},
		{"conversations of a consumer", fake.Options{PageLimit: 7}, consumer, providertest.PathEndsWith("/metadata/search"), []string{"conversationHistoryMetadataRecords"}, list, []string{"messages"}},
		{"directory", fake.Options{}, account, func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/le-users/") }, nil, providertest.ReadDirectory(pure()), []string{kindAgentGroups, kindSkills, kindUsers}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			world := corpus
			if strings.Contains(tt.name, "consumer") {
				world = few
				tt.options.Consumers = map[string]int64{fake.Token: busiest(few)}
			}
			providertest.Witness(t, providertest.List{
				Platform: fake.New(world, tt.options), Match: tt.match, Read: tt.read, Rows: tt.rows, Unwitnessed: tt.unwitnessed,
				Open: func(t *testing.T, base string) providers.Reader { return testAccount(t, base, token, tt.as) },
			})
		})
	}
}

// TestStalePages replaces some pages of the list with others, also while conversations are counted.
func TestStalePages(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 100})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	for _, options := range []fake.Options{{PageLimit: 7}, {PageLimit: 7, NoCount: true}} {
		site := fake.New(corpus, options)
		want := len(site.Conversations(whole))
		struck := 0
		for seed := range uint64(12) {
			stale := &simulator.Stale{Seed: seed, Probability: 0.06, Match: providertest.PathEndsWith("/conversations/search")}
			server := httptest.NewServer(stale.Wrap(site))
			ids, _, err := providertest.ListAsExport(t.Context(), testAccount(t, server.URL, token), whole.Cut("month")...)
			server.Close()
			struck += stale.Struck()
			slices.Sort(ids)
			if ids = slices.Compact(ids); err != nil || len(ids) != want {
				t.Errorf("seed %d: %d conversations, want %d, %v", seed, len(ids), want, err)
			}
		}
		if struck == 0 {
			t.Error("no answer was stale")
		}
	}
}

func token(a *providers.Account) { a.Token = fake.Token }

package freshchat

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

// TestWitnesses spoils each page of each list once.
func TestWitnesses(t *testing.T) {
	from := time.Date(2025, 3, 30, 0, 0, 0, 0, time.UTC)
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 7, From: from, To: from.AddDate(0, 0, 3)})
	whole := schemas.Window{From: from, To: from.AddDate(0, 0, 3)}
	list := func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
		return providertest.ListAsExport(ctx, p, whole)
	}
	messages := func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
		return providertest.ReadMessages(ctx, p, mapper(), whole)
	}
	byUsers := []string{listOfConversations, listOfMessages, listOfUsers}
	directory := []string{kindAgents, kindChannels, kindFields, kindGroups, kindRoles, kindUsers}
	for _, tt := range []struct {
		name        string
		options     map[string]string
		match       func(*http.Request) bool
		rows        []string
		read        func(context.Context, providers.Reader) ([]string, []string, error)
		unwitnessed []string
		flaws       []string
	}{
		{"users", map[string]string{"enumeration": "users"}, providertest.PathEndsWith("/v2/users"), []string{"users"}, list, byUsers, nil},
		{"agents", nil, providertest.PathEndsWith("/agents"), []string{"agents"}, providertest.ReadDirectory(mapper()), directory, nil},
		{"groups", nil, providertest.PathEndsWith("/groups"), []string{"groups"}, providertest.ReadDirectory(mapper()), directory, nil},
		{"users of the directory", nil, providertest.PathEndsWith("/v2/users"), []string{"users"}, providertest.ReadDirectory(mapper()), directory, nil},
		{"messages", nil, providertest.PathEndsWith("/messages"), []string{"messages"}, messages, nil, []string{providertest.NoRows, providertest.HalfOfTheRows, providertest.NoNext}},
		{"messages, REST only", map[string]string{"lane": "rest"}, providertest.PathEndsWith("/messages"), []string{"messages"}, messages, nil, []string{providertest.NoRows, providertest.HalfOfTheRows, providertest.NoNext}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			providertest.Witness(t, providertest.List{
				Platform: fake.New(corpus, fake.Options{Token: providertest.Secret, ListPage: 9, MessagePage: 7, Sparse: "none"}),
				Match:    tt.match, Read: tt.read, Rows: tt.rows, Next: []string{"link"}, Unwitnessed: tt.unwitnessed, Flaws: tt.flaws,
				Open: func(t *testing.T, base string) providers.Reader {
					return testAccount(t, base, func(p *providers.Account) { p.Token, p.Options = providertest.Secret, tt.options })
				},
			})
		})
	}
}

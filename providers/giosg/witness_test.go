package giosg

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// TestWitnesses corrupts each page of each list once.
func TestWitnesses(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 40})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	early, late, _ := whole.Halve()
	chats := func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
		return providertest.ListAsExport(ctx, p, early, late)
	}
	directory := func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, "/rooms") || strings.HasSuffix(r.URL.Path, "/users") || strings.HasSuffix(r.URL.Path, "/teams")
	}
	messages := func(ctx context.Context, p providers.Reader) ([]string, []string, error) {
		return providertest.ReadMessages(ctx, p, pure(), late)
	}
	counted := []string{providertest.PageBefore, providertest.PageAfter, providertest.NoRows, providertest.NoNext} // half a page may lack what is not counted
	details := []string{kindMemberships, kindTags, kindVariables}
	for _, tt := range []struct {
		name        string
		options     fake.Options
		match       func(*http.Request) bool
		read        func(context.Context, providers.Reader) ([]string, []string, error)
		unwitnessed []string
		flaws       []string
	}{
		{"chats", fake.Options{PageSize: 7}, listOnly, chats, details, nil},
		{"chats, oldest first", fake.Options{PageSize: 7, IgnoreOrdering: true}, listOnly, chats, details, nil},
		{"chats without links to pages before", fake.Options{PageSize: 7, NoPrevious: true}, listOnly, chats, append([]string{kindChats}, details...), nil},
		{"chats with empty pages", fake.Options{PageSize: 7, EmptyPages: true}, listOnly, chats, details, nil},
		{"messages", fake.Options{MessagePageSize: 9}, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/messages") }, messages, details, counted},
		{"directory", fake.Options{PageSize: 3}, directory, providertest.ReadDirectory(pure()), []string{kindRooms, kindTeams, kindUsers}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			providertest.Witness(t, providertest.List{
				Platform: fake.New(corpus, tt.options), Match: tt.match, Read: tt.read, Unwitnessed: tt.unwitnessed,
				Rows: []string{"results"}, Next: []string{"next"}, Flaws: tt.flaws,
				Open: func(t *testing.T, base string) providers.Reader {
					return testAccount(t, base, func(p *providers.Account) { p.Token = fake.ManagerToken })
				},
			})
		})
	}
}

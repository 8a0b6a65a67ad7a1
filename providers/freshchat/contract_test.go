package freshchat

import (
	"net/http"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

func TestContract(t *testing.T) {
	from := time.Date(2025, 3, 30, 0, 0, 0, 0, time.UTC)
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 60, From: from, To: from.AddDate(0, 0, 3)})
	whole := schemas.Window{From: from, To: from.AddDate(0, 0, 3)}
	for name, options := range map[string]map[string]string{
		"reports":    nil,
		"rest":       {"lane": "rest"},
		"transcript": {"lane": "transcript", "transcript_tail": "1"},
		"users":      {"enumeration": "users"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			world := func() *fake.Site {
				site := fake.Options{Token: providertest.Secret, ListPage: 9}
				if name == "users" {
					site.Sparse = "none" // without reports, nothing else has the time of creation of an old conversation
				}
				return fake.New(corpus, site)
			}
			providertest.Run(t, providertest.Case{
				Window:        whole,
				Conversations: world().Conversations(whole), MessagesListed: name == "transcript",
				Mapper: mapper(),
				// Reports may have later rows than the body has an updated_time. Without the body, the list knows only them.
				FoundLess: func(found, listed string) bool { return name == "transcript" || name != "users" && found < listed },
				Open: func(t *testing.T, base string) providers.Reader {
					a := testAccount(t, base, func(p *providers.Account) { p.Token, p.Options = providertest.Secret, options })
					a.perPage = 16
					return a
				},
				Platform: func(*testing.T) providertest.Platform {
					site := world()
					return providertest.Platform{Handler: http.Handler(site), Delete: func(id string) { site.DeleteConversation(id) }}
				},
			})
		})
	}
}

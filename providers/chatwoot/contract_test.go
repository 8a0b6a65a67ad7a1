package chatwoot

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

func TestContract(t *testing.T) {
	for _, details := range []detailing{detailsAuto, detailsAlways} {
		t.Run("details "+string(details), func(t *testing.T) { testContract(t, details) })
	}
}

func testContract(t *testing.T, details detailing) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 60})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	world := func() *fake.Site {
		return fake.New(corpus, fake.Options{PageSize: 7, Tokens: map[string]fake.Role{providertest.Secret: fake.Administrator}})
	}
	providertest.Run(t, providertest.Case{
		Window:        whole,
		Conversations: world().Conversations(whole),
		Mapper:        mapper(),
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base, func(p *providers.Account) {
				p.Token, p.Options = providertest.Secret, map[string]string{optionDetails: string(details)}
			})
		},
		MetadataRefused: details == detailsAuto,
		Platform: func(*testing.T) providertest.Platform {
			site := world()
			return providertest.Platform{
				Handler: http.Handler(site),
				Delete: func(id string) {
					n, err := strconv.ParseInt(id, 10, 64)
					if err != nil {
						panic(err)
					}
					site.DeleteConversation(n)
				},
			}
		},
	})
}

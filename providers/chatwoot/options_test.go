package chatwoot

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// Every pair of options works.
func TestOptionPairs(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 25})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	world := func() *fake.Site {
		return fake.New(corpus, fake.Options{
			PageSize: 7, Tokens: map[string]fake.Role{providertest.Secret: fake.Administrator}, ReportingEvents: true,
		})
	}
	either := []string{"true", "false"}
	providertest.RunPairs(t, providertest.Pairs{
		Options: []providertest.Option{
			{Name: optionDetails, Values: either}, {Name: optionParticipants, Values: either}, {Name: optionReporting, Values: either},
		},
		Check: func(options map[string]string) error {
			return check(providers.Account{BaseURL: "https://chat.example.com", AccountID: "1", Options: options})
		},
		Case: func(_ *testing.T, options map[string]string) providertest.Case {
			return providertest.Case{
				Window: whole, Conversations: world().Conversations(whole),
				Mapper: mapper(),
				Open: func(t *testing.T, base string) providers.Reader {
					return testAccount(t, base, func(p *providers.Account) { p.Token, p.Options = providertest.Secret, options })
				},
				Platform: func(*testing.T) providertest.Platform { return providertest.Platform{Handler: world()} },
			}
		},
	})
}

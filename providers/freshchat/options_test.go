package freshchat

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

// Every pair of options works, on accounts with sparse bodies of conversations and on others.
func TestOptionPairs(t *testing.T) {
	corpus := simulator.NewCorpus(small(15))
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	for _, sparse := range []string{"all", "none"} {
		world := func() *fake.Site { return fake.New(corpus, fake.Options{Token: providertest.Secret, Sparse: sparse}) }
		t.Run("sparse "+sparse, func(t *testing.T) {
			t.Parallel()
			providertest.RunPairs(t, providertest.Pairs{
				Options: []providertest.Option{
					{Name: optionLane, Values: []string{"both", "rest", "transcript"}},
					{Name: optionEnumeration, Values: []string{"reports", "users"}},
					{Name: optionTail, Values: []string{"0", "2"}},
					{Name: optionReports, Values: []string{"none", "CSAT-Score,Message-Sent"}},
					{Name: optionPerMinute, Values: []string{"0", "9"}},
					{Name: optionPerDay, Values: []string{"0", "9"}},
				},
				Check: func(options map[string]string) error {
					return check(providers.Account{BaseURL: "https://acme.freshchat.com", Options: options})
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
		})
	}
}

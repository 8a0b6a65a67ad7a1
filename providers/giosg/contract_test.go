package giosg

import (
	"net/http"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// TestContract tests the contract on lists in either order and with empty pages.
func TestContract(t *testing.T) {
	for name, options := range map[string]fake.Options{
		"newest first": {PageSize: 7},
		"oldest first": {PageSize: 7, IgnoreOrdering: true},
		"empty pages":  {PageSize: 5, EmptyPages: true},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); contract(t, options) })
	}
}

func contract(t *testing.T, options fake.Options) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 60})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	options.Tokens = map[string]fake.Role{providertest.Secret: fake.Manager}
	world := func() *fake.Site { return fake.New(corpus, options) }
	providertest.Run(t, providertest.Case{
		Window:        whole,
		Conversations: world().Conversations(whole),
		Mapper:        pure(),
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base, func(p *providers.Account) { p.Token = providertest.Secret })
		},
		Platform: func(*testing.T) providertest.Platform {
			site := world()
			return providertest.Platform{Handler: http.Handler(site), Delete: func(id string) { site.DeleteChat(id) }}
		},
	})
}

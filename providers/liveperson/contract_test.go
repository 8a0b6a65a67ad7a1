package liveperson

import (
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

func TestContract(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 60})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	world := func() *fake.Site {
		return fake.New(corpus, fake.Options{PageLimit: 7, Tokens: []string{providertest.Secret}})
	}
	providertest.Run(t, providertest.Case{
		Window:        whole,
		Conversations: world().Conversations(whole),
		Mapper:        pure(),
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base, func(p *providers.Account) { p.Token = providertest.Secret })
		},
		Platform: func(*testing.T) providertest.Platform {
			site := world()
			return providertest.Platform{Handler: site, Delete: func(id string) { site.DeleteConversation(id) }}
		},
	})
}

// busiest returns the person with the most conversations.
func busiest(corpus *simulator.Corpus) int64 {
	counts := map[int64]int{}
	var best int64
	for i := range corpus.Len() {
		o := corpus.Outline(i)
		if counts[o.PersonID]++; counts[o.PersonID] > counts[best] {
			best = o.PersonID
		}
	}
	return best
}

func TestContractOfConsumer(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 300, People: 4})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	person := busiest(corpus)
	world := func() *fake.Site {
		return fake.New(corpus, fake.Options{PageLimit: 50, Consumers: map[string]int64{providertest.Secret: person}})
	}
	providertest.Run(t, providertest.Case{
		Window:        whole,
		Conversations: world().ConsumerConversations(whole, person), NotFound: true,
		Mapper: pure(),
		Open: func(t *testing.T, base string) providers.Reader {
			return testAccount(t, base, with(consumerOptions), func(p *providers.Account) { p.Token = providertest.Secret })
		},
		Platform: func(*testing.T) providertest.Platform {
			site := world()
			return providertest.Platform{Handler: site, Delete: func(id string) { site.DeleteConversation(id) }}
		},
	})
}

var consumerOptions = map[string]string{optionMode: modeConsumer, optionState: "open,close,archive"}

package liveperson

import (
	"cmp"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/liveperson"
)

// Every pair of options works, and selects the conversations that both of them select.
func TestOptionPairs(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 11, Conversations: 24, People: 4})
	whole := schemas.Window{From: corpus.Config().From, To: corpus.Config().To}
	person := busiest(corpus)
	world := func(options map[string]string) *fake.Site {
		site := fake.Options{PageLimit: 50, Tokens: []string{providertest.Secret}}
		if options[optionMode] == modeConsumer {
			site.Consumers, site.Tokens = map[string]int64{providertest.Secret: person}, []string{}
		}
		if scheme, given := options[optionScheme]; given {
			site.ConsumerScheme = scheme
		}
		return fake.New(corpus, site)
	}
	providertest.RunPairs(t, providertest.Pairs{
		Options: []providertest.Option{
			{Name: optionMode, Values: []string{modeAccount, modeConsumer}},
			{Name: optionSource, Values: []string{"lake"}},
			{Name: optionContent, Values: []string{"dialogs", "dialogs,intents"}},
			{Name: optionSDEVersion, Values: []string{"1", "2"}},
			{Name: optionStatus, Values: []string{"OPEN", "CLOSE", "OPEN,CLOSE"}},
			{Name: optionOffsetCap, Values: []string{"100"}},
			{Name: optionState, Values: []string{"close,archive", "open,close,archive"}},
			{Name: optionSort, Values: []string{"start:desc", "end:asc"}},
			{Name: optionPageSize, Values: []string{"3"}},
			{Name: optionScheme, Values: []string{"jwt"}},
		},
		Check: func(options map[string]string) error {
			return check(providers.Account{BaseURL: "https://api.example.com", AccountID: "1", Token: "t", Options: options})
		},
		Case: func(_ *testing.T, options map[string]string) providertest.Case {
			return providertest.Case{
				Window: whole, Conversations: selected(world(options), whole, options, person),
				Mapper: pure(),
				Open: func(t *testing.T, base string) providers.Reader {
					return testAccount(t, base, with(options), func(p *providers.Account) { p.Token = providertest.Secret })
				},
				Platform: func(*testing.T) providertest.Platform { return providertest.Platform{Handler: world(options)} },
			}
		},
	})
}

// selected returns the conversations that options leave in the list.
func selected(site *fake.Site, whole schemas.Window, options map[string]string, person int64) (ids []string) {
	if options[optionMode] == modeConsumer {
		return site.ConsumerConversations(whole, person, strings.Split(cmp.Or(options[optionState], "archive"), ",")...)
	}
	for _, id := range site.Conversations(whole) {
		thread, _ := site.Thread(id)
		if status := options[optionStatus]; status == "" || strings.Contains(status, *thread.Conversation.Status) {
			ids = append(ids, id)
		}
	}
	return ids
}

package chatwoot

import (
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
)

// TestPushedIsNotFetchedAgain announces half of the conversations that changed.
func TestPushedIsNotFetchedAgain(t *testing.T) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 200})
	w := schemas.Window{From: corpus.Config().To, To: corpus.Config().To.Add(quarter)}
	clock := simulator.NewClock(w.From)
	site := fake.New(corpus, fake.Options{Now: clock.Now})
	server := httptest.NewServer(site)
	t.Cleanup(server.Close)
	c := providertest.PushedCase{
		Reader: testAccount(t, server.URL, func(p *providers.Account) { p.Token = fake.AdministratorToken }),
		Had:    providertest.NewCopy(mapper()), Window: w,
	}
	for _, e := range corpus.Script(simulator.ScriptConfig{Seed: 1, From: w.From, To: w.To, Events: 60, Kinds: []simulator.EventKind{simulator.Replies, simulator.Labels}}) {
		id, ok := site.ID(e.Number)
		if !ok || slices.Contains(c.Named, id) || slices.Contains(c.Others, id) || !site.Happen(e) {
			continue
		}
		if len(c.Others) < len(c.Named) {
			c.Others = append(c.Others, id)
		} else {
			c.Named = append(c.Named, id)
		}
	}
	clock.Set(w.To.Add(time.Minute))
	if again := providertest.Pushed(t, c); len(again) > 0 {
		t.Errorf("%d of %d announced conversations are fetched again", len(again), len(c.Named))
	}
}

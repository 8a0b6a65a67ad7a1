package freshchat

import (
	"slices"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/freshchat"
)

// TestPushedIsNotFetchedAgain announces half of the conversations that changed. Found through users, none of them is fetched again. Reports may
// have rows that are later than the updated_time of the body, so there a conversation may be listed in a newer version, never in an older one.
func TestPushedIsNotFetchedAgain(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"both": nil, "rest": {"lane": "rest"}, "transcript": {"lane": "transcript"}, "users": {"enumeration": "users"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := live(t, simulator.CorpusConfig{Seed: 3, Conversations: 200}, fake.Options{Sparse: "none"}, settings)
			l.clock.Set(l.corpus.Config().To.Add(time.Hour))
			l.copyAll(t, schemas.Window{From: l.corpus.Config().From, To: l.corpus.Config().To})
			w := schemas.Window{From: l.clock.Now(), To: l.clock.Now().Add(15 * time.Minute)}
			c := providertest.PushedCase{Reader: l.open(t), Had: l.copy, Window: w}
			for _, e := range l.corpus.Script(simulator.ScriptConfig{Seed: 1, From: w.From, To: w.To, Events: 60, Kinds: []simulator.EventKind{simulator.Replies, simulator.Closes}}) {
				id, ok := l.ID(e.Number)
				if !ok || slices.Contains(c.Named, id) || slices.Contains(c.Others, id) || !l.Happen(e) {
					continue
				}
				if len(c.Others) < len(c.Named) && name != "users" { // users do not show every reply
					c.Others = append(c.Others, id)
				} else {
					c.Named = append(c.Named, id)
				}
			}
			l.clock.Set(w.To.Add(6 * time.Minute))
			again := providertest.Pushed(t, c)
			if t.Logf("%d of %d announced conversations are listed in a newer version", len(again), len(c.Named)); name == "users" && len(again) > 0 {
				t.Errorf("%d of %d announced conversations are fetched again", len(again), len(c.Named))
			}
		})
	}
}

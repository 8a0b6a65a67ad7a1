package giosg

import (
	"slices"
	"testing"
	"time"

	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/giosg"
)

// TestPushedIsNotFetchedAgain announces changes and ends of chats. The next sync reads only those once more that were read in the minute
// after their end.
func TestPushedIsNotFetchedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		after time.Duration // the window's end
		again bool
	}{"soon after the end": {0, true}, "later": {2 * time.Minute, false}} {
		t.Run(name, func(t *testing.T) {
			l := live(t, simulator.CorpusConfig{Seed: 3, Conversations: 300}, fake.Options{PageSize: 7})
			l.clock.Set(l.corpus.Config().To.Add(time.Hour))
			l.export(t, testAccount(t, l.url), schemas.Window{From: l.corpus.Config().From, To: l.clock.Now()})
			w := schemas.Window{From: l.clock.Now(), To: l.clock.Now().Add(15 * time.Minute)}
			c := providertest.PushedCase{Reader: testAccount(t, l.url), Had: l.copy, Window: w}
			var ended []string
			for _, e := range l.corpus.Script(simulator.ScriptConfig{Seed: 1, From: w.From, To: w.To, Events: 60, Kinds: []simulator.EventKind{simulator.Replies, simulator.Closes}}) {
				if e.Kind == simulator.Closes {
					e.At = w.To.Add(-5 * time.Second)
				}
				id, ok := l.ID(e.Number)
				if !ok || slices.Contains(c.Named, id) || slices.Contains(c.Others, id) || !l.Happen(e) {
					continue
				}
				if e.Kind == simulator.Closes {
					ended = append(ended, id)
				}
				if len(c.Others) < len(c.Named)/2 && e.Kind == simulator.Replies {
					c.Others = append(c.Others, id)
				} else {
					c.Named = append(c.Named, id)
				}
			}
			l.clock.Set(w.To.Add(tt.after))
			c.Later = func() { l.clock.Set(w.To.Add(2 * time.Minute)) }
			again := providertest.Pushed(t, c)
			slices.Sort(again)
			if slices.Sort(ended); tt.again && !slices.Equal(again, ended) || !tt.again && len(again) > 0 || len(ended) == 0 {
				t.Errorf("%d of %d announced chats are fetched again; %d have ended", len(again), len(c.Named), len(ended))
			}
		})
	}
}

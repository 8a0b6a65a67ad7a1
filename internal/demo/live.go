package demo

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/simulator"
)

// In a live demo, something happens on each platform about every eventEvery: people write, close, rate and delete. A sync follows it
// every syncEvery.
const (
	eventEvery = 2 * time.Second
	liveFor    = 24 * time.Hour
	syncEvery  = 5 * time.Second
	syncLag    = 2 * time.Second
	tick       = 200 * time.Millisecond
)

// life is what goes on at one platform. Its clock is the wall clock, as far as its events have come.
type life struct {
	play     *simulator.Play
	happened atomic.Int64
}

// newLife returns the life of a platform, or nil if its simulated accounts do not change.
func newLife(site http.Handler, clock *simulator.Clock, corpus *simulator.Corpus, seed uint64) *life {
	living, ok := site.(simulator.Living)
	if !ok {
		return nil
	}
	now := clock.Now()
	script := corpus.Script(simulator.ScriptConfig{Seed: seed, From: now, To: now.Add(liveFor), Events: int(liveFor / eventEvery)})
	return &life{play: simulator.NewPlay(clock, living, script)}
}

// GoOn lets things happen at all platforms until ctx ends.
func (d *Demo) GoOn(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for _, l := range d.lives {
		running.Go(func() {
			for ticks := time.NewTicker(tick); ; {
				l.happened.Add(int64(l.play.Until(time.Now())))
				select {
				case <-ctx.Done():
					ticks.Stop()
					return
				case <-ticks.C:
				}
			}
		})
	}
}

// Happened is how much has happened at the platform of a provider since the demo began.
func (d *Demo) Happened(provider string) int64 {
	if l := d.lives[provider]; l != nil {
		return l.happened.Load()
	}
	return 0
}

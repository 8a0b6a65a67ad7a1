package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
)

// shownEvery is how often a live demo says how fresh the copy is.
const shownEvery = 5 * time.Second

// followDemo keeps the copies of a live demo up to date, and says how fresh they are, until ctx ends.
func (a *app) followDemo(ctx context.Context, s *operate.Session, d *demo.Demo, c worker.Config) error {
	if _, err := s.Apply(ctx, operate.ApplyOptions{AtStart: true}); err != nil {
		return err
	}
	if err := s.Work(ctx); err != nil {
		return err
	}
	a.note("Every account changes every 2 s. A sync follows it every 5 s; the history is copied beside. Ctrl-C ends the demo.")
	var living sync.WaitGroup
	defer living.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	living.Go(func() { d.GoOn(ctx) })
	for {
		select {
		case <-ctx.Done():
			return a.suggest(context.WithoutCancel(ctx), d, c)
		case <-time.After(shownEvery):
		}
		all, err := inspect.FreshnessOf(ctx, c, accountNames(c), time.Now())
		if errors.Is(err, context.Canceled) {
			continue
		}
		if err != nil {
			return err
		}
		for _, f := range all {
			a.showFresh(d, f)
		}
	}
}

// showFresh says in one line how fresh the copy of an account is.
func (a *app) showFresh(d *demo.Demo, f inspect.Freshness) {
	i := slices.IndexFunc(d.Platforms, func(p simulator.Platform) bool { return d.AccountOf(p) == f.Account })
	behind := "no sync has ended yet"
	if lag, ok := f.Lag(); ok {
		behind = fmt.Sprintf("fresh to %s, %s behind", f.Watermark.Format(time.TimeOnly), lag.Round(time.Second))
	}
	a.note("%s  %-24s %s; %s so far", f.At.Format(time.TimeOnly), f.Account, behind, words.Plural(d.Happened(d.Platforms[i].Provider), "change"))
}

// Package gauges reads the state of the lake and of the work at intervals, and sets the gauges of telemetry.
//
// A scrape costs nothing, however often it comes: it gets the last values. The package must not know rows, documents or the ledger, and it
// passes on names of accounts, streams and states only.
package gauges

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
)

const (
	// longestLook is how long reading a source may take.
	longestLook = time.Minute
	// restPerLook is how long to rest at least after a look, as a multiple of the time it took. So looking takes at most a twentieth of
	// the time, however large the ledger is.
	restPerLook = 19
)

// Run sets the gauges until ctx ends. s must be a session at work. Without a Telemetry, it does nothing.
func Run(ctx context.Context, c worker.Config, s *operate.Session, t *telemetry.Telemetry, log *slog.Logger) {
	if t == nil {
		return
	}
	accounts := slices.Sorted(maps.Keys(c.Accounts))
	lake := looker{name: worker.CheckLake, every: c.Telemetry.Every, to: t, log: log, look: func(ctx context.Context) ([]telemetry.Sample, error) {
		all, err := inspect.FreshnessOf(ctx, c, accounts, time.Now())
		return ofLake(all), err
	}}
	temporal := looker{name: worker.CheckTemporal, every: c.Telemetry.Every, to: t, log: log, look: func(ctx context.Context) ([]telemetry.Sample, error) {
		if err := s.Health(ctx); err != nil {
			return nil, err
		}
		v, err := s.Vitals(ctx)
		return ofWork(c, v), err
	}}
	var group sync.WaitGroup
	group.Go(func() { lake.run(ctx) })
	group.Go(func() { temporal.run(ctx) })
	group.Wait()
}

// looker looks at one source again and again.
type looker struct {
	name  string
	every time.Duration
	to    *telemetry.Telemetry
	log   *slog.Logger
	look  func(context.Context) ([]telemetry.Sample, error)

	failing bool // the last look failed, and the log says so
}

func (l *looker) run(ctx context.Context) {
	for {
		took := l.once(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(l.every, restPerLook*took)):
		}
	}
}

// errSlow is the reason of a look that took too long.
var errSlow = fmt.Errorf("no answer within %s", longestLook)

// once looks, and returns how long that took. If the look fails, the gauges keep their values, and the time of the last look stands still.
func (l *looker) once(ctx context.Context) time.Duration {
	began := time.Now()
	within, cancel := context.WithTimeoutCause(ctx, longestLook, errSlow)
	defer cancel()
	samples, err := l.look(within)
	took := time.Since(began)
	if ctx.Err() != nil {
		return took
	}
	if err != nil && within.Err() != nil {
		err = errors.Join(context.Cause(within), err)
	}
	l.to.Check(l.name, err, longestLook+2*max(l.every, restPerLook*took))
	switch {
	case err != nil && !l.failing:
		l.log.Warn("metrics are not up to date", "source", l.name, "error", err)
	case err == nil && l.failing:
		l.log.Info("metrics are up to date again", "source", l.name)
	}
	if l.failing = err != nil; err == nil {
		l.to.SetSource(l.name, append(samples,
			telemetry.NewSample(telemetry.Collected, seconds(began), l.name), telemetry.NewSample(telemetry.CollectionTook, took.Seconds(), l.name)))
	}
	return took
}

// seconds is a time in Unix seconds.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

package main

import (
	"context"
	"log/slog"
	"sync"

	"github.com/spf13/pflag"

	"github.com/chatlake/chatlake/internal/gauges"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
)

// listenFlag is the flag of commands that show what they do.
func listenFlag(flags *pflag.FlagSet, listen *string) {
	flags.StringVar(listen, "listen", "", "serve the page, /metrics, /healthz and /readyz on this address, such as 127.0.0.1:8234")
}

// gaugesBeside sets the gauges of a session's work until the returned function is called.
func gaugesBeside(ctx context.Context, c worker.Config, s *operate.Session, t *telemetry.Telemetry, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { gauges.Run(ctx, c, s.AtWork(), t, log) })
	return func() {
		cancel()
		group.Wait()
	}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/alerts"
	"github.com/chatlake/chatlake/internal/gauges"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
)

// workerFlags are those of the worker.
type workerFlags struct {
	ui         bool
	uiPort     int
	activities int
	logging
	receive bool
	listen  string
}

func (a *app) workerCommand() *cobra.Command {
	var f workerFlags
	cmd := &cobra.Command{
		Use: "worker", Short: "Keep accounts up to date, and run exports that were started elsewhere, until stopped", Args: cobra.NoArgs,
		Long: "Makes the schedules of the accounts with a section sync, and does the work that they start, and the work of exports that were\n" +
			"started elsewhere. Without a section temporal, everything runs in this one process.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.work(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.ui, "ui", false, "serve the page, with a link to Temporal's UI, on a local port or on --listen")
	flags.IntVar(&f.uiPort, "ui-port", 0, "port of Temporal's UI (default: a free one)")
	flags.IntVar(&f.activities, "activities", 0, "activities to run at once; 0 means as many as the cores and the memory allow")
	flags.BoolVar(&f.receive, "receive", false, "receive what platforms announce, as chatlake serve does; without a section temporal, a section receive is enough")
	listenFlag(flags, &f.listen)
	f.logging.flags(cmd)
	return cmd
}

func (a *app) work(ctx context.Context, f workerFlags) error {
	logger, sdk, server, err := a.loggers(f.logging)
	if err != nil {
		return err
	}
	if f.activities < 0 {
		return usage("--activities must be at least 1, or 0 for as many as the machine allows")
	}
	o := worker.ConnectOptions{
		UI: f.ui || f.uiPort != 0, UIPort: f.uiPort, Logger: sdk, ServerLogger: server.With("component", "temporal server"), Changes: logger,
		Activities: cmp.Or(f.activities, worker.Activities()), TakeOver: true,
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := errors.Join(c.Secrets(accountNames(c)...), c.CheckAlertSecrets()); err != nil {
		return err
	}
	o.Telemetry, err = telemetry.Start(ctx, c.TelemetryOptions(f.listen, logger))
	if err != nil {
		return err
	}
	defer o.Telemetry.Stop()
	temporal, err := worker.Connect(ctx, c, o)
	if err != nil {
		return err
	}
	err = func() error {
		l, err := worker.OpenLake(ctx, c)
		if err != nil {
			return err
		}
		s := operate.On(c, temporal)
		if err := a.applyAtStart(ctx, s, c, logger); err != nil {
			return err
		}
		if temporal.Alerting = alerts.New(c, s.AtWork()); temporal.Alerting != nil {
			if err := s.StartAlerts(ctx); err != nil {
				return err
			}
		}
		r, err := receiver(c, temporal, f, logger)
		if err != nil {
			return err
		}
		address, stopPage, err := showPage(c, s, o.Telemetry, ownAddress(f.ui), logger)
		if err != nil {
			return err
		}
		defer stopPage()
		defer context.AfterFunc(ctx, func() {
			logger.Info("stopping; what is in progress is given back, for other workers or the next start", "within", worker.StopWithin.String())
		})()
		logger.Info("working", "task_queue", c.TaskQueue(), "lake", c.Lake.URL, "activities", o.Activities, "page", address, "ui", temporal.UIURL,
			"listen", o.Telemetry.Address(), "version", worker.Build)
		if err := together(ctx, func(ctx context.Context) error { return worker.Run(ctx, c, temporal, l) }, r,
			func(ctx context.Context) {
				var group sync.WaitGroup
				if r != nil {
					group.Go(func() { r.Show(ctx, o.Telemetry) })
				}
				gauges.Run(ctx, c, s.AtWork(), o.Telemetry, logger)
				group.Wait()
			}); err != nil {
			return err
		}
		logger.Info("stopped; other workers continue what was in progress")
		return nil
	}()
	return errors.Join(err, temporal.Stop())
}

// applyAtStart makes the schedules of the configuration before the work begins.
func (a *app) applyAtStart(ctx context.Context, s *operate.Session, c worker.Config, logger *slog.Logger) error {
	if !operate.Scheduled(c) && c.Temporal != nil {
		return nil // the schedules of a cluster are left to those who have some
	}
	changes, err := s.Apply(ctx, operate.ApplyOptions{AtStart: true})
	if err != nil {
		return err
	}
	if reason := s.Untagged(); reason != nil {
		logger.Warn("runs have no search attributes", "reason", reason)
	}
	for _, change := range changes {
		switch change.Action {
		case operate.Unchanged:
		case operate.Kept:
			logger.Warn("a schedule is not in the configuration; `chatlake schedule apply` deletes it", "schedule", change.ID)
		default:
			logger.Info("schedule "+string(change.Action), "schedule", change.ID, "differs", change.Differs)
		}
	}
	return nil
}

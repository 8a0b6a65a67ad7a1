package main

import (
	"context"
	"log/slog"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) serveCommand() *cobra.Command {
	var f workerFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Receive what platforms announce, until stopped", Args: cobra.NoArgs,
		Long: "Receives announcements of platforms on the address of the section receive, keeps them on disk, and hands them to Temporal. A\n" +
			"worker then fetches the conversations that they name. A worker without a section temporal receives them itself.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context(), f) },
	}
	f.logging.flags(cmd)
	cmd.Flags().StringVar(&f.listen, "listen", "", "serve /metrics, /healthz and /readyz on this address, such as 127.0.0.1:8235; announcements come in at receive.listen")
	return cmd
}

func (a *app) serve(ctx context.Context, f workerFlags) error {
	logger, _, _, err := a.loggers(f.logging)
	if err != nil {
		return err
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	o := c.TelemetryOptions(f.listen, logger)
	o.Checks = []string{worker.CheckReceiver}
	shown, err := telemetry.Start(ctx, o)
	if err != nil {
		return err
	}
	defer shown.Stop()
	r, err := worker.OpenReceiver(c, nil, logger)
	if err != nil {
		return err
	}
	logger.Info("receiving", "address", r.Address(), "accounts", r.Accounts(), "listen", shown.Address(), "version", worker.Build)
	if err := together(ctx, r.Run, nil, func(ctx context.Context) { r.Show(ctx, shown) }); err != nil {
		return err
	}
	logger.Info("stopped; what was not delivered is on disk", "received", r.Stats())
	return nil
}

// together runs the work of a worker and, if there is one, a receiver. If one of them fails, both end. beside runs until they have ended.
func together(ctx context.Context, work func(context.Context) error, r *worker.Receiver, beside func(context.Context)) error {
	group, ctx := errgroup.WithContext(ctx)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group.Go(func() error {
		defer stop()
		return work(ctx)
	})
	if r != nil {
		group.Go(func() error {
			defer stop()
			return r.Run(ctx)
		})
	}
	group.Go(func() error {
		beside(ctx)
		return nil
	})
	return group.Wait()
}

// receiver opens the receiver of a worker, or returns nil if it has none: a worker without a section temporal is the only process that
// uses its server, so it receives whatever the configuration says; others have to be told.
func receiver(c worker.Config, temporal *worker.Temporal, f workerFlags, logger *slog.Logger) (*worker.Receiver, error) {
	if !f.receive && (c.Temporal != nil || c.Receive == nil) {
		return nil, nil
	}
	r, err := worker.OpenReceiver(c, temporal, logger)
	if err != nil {
		return nil, err
	}
	logger.Info("receiving", "address", r.Address(), "accounts", r.Accounts())
	return r, nil
}

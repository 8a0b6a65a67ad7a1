package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/worker"
)

func (a *app) workerCommand() *cobra.Command {
	var ui bool
	var uiPort int
	cmd := &cobra.Command{
		Use: "worker", Short: "Work on exports that were started elsewhere, until it is stopped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.work(cmd.Context(), worker.ConnectOptions{UI: ui || uiPort != 0, UIPort: uiPort})
		},
	}
	cmd.Flags().BoolVar(&ui, "ui", false, "show the embedded server's UI on a local port")
	cmd.Flags().IntVar(&uiPort, "ui-port", 0, "port of the UI (default a free one)")
	return cmd
}

func (a *app) work(ctx context.Context, o worker.ConnectOptions) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	if err := c.Secrets(accountNames(c)...); err != nil {
		return err
	}
	logger := a.logger(slog.LevelInfo)
	o.Logger = a.logger(slog.LevelWarn)
	temporal, err := worker.Connect(ctx, c, o)
	if err != nil {
		return err
	}
	err = func() error {
		l, err := worker.OpenLake(ctx, c)
		if err != nil {
			return err
		}
		logger.Info("working", "task_queue", c.TaskQueue(), "lake", c.Lake.URL, "ui", temporal.UIURL, "version", build())
		if err := worker.Run(ctx, c, temporal, l); err != nil {
			return err
		}
		logger.Info("stopped; what was in hand goes on wherever workers run")
		return nil
	}()
	return errors.Join(err, temporal.Stop())
}

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/worker"
)

// planFlags say what is estimated, and how much the estimate may cost.
type planFlags struct {
	exportFlags
	requests, sample int
}

func (a *app) planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use: "plan", Short: "Estimate what an export and its syncs would cost; nothing is written", Args: cobra.NoArgs,
		Long: "Counts the conversations of the range, reads some of them, and estimates requests, time, files, and a month of syncs.\n" +
			"It stays within the account's rate, says how many requests it took, and writes nothing.\n" +
			"Where the platform does not count, conversations are sampled. That takes some minutes if it makes one report a minute.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.plan(cmd.Context(), f) },
	}
	f.rangeFlags(cmd.Flags())
	cmd.Flags().IntVar(&f.requests, "requests", 100, "about how many requests counting may take where the platform does not count")
	cmd.Flags().IntVar(&f.sample, "sample", 20, "how many conversations to read; with 0, messages and changes are not estimated")
	return cmd
}

func (a *app) plan(ctx context.Context, f planFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	in, err := f.input(c, time.Now())
	if err != nil {
		return err
	}
	if f.requests < 20 || f.requests > 100_000 {
		return usage("--requests must be from 20 to 100000, not %d", f.requests)
	}
	if f.sample < 0 || f.sample > 1000 {
		return usage("--sample must be from 0 to 1000, not %d", f.sample)
	}
	if err := c.Secrets(in.Account); err != nil {
		return err
	}
	e, err := c.Plan(ctx, worker.PlanInput{Account: in.Account, Range: in.Range(), Window: in.Window, Requests: f.requests, Sample: f.sample})
	if err != nil {
		return err
	}
	return show(a, e, writeEstimate)
}

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

func (a *app) gapCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "gap", Short: "List the gaps of the lake, or accept one"}
	cmd.AddCommand(a.gapListCommand(), a.gapAcceptCommand())
	return cmd
}

func (a *app) gapListCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "list", Short: "List the times that no committed window covers, and those that were accepted", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			l, err := inspect.Open(cmd.Context(), c, account)
			if err != nil {
				return err
			}
			gaps, err := l.Gaps(cmd.Context())
			if err != nil {
				return err
			}
			if err := show(a, gaps, writeGaps); err != nil || len(gaps.Open) == 0 {
				return err
			}
			return &outcome{status: exitGaps}
		},
	}
	cmd.Flags().StringVar(&account, "account", "", "only this account")
	return cmd
}

func (a *app) gapAcceptCommand() *cobra.Command {
	var f scope
	var stream, reason string
	cmd := &cobra.Command{
		Use: "accept --from <time> --to <time> --reason <text>", Short: "Write into the ledger that a part of a stream stays out of the lake, and why", Args: cobra.NoArgs,
		Long: "Accepts a gap. It is then neither copied nor reported as a gap: exports leave it out and can be complete, syncs continue after it,\n" +
			"and verify and status show it with its reason. An acceptance stands for good. A window that is committed there later counts as any\n" +
			"other.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.acceptGap(cmd.Context(), f, schemas.Stream(stream), reason)
		},
	}
	f.flags(cmd.Flags(), "start of the gap", "end of the gap, exclusive")
	cmd.Flags().StringVar(&stream, "stream", string(schemas.StreamCreated), "created, changes or reports")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who ask later")
	return cmd
}

func (a *app) acceptGap(ctx context.Context, f scope, stream schemas.Stream, reason string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	account, err := accountOf(c, f.account)
	if err != nil {
		return err
	}
	w, err := f.window()
	if err != nil {
		return err
	}
	if w.From.IsZero() || w.To.IsZero() {
		return usage("--from and --to are needed: an accepted gap has a start and an end")
	}
	done, err := inspect.AcceptGap(ctx, c, account, stream, w, reason)
	if err != nil {
		return err
	}
	return show(a, done, func(w io.Writer, g inspect.AcceptedGap) error {
		writeAccepted(w, []inspect.AcceptedGap{g})
		return nil
	})
}

func writeGaps(w io.Writer, gaps inspect.Gaps) error {
	for _, g := range gaps.Open {
		fmt.Fprintf(w, "gap: %s/%s: no committed window covers %s. Copy it: %s\n", g.Account, g.Stream, words.Span(g.Window), g.Command())
	}
	writeAccepted(w, gaps.Accepted)
	if len(gaps.Open) > 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, "There are no gaps between the windows of the ledger, other than accepted ones.")
	return err
}

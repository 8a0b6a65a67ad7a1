package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) gapCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "gap", Short: "List the gaps of the lake, accept one, or skip a blocked window"}
	cmd.AddCommand(a.gapListCommand(), a.gapAcceptCommand(), a.gapSkipCommand())
	return cmd
}

func (a *app) gapListCommand() *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use: "list", Short: "List the times that no committed window covers, and what was accepted or skipped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := a.openLake(cmd.Context(), account)
			if err != nil {
				return err
			}
			gaps, err := l.Gaps(cmd.Context())
			if err != nil {
				return err
			}
			if err := show(a, gaps, writeGaps); err != nil || len(gaps.Open)+len(gaps.Lost)+len(gaps.Skipped) == 0 {
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
		Long: "Accepts a gap, or what was lost because the platform deletes what is old. It is then neither copied nor reported as a gap: exports leave it out and can be complete, syncs continue after it,\n" +
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

func (a *app) gapSkipCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "skip <window>... --reason <text>", Short: "Give up blocked windows for now, so that their runs go on, and write into the ledger why", Args: cobra.MinimumNArgs(1),
		Long: "Gives up windows that are blocked, by the names that `chatlake status` shows, such as acme/created/20260501T000000Z~20260601T000000Z.\n" +
			"Their exports, syncs and settles go on without them and do not end complete. The windows stay gaps, with the reason, until a later\n" +
			"run copies them: the next sync begins before a skipped window of changes. If such a window blocks again and again, accept the gap\n" +
			"(`chatlake gap accept`).",
		RunE: func(cmd *cobra.Command, windows []string) error { return a.skipWindows(cmd.Context(), windows, reason) },
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who ask later")
	return cmd
}

// skipWindows checks everything before it writes anything. A reason stands in the ledger before a window is given up.
func (a *app) skipWindows(ctx context.Context, windows []string, reason string) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	for _, window := range windows {
		if err := inspect.CheckSkip(c, window, reason); err != nil {
			return err
		}
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	skipped, err := skip(ctx, c, s, windows, reason)
	if err := errors.Join(err, s.Stop()); err != nil {
		return err
	}
	return show(a, skipped, func(w io.Writer, all []inspect.SkippedWindow) error {
		writeSkipped(w, all)
		_, err := fmt.Fprintln(w, "The runs go on without it. It stays a gap until a later run copies it.")
		return err
	})
}

func skip(ctx context.Context, c worker.Config, s *operate.Session, windows []string, reason string) ([]inspect.SkippedWindow, error) {
	kinds := make([]string, len(windows))
	for i, window := range windows {
		blocked, err := s.Blocked(ctx, window)
		if err != nil {
			return nil, err
		}
		kinds[i] = blocked.Kind
	}
	var skipped []inspect.SkippedWindow
	for i, window := range windows {
		one, err := inspect.SkipWindow(ctx, c, window, kinds[i], reason)
		if err == nil {
			err = s.Skip(ctx, window)
		}
		if err != nil {
			return skipped, err
		}
		skipped = append(skipped, one)
	}
	return skipped, nil
}

func writeGaps(w io.Writer, gaps inspect.Gaps) error {
	for _, g := range gaps.Open {
		fmt.Fprintf(w, "gap: %s/%s: no committed window covers %s. Copy it: %s\n", g.Account, g.Stream, words.Span(g.Window), g.Command())
	}
	writeRetained(w, "", gaps.Retained)
	writeSkipped(w, gaps.Skipped)
	writeAccepted(w, gaps.Accepted)
	if len(gaps.Open)+len(gaps.Lost)+len(gaps.Expiring)+len(gaps.Skipped) > 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, "There are no gaps between the windows of the ledger, other than accepted ones.")
	return err
}

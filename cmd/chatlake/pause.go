package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
)

func (a *app) pauseCommand() *cobra.Command {
	var n named
	var note string
	cmd := n.flags(&cobra.Command{
		Use: "pause", Short: "Pause a run, or everything that runs or would start", Args: cobra.NoArgs,
		Long: "Pauses exports, syncs, settles, maintenances and remaps. With --all, it pauses schedules too, so that nothing begins until\n" +
			"`chatlake resume --all`. Without it, schedules go on starting new runs, but a paused run of a schedule keeps that schedule from starting another.",
		Example: "  chatlake pause --kind sync --account acme\n  chatlake pause --all --note \"the platform is being moved\"",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if note != "" && !n.everything() {
				return usage("--note needs --all without --kind: a run has no place for a note, a schedule has")
			}
			return a.orderAll(cmd.Context(), n, "Paused. Work in flight is finished; `chatlake resume` continues.", telling((*operate.Session).Pause), "Paused until `chatlake resume --all`.",
				func(s *operate.Session, ctx context.Context) ([]operate.Schedule, error) {
					return s.PauseEverySchedule(ctx, n.account, note)
				})
		},
	})
	cmd.Flags().StringVar(&note, "note", "", "with --all: why, for those who look at the schedules")
	return cmd
}

func (a *app) resumeCommand() *cobra.Command {
	var n named
	return n.flags(&cobra.Command{
		Use: "resume", Short: "Continue paused runs, and try again what is blocked", Args: cobra.NoArgs,
		Long: "Continues paused runs, and tries again what is blocked. With --all, it also resumes the schedules that `chatlake pause --all` has\n" +
			"paused. A schedule that was paused by itself stays paused until `chatlake schedule resume`.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.orderAll(cmd.Context(), n, "Resumed. What was blocked is tried again.", telling((*operate.Session).Resume), "Resumed.",
				func(s *operate.Session, ctx context.Context) ([]operate.Schedule, error) {
					return s.ResumeEverySchedule(ctx, n.account)
				})
		},
	})
}

// everything reports whether the flags mean schedules, too.
func (n *named) everything() bool { return n.all && n.kind == "" }

// orderAll is order for orders that schedules take as well. Schedules come first, so that none starts a run in between.
func (a *app) orderAll(ctx context.Context, n named, done string, tell tells, doneSchedule string,
	schedules func(*operate.Session, context.Context) ([]operate.Schedule, error)) error {
	if !n.everything() {
		return a.order(ctx, n, done, tell)
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	kinds, err := n.kinds()
	if err != nil {
		return err
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	changed, err := schedules(s, ctx)
	told := []ordered{}
	for _, schedule := range changed {
		told = append(told, ordered{Schedule: schedule.ID, Done: doneSchedule})
	}
	if err == nil {
		var runs []ordered
		runs, err = a.tell(ctx, s, n, kinds, done, tell)
		var none *operate.OrderError
		if errors.As(err, &none) && none.Kind == operate.NoneRuns && len(changed) > 0 {
			err = nil
		}
		told = append(told, runs...)
	}
	err = errors.Join(err, s.Stop())
	if len(told) == 0 && err != nil {
		return err
	}
	return errors.Join(a.printOrdered(n, told), err) // what was done is said even if the rest failed
}

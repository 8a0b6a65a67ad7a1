package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/workflows"
)

// named are the flags that name one export, or the remap of an account.
type named struct {
	account, name string
	remap, all    bool
	exports       bool // remaps are not meant
}

func (n *named) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&n.account, "account", "", "account name; optional if only one is configured")
	cmd.Flags().StringVar(&n.name, "name", "", "name of the export; optional if only one is running")
	if !n.exports {
		cmd.Flags().BoolVar(&n.remap, "remap", false, "the remap of the account, not an export; optional if nothing else is running")
		cmd.MarkFlagsMutuallyExclusive("name", "remap")
	}
	return cmd
}

// orderFlags are flags, with one that names everything that runs.
func (n *named) orderFlags(cmd *cobra.Command) *cobra.Command {
	n.flags(cmd)
	cmd.Flags().BoolVar(&n.all, "all", false, "everything that runs: exports, syncs, settles and remaps; with --account, of one account")
	others := []string{"all", "name"}
	if !n.exports {
		others = append(others, "remap")
	}
	cmd.MarkFlagsMutuallyExclusive(others...)
	return cmd
}

func (a *app) pauseCommand() *cobra.Command {
	var n named
	return n.orderFlags(&cobra.Command{
		Use: "pause", Short: "Pause a running export or remap, or everything that runs", Args: cobra.NoArgs,
		Long: "Pauses what runs. Schedules go on starting new runs: `chatlake schedule pause` stops that.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.order(cmd.Context(), n, "Paused. Work in flight is finished; `chatlake resume` continues.", (*operate.Session).Pause)
		},
	})
}

func (a *app) resumeCommand() *cobra.Command {
	var n named
	return n.orderFlags(&cobra.Command{
		Use: "resume", Short: "Continue a paused export or remap, and try again what is blocked", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.order(cmd.Context(), n, "Resumed. What was blocked is tried again.", (*operate.Session).Resume)
		},
	})
}

func (a *app) rateCommand() *cobra.Command {
	n := named{exports: true}
	var perSecond float64
	cmd := n.orderFlags(&cobra.Command{
		Use: "rate --requests-per-second <number>", Short: "Change the budget of a running export's account", Args: cobra.NoArgs,
		Long: "Changes the budget that all exports of the account share. It may be larger or smaller than the configured one, which counts\n" +
			"again once no export of the account is at work.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("requests-per-second") {
				return usage("--requests-per-second is missing: give the new budget of the whole account; 0 means no limit")
			}
			if err := (workflows.SetRateInput{RequestsPerSecond: perSecond}).Check(); err != nil {
				return usage("--%v", strings.ReplaceAll(err.Error(), "_", "-"))
			}
			return a.order(cmd.Context(), n, fmt.Sprintf("The budget is now %g requests per second.", perSecond), func(s *operate.Session, ctx context.Context, id string) error {
				return s.SetRate(ctx, id, perSecond)
			})
		},
	})
	cmd.Flags().Float64Var(&perSecond, "requests-per-second", 0, "budget of the whole account; 0 means no limit")
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	var n named
	return n.flags(&cobra.Command{
		Use: "cancel", Short: "End an export or a remap; what it has committed stays in the lake", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.cancel(cmd.Context(), n) },
	})
}

// order tells an export or a remap to do something.
func (a *app) order(ctx context.Context, n named, done string, tell func(s *operate.Session, ctx context.Context, id string) error) error {
	if n.all {
		return a.orderAll(ctx, n, done, tell)
	}
	return a.visit(ctx, n, func(s *operate.Session, id string) error {
		if err := tell(s, ctx, id); err != nil {
			return err
		}
		return a.acknowledge(id, done)
	})
}

// orderAll tells everything that runs to do something. What ends meanwhile needs no order.
func (a *app) orderAll(ctx context.Context, n named, done string, tell func(s *operate.Session, ctx context.Context, id string) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	ids, err := s.All(ctx, n.account, !n.exports)
	told := []string{}
	for _, id := range ids {
		var ended *operate.OrderError
		err = tell(s, ctx, id)
		if errors.As(err, &ended) && ended.Kind == operate.NotRunning {
			err = nil
			continue
		}
		if err != nil {
			break
		}
		told = append(told, id)
	}
	if err = errors.Join(err, s.Stop()); err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(map[string]any{"workflow_ids": told, "done": done})
	}
	for _, id := range told {
		if _, err := fmt.Fprintf(a.out, "%s: %s\n", id, done); err != nil {
			return err
		}
	}
	return nil
}

// cancel asks an export or a remap to end, and waits for that if no worker runs elsewhere.
func (a *app) cancel(ctx context.Context, n named) error {
	return a.visit(ctx, n, func(s *operate.Session, id string) error {
		ended, err := s.Cancel(ctx, id)
		switch {
		case err != nil:
			return err
		case !ended:
			return a.acknowledge(id, "Asked to end. What it has committed stays in the lake.")
		}
		return a.acknowledge(id, "Ended. What it has committed stays in the lake.")
	})
}

func (a *app) acknowledge(id, text string) error {
	if a.json() {
		return a.printJSON(map[string]string{"workflow_id": id, "done": text})
	}
	_, err := fmt.Fprintf(a.out, "%s: %s\n", id, text)
	return err
}

// visit connects to the server of the export or remap that is meant: the only running one if none is named.
func (a *app) visit(ctx context.Context, n named, do func(s *operate.Session, id string) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	var id string
	if n.name == "" && !n.remap {
		id, err = s.Only(ctx, n.account, !n.exports)
	} else if n.account, err = accountOf(c, n.account); err == nil {
		id = workflows.ExportID(n.account, n.name)
		if n.remap {
			id = workflows.RemapID(n.account)
		}
	}
	if err == nil {
		err = do(s, id)
	}
	return errors.Join(err, s.Stop())
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/workflows"
)

// named are the flags that name one run, or several.
type named struct {
	account, name, kind string
	remap, all          bool
	exports             bool // only exports are meant
	platform            bool // only runs that send requests to the platform are meant
}

func (n *named) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&n.account, "account", "", "account name; optional if only one is configured")
	cmd.Flags().StringVar(&n.name, "name", "", "name of the export; optional if only one is running")
	if n.exports {
		return cmd
	}
	cmd.Flags().StringVar(&n.kind, "kind", "", "kind of the run: "+words.Or(namesOf(n.meant()))+"; optional if only one run is under way")
	cmd.Flags().BoolVar(&n.all, "all", false, "everything that runs; with --account or --kind, of these")
	if n.platform {
		cmd.MarkFlagsMutuallyExclusive("name", "kind")
		cmd.MarkFlagsMutuallyExclusive("all", "name")
		return cmd
	}
	cmd.Flags().BoolVar(&n.remap, "remap", false, "the remap of the account; the same as --kind remap")
	cmd.MarkFlagsMutuallyExclusive("name", "kind", "remap")
	cmd.MarkFlagsMutuallyExclusive("all", "name", "remap")
	return cmd
}

// meant are the kinds of runs that the flags can name.
func (n *named) meant() (all []operate.Kind) {
	for _, kind := range operate.RunKinds() {
		if !n.platform || kind.AsksPlatform() {
			all = append(all, kind)
		}
	}
	return all
}

// kinds are the kinds that the flags name.
func (n *named) kinds() ([]operate.Kind, error) {
	all := n.meant()
	switch {
	case n.remap:
		return []operate.Kind{operate.KindRemap}, nil
	case n.kind == "":
		return all, nil
	case !slices.Contains(all, operate.Kind(n.kind)):
		return nil, usage("--kind %s: expected %s", n.kind, words.Or(namesOf(all)))
	}
	return []operate.Kind{operate.Kind(n.kind)}, nil
}

func namesOf(kinds []operate.Kind) (names []string) {
	for _, kind := range kinds {
		names = append(names, string(kind))
	}
	return names
}

func (a *app) rateCommand() *cobra.Command {
	n := named{platform: true}
	var perSecond float64
	cmd := n.flags(&cobra.Command{
		Use: "rate --requests-per-second <number>", Short: "Change the budget of an account while it has runs", Args: cobra.NoArgs,
		Long: "Changes the budget that all exports, syncs and settles of the account share. It may be larger or smaller than the configured one,\n" +
			"which counts again once none of them is at work.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("requests-per-second") {
				return usage("--requests-per-second is missing: give the new budget of the whole account; 0 means no limit")
			}
			if err := (workflows.SetRateInput{RequestsPerSecond: perSecond}).Check(); err != nil {
				return usage("--%v", strings.ReplaceAll(err.Error(), "_", "-"))
			}
			return a.order(cmd.Context(), n, fmt.Sprintf("The budget is now %g requests per second.", perSecond), telling(func(s *operate.Session, ctx context.Context, id string) error {
				return s.SetRate(ctx, id, perSecond)
			}))
		},
	})
	cmd.Flags().Float64Var(&perSecond, "requests-per-second", 0, "budget of the whole account; 0 means no limit")
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	var n named
	return n.flags(&cobra.Command{
		Use: "cancel", Short: "End runs; what they have committed stays in the lake", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.order(cmd.Context(), n, "", cancelRun) },
	})
}

// tells gives an order to a run. It returns what was done, where that depends on how it went.
type tells func(s *operate.Session, ctx context.Context, id string) (done string, err error)

// telling is an order that always does the same.
func telling(order func(s *operate.Session, ctx context.Context, id string) error) tells {
	return func(s *operate.Session, ctx context.Context, id string) (string, error) { return "", order(s, ctx, id) }
}

// cancelRun asks a run to end, and waits for that if no worker runs elsewhere.
func cancelRun(s *operate.Session, ctx context.Context, id string) (string, error) {
	ended, err := s.Cancel(ctx, id)
	if ended {
		return "Ended. What it has committed stays in the lake.", err
	}
	return "Asked to end. What it has committed stays in the lake.", err
}

// order tells the run that is meant to do something, or everything that runs.
func (a *app) order(ctx context.Context, n named, done string, tell tells) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	kinds, err := n.kinds()
	if err != nil {
		return err
	}
	if n.name != "" {
		if n.account, err = accountOf(c, n.account); err != nil {
			return err
		}
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	told, err := a.tell(ctx, s, n, kinds, done, tell)
	if err = errors.Join(err, s.Stop()); err != nil {
		return err
	}
	return a.printOrdered(n, told)
}

// printOrdered says what was done with runs and schedules.
func (a *app) printOrdered(n named, told []ordered) error {
	if a.json() && n.all {
		return a.printJSON(told)
	}
	for _, one := range told {
		if a.json() {
			return a.printJSON(one)
		}
		if _, err := fmt.Fprintf(a.out, "%s: %s\n", cmp.Or(one.ID, "schedule "+one.Schedule), one.Done); err != nil {
			return err
		}
	}
	return nil
}

// ordered is a run or a schedule, and what was done with it.
type ordered struct {
	ID       string `json:"workflow_id,omitempty"`
	Schedule string `json:"schedule,omitempty"` // instead of a run
	Done     string `json:"done"`
}

// tell gives the order. With several runs, what ends meanwhile needs none.
func (a *app) tell(ctx context.Context, s *operate.Session, n named, kinds []operate.Kind, done string, tell tells) (told []ordered, err error) {
	told = []ordered{}
	var ids []string
	switch {
	case n.all:
		ids, err = s.Running(ctx, n.account, kinds)
	case n.name != "":
		ids = []string{workflows.ExportID(n.account, n.name)}
	default:
		var id string
		id, err = s.Only(ctx, n.account, kinds)
		ids = []string{id}
	}
	if err != nil {
		return told, err
	}
	for _, id := range ids {
		text, err := tell(s, ctx, id)
		var ended *operate.OrderError
		if n.all && errors.As(err, &ended) && ended.Kind == operate.NotRunning {
			continue
		}
		if err != nil {
			return told, err
		}
		told = append(told, ordered{ID: id, Done: cmp.Or(text, done)})
	}
	return told, nil
}

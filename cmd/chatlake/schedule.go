package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/worker"
)

func (a *app) scheduleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "schedule", Short: "Show and control the schedules that keep accounts up to date",
		Long: "Each account with a section sync has up to four schedules on the Temporal server: sync copies what has changed, settle lists windows\n" +
			"again that are due, history exports what is not in the lake yet, maintain makes few files of many. An account with a section end_stale\n" +
			"has one that ends conversations which never end: end-stale. A worker makes them when it starts.",
	}
	cmd.AddCommand(
		a.applyCommand(), a.scheduleListCommand(), a.describeCommand(),
		a.scheduleOrder("pause", "Pause schedules; runs under way continue", "paused", "paused already", (*operate.Session).PauseSchedules),
		a.scheduleOrder("resume", "Resume paused schedules", "resumed", "not paused", (*operate.Session).ResumeSchedules),
		a.scheduleOrder("trigger", "Start a run of schedules now", "started", "running already", func(s *operate.Session, ctx context.Context, c operate.Choice, _ string) ([]operate.Schedule, error) {
			return s.TriggerSchedules(ctx, c)
		}),
		a.scheduleOrder("delete", "Delete schedules; a worker that starts makes those of its configuration again", "deleted", "", func(s *operate.Session, ctx context.Context, c operate.Choice, _ string) ([]operate.Schedule, error) {
			return s.DeleteSchedules(ctx, c)
		}),
	)
	return cmd
}

func (a *app) applyCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: "apply", Short: "Make the schedules match the configuration", Args: cobra.NoArgs,
		Long: "Creates, changes and deletes schedules so that they match the configuration, and says what differs. It touches no schedule that\n" +
			"something else has made. A paused schedule stays paused.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onSchedules(cmd.Context(), func(s *operate.Session, c worker.Config) error {
				changes, err := s.Apply(cmd.Context(), operate.ApplyOptions{DryRun: dryRun})
				if err != nil {
					return err
				}
				if reason := s.Untagged(); reason != nil {
					a.note("The runs have no search attributes: %v", reason)
				}
				if a.json() {
					return a.printJSON(changes)
				}
				return writeChanges(a.out, changes, dryRun)
			})
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would be done")
	return cmd
}

func (a *app) scheduleListCommand() *cobra.Command {
	var choice operate.Choice
	cmd := &cobra.Command{
		Use: "list", Short: "List the schedules, when they act next and when they acted last", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onSchedules(cmd.Context(), func(s *operate.Session, _ worker.Config) error {
				all, err := s.Schedules(cmd.Context(), choice)
				if err != nil {
					return err
				}
				return show(a, all, writeSchedules)
			})
		},
	}
	cmd.Flags().StringVar(&choice.Account, "account", "", "only schedules of this account")
	return cmd
}

func (a *app) describeCommand() *cobra.Command {
	var choice operate.Choice
	cmd := &cobra.Command{
		Use: "describe [<schedule>...]", Short: "Show the settings and the runs of schedules",
		RunE: func(cmd *cobra.Command, ids []string) error {
			choice.IDs = ids
			return a.onSchedules(cmd.Context(), func(s *operate.Session, _ worker.Config) error {
				all, err := s.Schedules(cmd.Context(), choice)
				if err != nil {
					return err
				}
				return show(a, all, writeDescribed)
			})
		},
	}
	cmd.Flags().StringVar(&choice.Account, "account", "", "only schedules of this account")
	return cmd
}

// scheduleOrder is a command that does one thing to schedules.
func (a *app) scheduleOrder(verb, short, done, already string,
	order func(*operate.Session, context.Context, operate.Choice, string) ([]operate.Schedule, error)) *cobra.Command {
	var choice operate.Choice
	var note string
	cmd := &cobra.Command{
		Use: verb + " [<schedule>...]", Short: short,
		Example: fmt.Sprintf("  chatlake schedule %[1]s sync/acme\n  chatlake schedule %[1]s --account acme\n  chatlake schedule %[1]s --all", verb),
		RunE: func(cmd *cobra.Command, ids []string) error {
			choice.IDs = ids
			if err := checkChoice(choice); err != nil {
				return err
			}
			return a.onSchedules(cmd.Context(), func(s *operate.Session, _ worker.Config) error {
				changed, err := order(s, cmd.Context(), choice, note)
				if err != nil {
					return err
				}
				if a.json() {
					return a.printJSON(changed)
				}
				return writeOrdered(a.out, changed, done, already)
			})
		},
	}
	cmd.Flags().StringVar(&choice.Account, "account", "", "all schedules of this account")
	cmd.Flags().BoolVar(&choice.All, "all", false, "all schedules that chatlake has made")
	if verb == "pause" || verb == "resume" {
		cmd.Flags().StringVar(&note, "note", "", "why, for those who look at the schedule")
	}
	return cmd
}

// checkChoice refuses an order that does not say which schedules it is for, or says so in two ways.
func checkChoice(c operate.Choice) error {
	ways := 0
	for _, way := range []bool{len(c.IDs) > 0, c.Account != "", c.All} {
		if way {
			ways++
		}
	}
	if ways != 1 {
		return usage("say which schedules: ids such as sync/acme, or --account <name>, or --all")
	}
	return nil
}

// onSchedules connects to the server that has the schedules.
func (a *app) onSchedules(ctx context.Context, do func(*operate.Session, worker.Config) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	s, err := operate.Visit(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(do(s, c), s.Stop())
}

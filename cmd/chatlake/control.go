package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// updateTimeout is how long a worker has to take an order.
const updateTimeout = 20 * time.Second

// named are the flags that name one export.
type named struct{ account, name string }

func (n *named) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&n.account, "account", "", "account of the configuration; may be left out when there is one only")
	cmd.Flags().StringVar(&n.name, "name", "", "name of the export; may be left out when one only runs")
	return cmd
}

func (a *app) pauseCommand() *cobra.Command {
	var n named
	return n.flags(&cobra.Command{
		Use: "pause", Short: "Let a running export begin nothing new", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.order(cmd.Context(), n, "Paused. What is in flight ends; `chatlake resume` goes on.", instruction{name: workflows.PauseUpdate})
		},
	})
}

func (a *app) resumeCommand() *cobra.Command {
	var n named
	return n.flags(&cobra.Command{
		Use: "resume", Short: "Let a paused export go on, and try again what is blocked", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.order(cmd.Context(), n, "Going on; what was blocked is tried again.",
				instruction{name: workflows.ResumeUpdate}, instruction{name: workflows.RetryBlockedUpdate})
		},
	})
}

func (a *app) rateCommand() *cobra.Command {
	var n named
	var perSecond float64
	cmd := n.flags(&cobra.Command{
		Use: "rate --requests-per-second <number>", Short: "Change the budget of a running export's account", Args: cobra.NoArgs,
		Long: "Changes the budget until the export ends. No worker ever sends more than the configuration allows, whatever is said here.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("requests-per-second") {
				return usage("--requests-per-second is missing: the new budget of the whole account; 0 is no limit")
			}
			if err := (workflows.SetRateInput{RequestsPerSecond: perSecond}).Check(); err != nil {
				return usage("--%v", strings.ReplaceAll(err.Error(), "_", "-"))
			}
			return a.order(cmd.Context(), n, fmt.Sprintf("The budget is %g requests per second now.", perSecond), instruction{
				workflows.SetRateUpdate, []any{workflows.SetRateInput{RequestsPerSecond: perSecond}},
			})
		},
	})
	cmd.Flags().Float64Var(&perSecond, "requests-per-second", 0, "budget of the whole account; 0 is no limit")
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	var n named
	return n.flags(&cobra.Command{
		Use: "cancel", Short: "End an export for good; what it has committed stays", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.cancel(cmd.Context(), n) },
	})
}

// instruction is an update and its arguments.
type instruction struct {
	name string
	args []any
}

// order sends instructions to an export.
func (a *app) order(ctx context.Context, n named, done string, instructions ...instruction) error {
	c, s, err := a.visit(ctx)
	if err != nil {
		return err
	}
	err = func() error {
		id, err := find(ctx, s.temporal.Client, c, n)
		if err != nil {
			return err
		}
		if s.temporal.Embedded {
			return usage("%s is not being worked on: no chatlake process runs on %s. The `chatlake export` command that began it goes on with it", id, c.StateDir)
		}
		for _, i := range instructions {
			if err := i.send(ctx, s.temporal.Client, id); err != nil {
				return err
			}
		}
		return a.acknowledge(id, done)
	}()
	return errors.Join(err, s.stop())
}

// cancel asks an export to end and waits until it has cleaned up. Without another process it does the work itself.
func (a *app) cancel(ctx context.Context, n named) error {
	c, s, err := a.visit(ctx)
	if err != nil {
		return err
	}
	err = func() error {
		id, err := find(ctx, s.temporal.Client, c, n)
		if err != nil {
			return err
		}
		if s.temporal.Embedded {
			if err := s.work(ctx); err != nil {
				return err
			}
		}
		if err := s.temporal.Client.CancelWorkflow(ctx, id, ""); err != nil {
			return fmt.Errorf("cancel %s: %w", id, err)
		}
		if !s.temporal.Embedded && c.Temporal != nil {
			return a.acknowledge(id, "Told to end. What is committed stays in the lake.")
		}
		err = explainEnd(s.temporal.Client.GetWorkflow(ctx, id, "").Get(ctx, nil))
		var ended *outcome
		if err != nil && !errors.As(err, &ended) {
			return err
		}
		return a.acknowledge(id, "Ended. What is committed stays in the lake.")
	}()
	return errors.Join(err, s.stop())
}

func (a *app) acknowledge(id, text string) error {
	if a.json() {
		return a.printJSON(map[string]string{"workflow_id": id, "done": text})
	}
	_, err := fmt.Fprintf(a.out, "%s: %s\n", id, text)
	return err
}

// visit connects without working: to the server of a running chatlake process where there is one.
func (a *app) visit(ctx context.Context) (worker.Config, *session, error) {
	c, err := a.load()
	if err != nil {
		return c, nil, err
	}
	temporal, err := worker.Visit(ctx, c)
	if err != nil {
		return c, nil, err
	}
	return c, &session{config: c, temporal: temporal}, nil
}

// send waits until the export has taken the instruction.
func (i instruction) send(ctx context.Context, c client.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: i.name, Args: i.args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var missing *serviceerror.NotFound
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		return usage("%s does not run", id)
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("tell %s to %s: no worker has answered; is one running (`chatlake worker`)?", id, i.name)
	default:
		return fmt.Errorf("tell %s to %s: %w", id, i.name, err)
	}
}

// find is the workflow id of the export that is meant: the only running one when none is named.
func find(ctx context.Context, c client.Client, config worker.Config, n named) (string, error) {
	if n.name != "" {
		account, err := accountOf(config, n.account)
		return workflows.ExportID(account, n.name), err
	}
	var running []string
	all, err := exports(ctx, c)
	if err != nil {
		return "", err
	}
	for _, e := range all {
		if e.Status == statusRunning && (n.account == "" || n.account == e.Account) {
			running = append(running, e.id())
		}
	}
	switch len(running) {
	case 0:
		return "", usage("no export runs")
	case 1:
		return running[0], nil
	default:
		return "", usage("several exports run: %s; say which with --account and --name", list(running))
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/internal/terminal"
	"github.com/chatlake/chatlake/worker"
)

// app is what all commands have in common.
type app struct {
	out    io.Writer // results
	log    io.Writer // progress, notes, errors
	config string
	output string
	width  int           // of the terminal that log is, 0 if it is none
	loaded worker.Config // the configuration, once it was read
}

// The exit statuses of the program.
const (
	exitComplete    = 0
	exitFailed      = 1
	exitUsage       = 2 // of the command or the configuration
	exitGaps        = 3 // done, but not everything is in the lake
	exitBlocked     = 4 // a person must act
	exitInterrupted = 130
)

// run is the whole program but for signals.
func (a *app) run(ctx context.Context, args []string) int {
	out := redact.NewWriter(a.out)
	a.width = terminal.Width(a.log)
	a.out, a.log = out, redact.NewWriter(a.log)
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.log)
	began := false
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		began = true
		if a.output != "text" && a.output != "json" {
			return usage("--output must be text or json, not %q", a.output)
		}
		return nil
	}
	err := root.ExecuteContext(ctx)
	if _, said := outcomeOf(err); err != nil && ctx.Err() != nil && !said {
		err = &outcome{status: exitInterrupted, text: "Stopped."} // whatever the interruption looked like from inside
	}
	if problem, ok := a.loaded.TemporalProblem(err); ok {
		err = problem
	}
	if said, ok := outcomeOf(err); ok && said.result != nil && a.json() {
		err = errors.Join(err, a.printJSON(said.result))
	}
	if lost := out.Err(); lost != nil { // whatever was found, nobody was told
		err = &outcome{status: exitFailed, text: fmt.Sprintf("chatlake: write the output: %v", redact.Error(lost))}
	}
	status := statusOf(err, began)
	if text := explain(err); text != "" {
		fmt.Fprintln(a.log, text)
		if status == exitUsage && !began {
			fmt.Fprintln(a.log, "`chatlake --help` lists the commands and `chatlake <command> --help` its flags.")
		}
	}
	return status
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "chatlake",
		Short:         "Copy the conversations of customer-support platforms into a data lake",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVar(&a.config, "config", "chatlake.yaml", "configuration file")
	flags.StringVar(&a.output, "output", "text", "text or json")
	root.AddCommand(
		a.demoCommand(), a.exportCommand(), a.planCommand(), a.workerCommand(), a.serveCommand(), a.scheduleCommand(), a.statusCommand(),
		a.alertsCommand(), a.pauseCommand(), a.resumeCommand(), a.rateCommand(), a.cancelCommand(), a.endStaleCommand(),
		a.webhookCommand(), a.uiCommand(),
		a.verifyCommand(), a.reportCommand(), a.gapCommand(), a.whyCommand(), a.doctorCommand(), a.lakeCommand(), a.simCommand(), a.configCommand(), a.versionCommand(),
	)
	return root
}

// statusOf is the one place where errors become exit statuses.
func statusOf(err error, began bool) int {
	var problem worker.Problem
	var problems worker.Problems
	said, ok := outcomeOf(err)
	switch {
	case err == nil:
		return exitComplete
	case ok:
		return said.status
	case errors.As(err, &problems), errors.As(err, &problem), !began:
		return exitUsage
	default:
		return exitFailed
	}
}

// explain is an error as people are told.
func explain(err error) string {
	var problem worker.Problem
	var problems worker.Problems
	said, ok := outcomeOf(err)
	switch {
	case err == nil:
		return ""
	case ok:
		return said.text
	case errors.As(err, &problems):
		return problems.Error()
	case errors.As(err, &problem):
		return problem.Error()
	default:
		return "chatlake: " + strings.TrimSpace(err.Error())
	}
}

func (a *app) json() bool { return a.output == "json" }

// printJSON writes v as one document.
func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// show prints a result, for machines or for people.
func show[T any](a *app, result T, text func(io.Writer, T) error) error {
	if a.json() {
		return a.printJSON(result)
	}
	return text(a.out, result)
}

func (a *app) note(format string, args ...any) { fmt.Fprintf(a.log, format+"\n", args...) }

// load reads the configuration.
func (a *app) load() (worker.Config, error) {
	c, err := worker.Load(a.config)
	a.loaded = c
	return c, err
}

// logger is for what someone must act on.
func (a *app) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: level, ReplaceAttr: redact.Attr}))
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json() {
				return a.printJSON(map[string]string{"version": worker.Build})
			}
			_, err := fmt.Fprintln(a.out, "chatlake", worker.Build)
			return err
		},
	}
}

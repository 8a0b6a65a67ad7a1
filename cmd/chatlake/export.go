package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

type exportFlags struct {
	account, name, from, to, window string
	refresh, sync, detach, ui       bool
	newest, oldest, deadline        bool
	reprocess                       string
	maxActive, uiPort               int
	listen                          string
	logging
}

func (a *app) exportCommand() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export --account <name> --from <date> [--to <date>]",
		Short: "Export the conversations created in a time range",
		Long: "Exports the conversations created in [from, to) into the lake. Windows that the lake already has are skipped.\n" +
			"Run the command again to resume an interrupted export.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.export(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.rangeFlags(flags)
	flags.StringVar(&f.name, "name", "", "name of the export (default <from>_<to>)")
	flags.BoolVar(&f.refresh, "refresh", false, "export windows again that the lake already has")
	flags.StringVar(&f.reprocess, "reprocess", "missing",
		"what to export again of the windows that the lake has: missing (nothing), flagged, dead (only what is a dead letter), or all (as --refresh)")
	flags.BoolVar(&f.oldest, "oldest-first", false, "copy the oldest windows first (the default, if the platform keeps everything)")
	flags.BoolVar(&f.newest, "newest-first", false, "copy the newest windows first")
	flags.BoolVar(&f.deadline, "by-deadline", false, "copy first what the platform deletes first; what it has deleted already comes last (the default, if the retention is known)")
	cmd.MarkFlagsMutuallyExclusive("oldest-first", "newest-first", "by-deadline")
	cmd.MarkFlagsMutuallyExclusive("refresh", "reprocess")
	flags.IntVar(&f.maxActive, "max-active", 0, "how many windows to copy at a time (default and at most: export.shards of the configuration)")
	flags.BoolVar(&f.sync, "sync", false, "take priority over other exports of the account, using the rate reserved for syncs")
	flags.BoolVar(&f.detach, "detach", false, "start the export for workers elsewhere, and do not wait")
	flags.BoolVar(&f.ui, "ui", false, "serve the page that shows the export, with a link to Temporal's UI, on a local port or on --listen")
	flags.IntVar(&f.uiPort, "ui-port", 0, "port of Temporal's UI (default: a free one)")
	listenFlag(flags, &f.listen)
	f.logging.flags(cmd)
	flags.Lookup("log-level").DefValue, f.level = "warn", "warn" // progress and outcome say the rest
	cmd.MarkFlagsMutuallyExclusive("detach", "listen")
	return cmd
}

// rangeFlags say what is exported.
func (f *exportFlags) rangeFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.account, "account", "", "account name; optional if only one is configured")
	flags.StringVar(&f.from, "from", "", "start of the range: 2025-01-01, or a time like 2025-01-01T12:00:00Z")
	flags.StringVar(&f.to, "to", "", "end of the range, exclusive (default: start of today, UTC)")
	flags.StringVar(&f.window, "window", "", "size of a window: month, week or day (default: as configured)")
}

func (a *app) export(ctx context.Context, f exportFlags) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	in, err := f.input(c, time.Now())
	if err != nil {
		return err
	}
	if f.detach && c.Temporal == nil {
		return usage("--detach needs a Temporal server that keeps running: add the section temporal to %s, or omit --detach", a.config)
	}
	if !f.detach {
		if err := c.Secrets(in.Account); err != nil {
			return err
		}
	}
	log, sdk, server, err := a.loggers(f.logging)
	if err != nil {
		return err
	}
	a.noteRetention(ctx, c, in)
	shown, err := telemetry.Start(ctx, c.TelemetryOptions(f.listen, log))
	if err != nil {
		return err
	}
	defer shown.Stop()
	o := worker.ConnectOptions{UI: f.ui || f.uiPort != 0, UIPort: f.uiPort, Telemetry: shown}
	if log.Enabled(ctx, slog.LevelInfo) { // or what matters of a worker's life is in progress and outcome
		o.Logger, o.ServerLogger, o.Changes = sdk, server.With("component", "temporal server"), log
	}
	s, err := a.connect(ctx, c, o)
	if err != nil {
		return err
	}
	if shown.Address() != "" {
		a.note("Metrics: http://%s/metrics", shown.Address())
	}
	if s.UIURL() != "" {
		a.note("Temporal UI: %s", s.UIURL())
	}
	if f.detach {
		return errors.Join(a.detach(ctx, s, in), s.Stop())
	}
	address, stopPage, err := showPage(c, s, shown, ownAddress(f.ui), log)
	if err != nil {
		return errors.Join(err, s.Stop())
	}
	if address != "" {
		a.note("Page: %s", address)
	}
	stop := gaugesBeside(ctx, c, s, shown, log)
	ends, err := a.attend(ctx, s, in)
	stop()
	stopPage()
	if err == nil {
		err = ends[0].Err
	}
	if err := a.leave(ctx, c, s, err); err != nil {
		return err
	}
	done, err := a.report(ctx, c, in, ends[0])
	if done != nil && a.json() {
		err = errors.Join(a.printJSON(done), err)
	}
	return err
}

// input turns flags into the input of the workflow.
func (f exportFlags) input(c worker.Config, now time.Time) (workflows.ExportInput, error) {
	in := workflows.ExportInput{Account: f.account, Name: f.name, Window: f.window, Sync: f.sync}
	var err error
	if in.Account, err = accountOf(c, f.account); err != nil {
		return in, err
	}
	if f.from == "" {
		return in, usage("--from is missing: give the first day to export, for example --from 2025-01-01")
	}
	if in.From, err = moment(f.from); err != nil {
		return in, usage("--from: %v", err)
	}
	if in.To = now.UTC().Truncate(24 * time.Hour); f.to != "" {
		if in.To, err = moment(f.to); err != nil {
			return in, usage("--to: %v", err)
		}
	}
	if !in.From.Before(in.To) {
		return in, usage("the range is empty: --from %s is not before --to %s", words.Time(in.From), words.Time(in.To))
	}
	if f.window != "" && !slices.Contains(workflows.Windows, f.window) {
		return in, usage("--window must be month, week or day, not %q", f.window)
	}
	if in.Name == "" {
		in.Name = words.Range(in.Range())
	}
	if err := workflows.CheckName(in.Name); err != nil {
		return in, usage("--name: %v", err)
	}
	switch f.reprocess {
	case "", "missing":
	case "flagged":
		in.Reprocess = "flagged"
	case "dead":
		in.Reprocess = "dead"
	case "all":
		f.refresh = true
	default:
		return in, usage("--reprocess must be missing, flagged, dead or all, not %q", f.reprocess)
	}
	if f.refresh {
		in.Refresh = now.UTC().Format(time.RFC3339)
	}
	switch in.MaxActive = f.maxActive; {
	case f.newest:
		in.Order = "newest"
	case f.oldest:
		in.Order = "oldest"
	case f.deadline:
		in.Order = "deadline"
		if c.Deadline(in.Account, in.Range()).IsZero() {
			return in, usage("--by-deadline: how long the platform of %s keeps conversations is not known; set accounts.%[1]s.retention, or use --oldest-first", in.Account)
		}
	}
	if err := in.Check(now); err != nil {
		return in, usage("%v", err)
	}
	return in, nil
}

// accountOf is the account that is meant: the only one when none is named.
func accountOf(c worker.Config, name string) (string, error) {
	all := accountNames(c)
	if name == "" && len(all) == 1 {
		return all[0], nil
	}
	if _, ok := c.Accounts[name]; ok {
		return name, nil
	}
	if name == "" {
		return "", usage("--account is missing; the configuration has %s", words.List(all))
	}
	return "", c.Problem("accounts", fmt.Sprintf("there is no account %s; the configuration has %s", name, words.List(all)))
}

// accountNames are those of all accounts, in order.
func accountNames(c worker.Config) []string { return slices.Sorted(maps.Keys(c.Accounts)) }

// moment reads a day or a time, UTC.
func moment(s string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Second), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a day like 2025-01-31 nor a time like 2025-01-31T12:00:00Z", s)
}

func (a *app) detach(ctx context.Context, s *operate.Session, in workflows.ExportInput) error {
	run, err := s.Start(ctx, in)
	if err == nil && run.Met {
		err = s.SameRange(ctx, in)
	}
	if err != nil {
		return err
	}
	if a.json() {
		return a.printJSON(map[string]string{"workflow_id": workflows.ExportID(in.Account, in.Name), "account": in.Account, "name": in.Name})
	}
	_, err = fmt.Fprintf(a.out, "Started %s. Workers (`chatlake worker`) run it; `chatlake status --account %s --name %s` shows its progress.\n",
		workflows.ExportID(in.Account, in.Name), in.Account, in.Name)
	return err
}

// leave ends a session. After a Ctrl-C it says what becomes of the work.
func (a *app) leave(ctx context.Context, c worker.Config, s *operate.Session, err error) error {
	if stopErr := s.Stop(); err == nil {
		err = stopErr
	}
	if _, said := outcomeOf(err); err == nil || said || ctx.Err() == nil {
		return err
	}
	if c.Temporal == nil {
		return &outcome{status: exitInterrupted, text: "Stopped. Nothing is lost: run the command again to resume."}
	}
	return &outcome{status: exitInterrupted, text: "Stopped watching. Workers elsewhere continue; run the command again to watch."}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/platforms"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// world are the flags of a simulated account.
type world struct {
	demo.World
	provider string
}

func (w *world) flags(flags *pflag.FlagSet) {
	flags.IntVar(&w.Conversations, "conversations", 2000, "conversations in a simulated account, all created in 2025")
	flags.Uint64Var(&w.Seed, "seed", 1, "the same seed makes the same account")
	flags.DurationVar(&w.Latency, "latency", 5*time.Millisecond, "how long a simulated platform takes to answer")
	flags.Float64Var(&w.FaultRate, "fault-rate", 0, "share of requests that fail, from 0 to 1")
}

// check says what is wrong with the flags.
func (w world) check() error {
	if w.Conversations < 1 {
		return usage("--conversations must be at least 1")
	}
	if w.FaultRate < 0 || w.FaultRate > 1 {
		return usage("--fault-rate must be from 0 to 1")
	}
	return nil
}

type demoFlags struct {
	world
	rate      float64
	dir       string
	window    string
	ui, fresh bool
	live      bool
	uiPort    int
	listen    string
}

// demoFolder is the folder of demos, unless another is named.
const demoFolder = ".chatlake-demo"

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "Export simulated accounts into a folder; nothing to install or configure", Args: cobra.NoArgs,
		Long: "Starts a simulated account of each platform, a Temporal server in this process and a lake in a folder, and exports everything.\n" +
			"Interrupt it at any time: run the command again to resume.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.world.flags(flags)
	flags.StringVar(&f.provider, "provider", "all", "export only one platform: "+demo.PlatformNames())
	flags.Float64Var(&f.rate, "rate", 0, "requests per second that the export may send; 0 means no limit")
	flags.StringVar(&f.dir, "dir", demoFolder, "folder for the lake and the state; must be new, empty, or left by a demo")
	flags.StringVar(&f.window, "window", "month", "size of a window: month, week or day")
	flags.BoolVar(&f.ui, "ui", true, "serve the page, with a link to Temporal's UI, on a local port or on --listen")
	flags.IntVar(&f.uiPort, "ui-port", 0, "port of Temporal's UI (default: a free one)")
	flags.StringVar(&f.listen, "listen", "", "address of the page, such as "+uiAddress+" (default: a free local port)")
	flags.BoolVar(&f.live, "live", false, "let the accounts change, and keep the copy up to date until Ctrl-C; always starts again, in .chatlake-demo-live")
	flags.BoolVar(&f.fresh, "fresh", false, "delete what earlier demos left in the folder, and start again")
	return cmd
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	chosen := platforms.All
	if f.provider != "all" {
		p, err := demo.PlatformOf(f.provider)
		if err != nil {
			return err
		}
		chosen = []simulator.Platform{p}
	}
	if err := f.check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"month", "week", "day"}, f.window) {
		return usage("--window must be month, week or day, not %q", f.window)
	}
	if f.rate < 0 {
		return usage("--rate must not be negative; 0 means no limit")
	}
	if f.live {
		f.fresh = true // what happened at the simulated accounts is not kept
		if f.dir == demoFolder {
			f.dir += "-live"
		}
	}
	dir, err := filepath.Abs(f.dir)
	if err != nil {
		return err
	}
	d, err := demo.Open(ctx, demo.Options{World: f.World, Dir: dir, Fresh: f.fresh, Window: f.window, Rate: f.rate, Platforms: chosen, Live: f.live})
	if err != nil {
		return err
	}
	return errors.Join(a.copyDemo(ctx, f, d), d.Close(ctx))
}

func (a *app) copyDemo(ctx context.Context, f demoFlags, d *demo.Demo) error {
	c, ins := d.Config()
	s, err := a.connect(ctx, c, worker.ConnectOptions{UI: f.ui, UIPort: f.uiPort})
	if err != nil {
		return err
	}
	for _, p := range d.Platforms {
		a.note("%-21s %s (%s)", "Simulated "+p.Title+":", d.URL(p), words.Plural(int64(d.Conversations), "conversation"))
	}
	stopPage := func() {}
	if f.ui {
		address, stop, err := showPage(c, s, nil, cmp.Or(f.listen, freeAddress), a.logger(slog.LevelWarn))
		if err != nil {
			return errors.Join(err, s.Stop())
		}
		stopPage = stop
		a.note("Page:                 %s", address)
	}
	if s.UIURL() != "" {
		a.note("Temporal UI:          %s", s.UIURL())
	}
	a.note("Lake:                 %s", d.Lake())
	config, err := d.WriteConfig(c)
	if err != nil {
		stopPage()
		return errors.Join(err, s.Stop())
	}
	a.note("Inspect it with       chatlake status --config %s (or verify, lake files, pause, resume)", demo.Shown(config))
	if f.live {
		err := a.followDemo(ctx, s, d, c)
		stopPage()
		return a.leave(ctx, c, s, err)
	}
	ends, err := a.attend(ctx, s, ins...)
	stopPage()
	if err := a.leave(ctx, c, s, err); err != nil {
		return err
	}
	return a.reportDemo(ctx, d, c, ins, ends)
}

// reportDemo says of each account what it came to. The worst of them decides how the command ends.
func (a *app) reportDemo(ctx context.Context, d *demo.Demo, c worker.Config, ins []workflows.ExportInput, ends []operate.Attended) error {
	var results []*exported
	var failures []error
	for i, in := range ins {
		err := ends[i].Err
		if err == nil {
			var done *exported
			if len(results) > 0 && !a.json() {
				fmt.Fprintln(a.out)
			}
			if done, err = a.report(ctx, c, in, ends[i]); done != nil {
				results = append(results, done)
			}
		}
		if err != nil && len(ins) > 1 {
			err = &outcome{status: statusOf(err, true), text: in.Account + ": " + explain(err)}
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	worst := worstOf(failures)
	if !a.json() {
		return errors.Join(worst, a.suggest(ctx, d, c))
	}
	if len(ins) == 1 && len(results) == 1 {
		return errors.Join(worst, a.printJSON(results[0]))
	}
	return errors.Join(worst, a.printJSON(results))
}

// worstOf is one outcome for several: failed before blocked before incomplete.
func worstOf(failures []error) error {
	if len(failures) == 0 {
		return nil
	}
	rank := map[int]int{exitFailed: 3, exitBlocked: 2, exitGaps: 1}
	worst := &outcome{}
	var texts []string
	for _, err := range failures {
		status := statusOf(err, true)
		if rank[status] > rank[worst.status] {
			worst.status = status
		}
		texts = append(texts, explain(err))
	}
	worst.text = strings.Join(texts, "\n")
	return worst
}

// suggest writes views over exactly the files that count, and two queries to try on them.
func (a *app) suggest(ctx context.Context, d *demo.Demo, c worker.Config) error {
	script, err := inspect.Views(ctx, c, accountNames(c)) // of no other demo
	if err != nil {
		return err
	}
	views, err := d.WriteViews(script)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "\nTwo questions to the lake, for DuckDB (duckdb -init %s):\n%s", demo.Shown(views), demo.Queries)
	return err
}

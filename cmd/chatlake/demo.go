package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

type demoFlags struct {
	world
	rate      float64
	dir       string
	window    string
	ui, fresh bool
	uiPort    int
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "Copy simulated accounts into a folder; nothing to install or to configure", Args: cobra.NoArgs,
		Long: "Starts a simulated account of each kind of platform, a Temporal server in this process and a lake in a folder, and copies everything.\n" +
			"Interrupt it as you like: the same command goes on where it was.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.world.flags(flags)
	flags.StringVar(&f.provider, "provider", "all", "copy one kind of platform only: "+words.List(platformNames()))
	flags.Float64Var(&f.rate, "rate", 0, "requests per second that the copy may use; 0 is no limit")
	flags.StringVar(&f.dir, "dir", ".chatlake-demo", "folder for the lake and the state; one that a demo made, or an empty or new one")
	flags.StringVar(&f.window, "window", "month", "how the range is cut: month, week or day")
	flags.BoolVar(&f.ui, "ui", true, "show Temporal's UI on a local port")
	flags.IntVar(&f.uiPort, "ui-port", 0, "port of the UI (default a free one)")
	flags.BoolVar(&f.fresh, "fresh", false, "remove what earlier demos left in the folder, and start over")
	return cmd
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	chosen := platforms
	if f.provider != "all" {
		p, err := platformOf(f.provider)
		if err != nil {
			return err
		}
		chosen = []platform{p}
	}
	if err := f.check(); err != nil {
		return err
	}
	if !slices.Contains([]string{"month", "week", "day"}, f.window) {
		return usage("--window is month, week or day, not %q", f.window)
	}
	if f.rate < 0 {
		return usage("--rate must not be negative; 0 is no limit")
	}
	var err error
	if f.dir, err = filepath.Abs(f.dir); err != nil {
		return err
	}
	if f.fresh {
		if err := removeDemo(ctx, f.dir); err != nil {
			return err
		}
	}
	m, err := claim(f.dir)
	if err == nil {
		err = m.own()
	}
	if err != nil {
		return err
	}
	d := &demo{demoFlags: f, marker: m, servers: map[string]*simulator.Server{}}
	corpus := f.corpus()
	for _, p := range chosen {
		var server *simulator.Server
		if server, err = m.serve(p.provider, f.site(p, corpus)); err != nil {
			break
		}
		d.platforms, d.servers[p.provider] = append(d.platforms, p), server
	}
	if err == nil {
		err = d.export(ctx, a)
	}
	for _, server := range d.servers {
		err = errors.Join(err, closeSite(ctx, server))
	}
	return err
}

// demo is one run of the command: platforms that are served, and what is copied from them.
type demo struct {
	demoFlags
	marker    *marker
	platforms []platform
	servers   map[string]*simulator.Server
}

func (d *demo) export(ctx context.Context, a *app) error {
	c, ins := d.config()
	s, err := a.connect(ctx, c, worker.ConnectOptions{UI: d.ui, UIPort: d.uiPort})
	if err != nil {
		return err
	}
	for _, p := range d.platforms {
		a.note("%-21s %s (%s)", "Simulated "+p.title+":", d.servers[p.provider].URL, words.Plural(int64(d.conversations), "conversation"))
	}
	if s.UIURL() != "" {
		a.note("Temporal UI:          %s", s.UIURL())
	}
	a.note("Lake:                 %s", lakeFolder(d.dir))
	d.marker.Accounts = slices.Compact(slices.Sorted(slices.Values(append(d.marker.Accounts, accountNames(c)...))))
	config, err := d.writeConfig(c) // saves the marker before anything is copied
	if err != nil {
		return errors.Join(err, s.Stop())
	}
	a.note("Look at it with       chatlake status --config %s (or verify, lake files, pause, resume)", shown(config))
	ends, err := a.attend(ctx, s, ins...)
	if stopErr := s.Stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return a.interrupted(ctx, c, err)
	}
	return d.report(ctx, a, c, ins, ends)
}

// report says of each account what it came to. The worst of them decides how the command ends.
func (d *demo) report(ctx context.Context, a *app, c worker.Config, ins []workflows.ExportInput, ends []operate.Attended) error {
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
		return errors.Join(worst, a.suggest(ctx, c, d.dir))
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

// shown is a path as short as it can be typed here.
func shown(path string) string {
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(relative, "..") {
			return relative
		}
	}
	return path
}

// viewsName is the script of views that a demo leaves beside its lake.
const viewsName = "lake.sql"

// suggest writes views over exactly the files that count, and two queries to try on them.
func (a *app) suggest(ctx context.Context, c worker.Config, dir string) error {
	l, err := openLake(ctx, c, "")
	if err != nil {
		return err
	}
	records, err := currentOf(ctx, l, "")
	if err != nil {
		return err
	}
	records = slices.DeleteFunc(records, func(r current) bool { return c.Accounts[r.Shard.Account].Provider == "" }) // of other demos
	views := filepath.Join(dir, viewsName)
	if err := os.WriteFile(views, []byte(duckDB(c.Lake, records)), 0o600); err != nil {
		return fmt.Errorf("write views: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "\nTwo questions to the lake, for DuckDB (duckdb -init %s):\n%s", shown(views), queries)
	return err
}

const queries = `
  SELECT provider, channel_type, state, count(*) AS conversations, round(avg(stored_messages), 1) AS messages_each
  FROM conversations GROUP BY ALL ORDER BY ALL;

  SELECT provider, date_trunc('month', created_at) AS month, author_type, count(*) AS messages
  FROM messages GROUP BY ALL ORDER BY ALL;
`

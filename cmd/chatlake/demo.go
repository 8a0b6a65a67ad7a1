package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
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
		Use: "demo", Short: "Copy a simulated account into a folder; nothing to install or to configure", Args: cobra.NoArgs,
		Long: "Starts a simulated Chatwoot account, a Temporal server in this process and a lake in a folder, and copies everything.\n" +
			"Interrupt it as you like: the same command goes on where it was.",
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	f.world.flags(flags)
	flags.Float64Var(&f.rate, "rate", 0, "requests per second that the copy may use; 0 is no limit")
	flags.StringVar(&f.dir, "dir", ".chatlake", "folder for the lake and the state")
	flags.StringVar(&f.window, "window", "month", "how the range is cut: month, week or day")
	flags.BoolVar(&f.ui, "ui", true, "show Temporal's UI on a local port")
	flags.IntVar(&f.uiPort, "ui-port", 0, "port of the UI (default a free one)")
	flags.BoolVar(&f.fresh, "fresh", false, "begin anew: remove what earlier demos left in the folder")
	return cmd
}

func (a *app) demo(ctx context.Context, f demoFlags) error {
	site, err := f.site(chatwoot.Throttle{})
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"month", "week", "day"}, f.window) {
		return usage("--window is month, week or day, not %q", f.window)
	}
	if f.rate < 0 {
		return usage("--rate must not be negative; 0 is no limit")
	}
	if f.dir, err = filepath.Abs(f.dir); err != nil {
		return err
	}
	if f.fresh {
		if err := removeDemo(f.dir); err != nil {
			return err
		}
	}
	server, err := serveDemo(f.dir, site)
	if err != nil {
		return err
	}
	return errors.Join(a.demoExport(ctx, f, server.URL), closeSite(ctx, server))
}

func (a *app) demoExport(ctx context.Context, f demoFlags, baseURL string) error {
	c, in := f.config(baseURL)
	s, err := a.connect(ctx, c, worker.ConnectOptions{UI: f.ui, UIPort: f.uiPort}, false)
	if err != nil {
		return err
	}
	a.note("Simulated Chatwoot: %s (%s)", baseURL, plural(int64(f.conversations), "conversation"))
	if s.temporal.UIURL != "" {
		a.note("Temporal UI:        %s", s.temporal.UIURL)
	}
	a.note("Lake:               %s", lakeFolder(f.dir))
	config, err := f.writeConfig(in.Account, baseURL)
	if err != nil {
		return errors.Join(err, s.stop())
	}
	a.note("Look at it with     chatlake status --config %s (or verify, lake files, pause, resume)", shown(config))
	began := time.Now()
	out, err := a.attend(ctx, s, in)
	if stopErr := s.stop(); err == nil {
		err = stopErr
	}
	if err != nil {
		return a.interrupted(ctx, c, err)
	}
	reported := a.report(ctx, c, in, out, time.Since(began))
	if a.json() {
		return reported
	}
	return errors.Join(reported, a.suggest(ctx, c, in.Account, f.dir))
}

// config is what a configuration file of the demo would say. The account is named after its world, so that another world
// in the same folder is another account.
func (f demoFlags) config(baseURL string) (worker.Config, workflows.ExportInput) {
	account := fmt.Sprintf("sim-%d-%d", f.conversations, f.seed)
	c := worker.Config{
		StateDir: f.dir,
		Lake:     worker.LakeConfig{URL: "file:" + lakeFolder(f.dir)},
		Export:   worker.ExportConfig{Window: f.window},
		Accounts: map[string]worker.AccountConfig{account: {
			Provider: "chatwoot", BaseURL: baseURL, AccountID: "1", Token: worker.Literal(chatwoot.AdministratorToken), RequestsPerSecond: f.rate,
		}},
	}.WithDefaults()
	return c, workflows.ExportInput{
		Account: account, Name: label(worldFrom) + "_" + label(worldTo), From: worldFrom, To: worldTo, Window: f.window,
	}
}

// configName is the configuration file that other commands need to look at a demo.
const configName = "chatlake.yaml"

// writeConfig writes what the demo works with as a configuration file.
func (f demoFlags) writeConfig(account, baseURL string) (string, error) {
	name := filepath.Join(f.dir, configName)
	text := fmt.Sprintf(`# Written by chatlake demo.
state_dir: %q
lake: {url: %q}
export: {window: %s}
accounts:
  %s: {provider: chatwoot, base_url: %q, account_id: 1, token: env:CHATLAKE_DEMO_TOKEN, rate: {requests_per_second: %g}}
`, f.dir, "file:"+lakeFolder(f.dir), f.window, account, baseURL, f.rate)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		return "", fmt.Errorf("write a configuration for other commands: %w", err)
	}
	return name, nil
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

func lakeFolder(dir string) string { return filepath.Join(dir, "lake") }

// rememberName is the file that keeps the port of the simulated account: a lake does not adopt what it has of another
// address.
const rememberName = "demo.json"

type remembered struct {
	Port int `json:"port"`
}

// serveDemo serves on the port of earlier demos in the folder, or on a free one, which it remembers.
func serveDemo(dir string, site http.Handler) (*simulator.Server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder for the demo: %w", err)
	}
	name := filepath.Join(dir, rememberName)
	var last remembered
	if text, err := os.ReadFile(name); err == nil {
		_ = json.Unmarshal(text, &last) // a damaged one is as good as none
	}
	server, err := simulator.Serve(fmt.Sprintf("127.0.0.1:%d", last.Port), site)
	if err != nil && last.Port != 0 {
		return nil, fmt.Errorf("the port %d, which the simulated account of this folder has, is taken; end the program that uses it, or begin anew with --fresh", last.Port)
	}
	if err != nil {
		return nil, err
	}
	if last.Port != 0 {
		return server, nil
	}
	if last.Port, err = portOf(server.URL); err != nil {
		return nil, err
	}
	text, err := json.Marshal(last)
	if err == nil {
		err = os.WriteFile(name, append(text, '\n'), 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("remember the port of the simulated account: %w", err)
	}
	return server, nil
}

func portOf(address string) (int, error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	return net.LookupPort("tcp", u.Port())
}

// removeDemo removes what demos leave in a folder, and nothing else. It refuses while another process uses it.
func removeDemo(dir string) error {
	running, err := worker.Running(dir)
	if err != nil {
		return err
	}
	if running {
		return usage("another chatlake process works in %s; stop it first", dir)
	}
	databases, err := filepath.Glob(filepath.Join(dir, "temporal*.db*"))
	if err != nil {
		return err
	}
	leavings := databases
	for _, name := range []string{"lake", "scratch", rememberName, viewsName, configName} {
		leavings = append(leavings, filepath.Join(dir, name))
	}
	for _, name := range leavings {
		if err := os.RemoveAll(name); err != nil {
			return fmt.Errorf("begin anew: %w", err)
		}
	}
	return nil
}

// viewsName is the script of views that a demo leaves beside its lake.
const viewsName = "lake.sql"

// suggest writes views over exactly the files that count, and two queries to try on them.
func (a *app) suggest(ctx context.Context, c worker.Config, account, dir string) error {
	records, err := currentOf(ctx, c, account)
	if err != nil {
		return err
	}
	views := filepath.Join(dir, viewsName)
	if err := os.WriteFile(views, []byte(duckDB(c.Lake, records)), 0o644); err != nil {
		return fmt.Errorf("write views: %w", err)
	}
	_, err = fmt.Fprintf(a.out, "\nTwo questions to the lake, for DuckDB (duckdb -init %s):\n%s", shown(views), queries)
	return err
}

const queries = `
  SELECT channel_type, state, count(*) AS conversations, round(avg(stored_messages), 1) AS messages_each
  FROM conversations GROUP BY ALL ORDER BY conversations DESC;

  SELECT date_trunc('month', created_at) AS month, author_type, count(*) AS messages
  FROM messages GROUP BY ALL ORDER BY ALL;
`

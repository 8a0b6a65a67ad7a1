// Package demo serves simulated accounts and keeps the folder that they are copied into, for trying chatlake where nothing is installed.
//
// It must not know Temporal or what is in the lake. It writes into and removes from no folder that a demo did not make.
package demo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// Options are what a demo copies, and into what folder.
type Options struct {
	World
	Dir       string  // absolute; one that a demo made, or an empty or new one
	Fresh     bool    // removes first what earlier demos left there
	Window    string  // month, week or day
	Rate      float64 // requests per second that the export may send; 0 means no limit
	Platforms []simulator.Platform
	Live      bool // the accounts change while they are served, and are kept up to date; see GoOn
}

// A Demo is simulated accounts that are served, and the folder that they are copied into. It must be closed.
type Demo struct {
	Options
	marker  *marker
	servers map[string]*simulator.Server // by provider
	lives   map[string]*life             // by provider, of a live demo
}

// Open claims the folder and serves an account of each platform. A folder that it leaves alone is a Refusal.
func Open(ctx context.Context, o Options) (*Demo, error) {
	if o.Fresh {
		if err := Remove(ctx, o.Dir); err != nil {
			return nil, err
		}
	}
	m, err := claim(o.Dir)
	if err == nil {
		err = m.own()
	}
	if err != nil {
		return nil, err
	}
	d := &Demo{Options: o, marker: m, servers: map[string]*simulator.Server{}, lives: map[string]*life{}}
	corpus := o.Corpus()
	for _, p := range o.Platforms {
		site := o.site(p, corpus, nil)
		if o.Live {
			clock := simulator.NewClock(time.Now())
			site = o.site(p, corpus, clock.Now)
			l := newLife(site, clock, corpus, o.Seed)
			if l == nil {
				continue
			}
			d.lives[p.Provider] = l
		}
		server, err := m.serve(p.Provider, o.faulty(site))
		if err != nil {
			return nil, errors.Join(err, d.Close(ctx))
		}
		d.servers[p.Provider] = server
	}
	d.Platforms = slices.DeleteFunc(slices.Clone(d.Platforms), func(p simulator.Platform) bool { return d.servers[p.Provider] == nil })
	if len(d.Platforms) == 0 {
		return nil, errors.Join(refuse("--live: the simulated account of %s does not change; choose another platform", o.Platforms[0].Title), d.Close(ctx))
	}
	return d, nil
}

// Close stops the accounts.
func (d *Demo) Close(ctx context.Context) error {
	var err error
	for _, server := range d.servers {
		err = errors.Join(err, Stop(ctx, server))
	}
	return err
}

// URL is where the account of a platform answers.
func (d *Demo) URL(p simulator.Platform) string { return d.servers[p.Provider].URL }

// Lake is the folder of the lake.
func (d *Demo) Lake() string { return lakeFolder(d.Dir) }

// viewsName is the script of views that a demo leaves beside its lake.
const viewsName = "lake.sql"

// WriteViews writes the script of views, and returns its name.
func (d *Demo) WriteViews(script string) (string, error) {
	name := filepath.Join(d.Dir, viewsName)
	if err := os.WriteFile(name, []byte(script), 0o600); err != nil {
		return "", fmt.Errorf("write views: %w", err)
	}
	return name, nil
}

// Queries are two to try on the views.
const Queries = `
  SELECT provider, channel_type, state, count(*) AS conversations, round(avg(stored_messages), 1) AS messages_each
  FROM conversations GROUP BY ALL ORDER BY ALL;

  SELECT provider, date_trunc('month', created_at) AS month, author_type, count(*) AS messages
  FROM messages GROUP BY ALL ORDER BY ALL;
`

// Config is what a configuration file of the demo would say. An account is named after its world, so that another world in
// the same folder is another account.
func (d *Demo) Config() (worker.Config, []workflows.ExportInput) {
	c := worker.Config{
		StateDir: d.Dir,
		// A worker that knows other accounts must never be given tasks of a demo, nor a demo's worker those of others.
		EmbeddedQueue: queue,
		Lake:          worker.LakeConfig{URL: "file:" + lakeFolder(d.Dir)},
		Export:        worker.ExportConfig{Window: d.Window},
		Accounts:      map[string]worker.AccountConfig{},
	}
	var ins []workflows.ExportInput
	for _, p := range d.Platforms {
		name := d.AccountOf(p)
		url := d.servers[p.Provider].URL
		account := account(p)
		account.BaseURL, account.RequestsPerSecond = url, d.Rate
		account.Retention = worker.ForEver()
		if d.Live {
			sync := worker.SyncDefaults(p.Provider)
			sync.Every, sync.Lag, sync.From = syncEvery, syncLag, From
			account.Sync = &sync
		}
		c.Accounts[name] = account
		in := workflows.ExportInput{Account: name, From: From, To: To, Window: d.Window}
		in.Name = words.Range(in.Range())
		ins = append(ins, in)
	}
	return c.WithDefaults(), ins
}

// AccountOf is the name of the account of a platform.
func (d *Demo) AccountOf(p simulator.Platform) string {
	return fmt.Sprintf("%s-%d-%d", p.Provider, d.Conversations, d.Seed)
}

// queue is the task queue of demos.
const queue = "chatlake-demo"

// ConfigName is the configuration file that other commands need to look at a demo.
const ConfigName = "chatlake.yaml"

// WriteConfig writes what the demo works with as a configuration file, and returns its name. It must be called before anything is copied:
// it marks the accounts as ones that Remove may remove.
func (d *Demo) WriteConfig(c worker.Config) (string, error) {
	d.marker.Accounts = slices.Compact(slices.Sorted(slices.Values(append(d.marker.Accounts, slices.Sorted(maps.Keys(c.Accounts))...))))
	name := filepath.Join(d.Dir, ConfigName)
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by chatlake demo, which overwrites it each time; for your own accounts, use a copy in another folder.\n"+
		"state_dir: %q\nlake: {url: %q}\ntemporal: {embedded: true, task_queue: %s}\nexport: {window: %s}\naccounts:\n",
		d.Dir, c.Lake.URL, c.TaskQueue(), d.Window)
	for _, account := range slices.Sorted(maps.Keys(c.Accounts)) {
		p := c.Accounts[account]
		fmt.Fprintf(&b, "  %s:\n    provider: %s\n    base_url: %q\n    rate: {requests_per_second: %g}\n", account, p.Provider, p.BaseURL, p.RequestsPerSecond)
		if p.Retention != nil && !p.Retention.Limited() {
			b.WriteString("    retention: 0 # a simulated platform deletes nothing by itself\n")
		}
		if p.AccountID != "" {
			fmt.Fprintf(&b, "    account_id: %q\n", p.AccountID)
		}
		if !p.Token.IsZero() {
			b.WriteString("    token: env:CHATLAKE_DEMO_TOKEN\n")
		}
		if p.Sync != nil {
			// A live demo syncs more often than real platforms permit, which a configuration file must not say.
			fmt.Fprintf(&b, "    sync: {every: 15m, lag: %s, from: %s}\n", worker.SyncDefaults(p.Provider).Lag, p.Sync.From.Format(time.DateOnly))
		}
		writeMap(&b, "secrets", p.Secrets, func(key string) string { return "env:CHATLAKE_DEMO_" + strings.ToUpper(key) })
		writeMap(&b, "options", p.Options, func(key string) string { return strconv.Quote(p.Options[key]) })
	}
	return name, d.marker.writeConfig([]byte(b.String()))
}

// writeMap writes one section of an account.
func writeMap[V any](b *strings.Builder, section string, m map[string]V, value func(key string) string) {
	if len(m) == 0 {
		return
	}
	fmt.Fprintf(b, "    %s:\n", section)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(b, "      %s: %s\n", key, value(key))
	}
}

// Shown is a path as short as it can be typed in the working directory.
func Shown(path string) string {
	if here, err := os.Getwd(); err == nil {
		if relative, err := filepath.Rel(here, path); err == nil && !strings.HasPrefix(relative, "..") {
			return relative
		}
	}
	return path
}

func lakeFolder(dir string) string { return filepath.Join(dir, "lake") }

// serve serves on the port of earlier demos in the folder, or on a free one, which the marker remembers.
func (m *marker) serve(provider string, site http.Handler) (*simulator.Server, error) {
	port := m.Ports[provider]
	server, err := simulator.Serve(fmt.Sprintf("127.0.0.1:%d", port), site)
	if err != nil && port != 0 {
		return nil, fmt.Errorf("port %d, which this folder's simulated account uses, is taken; stop the program that uses it, or start again with --fresh", port)
	}
	if err != nil || port != 0 {
		return server, err
	}
	if port, err = portOf(server.URL); err != nil {
		return nil, err
	}
	if m.Ports == nil {
		m.Ports = map[string]int{}
	}
	m.Ports[provider] = port
	return server, m.save()
}

func portOf(address string) (int, error) {
	u, err := url.Parse(address)
	if err != nil {
		return 0, err
	}
	return net.LookupPort("tcp", u.Port())
}

package main

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// config is what a configuration file of the demo would say. An account is named after its world, so that another world in
// the same folder is another account.
func (d *demo) config() (worker.Config, []workflows.ExportInput) {
	c := worker.Config{
		StateDir: d.dir,
		// A worker that knows other accounts must never be given tasks of a demo, nor a demo's worker those of others.
		EmbeddedQueue: demoQueue,
		Lake:          worker.LakeConfig{URL: "file:" + lakeFolder(d.dir)},
		Export:        worker.ExportConfig{Window: d.window},
		Accounts:      map[string]worker.AccountConfig{},
	}
	var ins []workflows.ExportInput
	for _, p := range d.platforms {
		name := fmt.Sprintf("%s-%d-%d", p.provider, d.conversations, d.seed)
		url := d.servers[p.provider].URL
		account := p.account(url)
		account.Provider, account.BaseURL, account.RequestsPerSecond = p.provider, url, d.rate
		if p.token != "" {
			account.Token = worker.Literal(p.token)
		}
		c.Accounts[name] = account
		ins = append(ins, workflows.ExportInput{
			Account: name, Name: words.Time(worldFrom) + "_" + words.Time(worldTo), From: worldFrom, To: worldTo, Window: d.window,
		})
	}
	return c.WithDefaults(), ins
}

// demoQueue is the task queue of demos.
const demoQueue = "chatlake-demo"

// configName is the configuration file that other commands need to look at a demo.
const configName = "chatlake.yaml"

// writeConfig writes what the demo works with as a configuration file.
func (d *demo) writeConfig(c worker.Config) (string, error) {
	name := filepath.Join(d.dir, configName)
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by chatlake demo, which writes it anew each time; use a copy elsewhere for accounts of your own.\n"+
		"state_dir: %q\nlake: {url: %q}\ntemporal: {embedded: true, task_queue: %s}\nexport: {window: %s}\naccounts:\n",
		d.dir, c.Lake.URL, c.TaskQueue(), d.window)
	for _, account := range accountNames(c) {
		p := c.Accounts[account]
		fmt.Fprintf(&b, "  %s:\n    provider: %s\n    base_url: %q\n    rate: {requests_per_second: %g}\n", account, p.Provider, p.BaseURL, p.RequestsPerSecond)
		if p.AccountID != "" {
			fmt.Fprintf(&b, "    account_id: %q\n", p.AccountID)
		}
		if !p.Token.IsZero() {
			b.WriteString("    token: env:CHATLAKE_DEMO_TOKEN\n")
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

func lakeFolder(dir string) string { return filepath.Join(dir, "lake") }

// serve serves on the port of earlier demos in the folder, or on a free one, which the marker remembers.
func (m *marker) serve(provider string, site http.Handler) (*simulator.Server, error) {
	port := m.Ports[provider]
	server, err := simulator.Serve(fmt.Sprintf("127.0.0.1:%d", port), site)
	if err != nil && port != 0 {
		return nil, fmt.Errorf("the port %d, which the simulated account of this folder has, is taken; end the program that uses it, or begin anew with --fresh", port)
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

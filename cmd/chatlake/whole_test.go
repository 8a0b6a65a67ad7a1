package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/simulator/platforms"
)

// watched is what a command writes to, and may be read meanwhile. It calls seen after every write.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	seen func(text string)
}

func (s *watched) Write(p []byte) (int, error) {
	s.mu.Lock()
	n, err := s.text.Write(p)
	text := s.text.String()
	s.mu.Unlock()
	if s.seen != nil {
		s.seen(text)
	}
	return n, err
}

func (s *watched) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// chatlake runs a command and returns what it printed, what it told meanwhile, and its exit status.
func chatlake(t *testing.T, args ...string) (out, log string, status int) {
	t.Helper()
	return chatlakeUntil(t.Context(), nil, args...)
}

func chatlakeUntil(ctx context.Context, seen func(string), args ...string) (out, log string, status int) {
	stdout, stderr := &watched{}, &watched{seen: seen}
	a := &app{out: stdout, log: stderr}
	status = a.run(ctx, args)
	return stdout.String(), stderr.String(), status
}

// expect fails the test when a command did not end as it should, or did not say what it should.
func expect(t *testing.T, what string, status, want int, text string, parts ...string) {
	t.Helper()
	if status != want {
		t.Fatalf("%s: exit status %d, want %d:\n%s", what, status, want, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: no %q in:\n%s", what, part, text)
		}
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	command := []string{"demo", "--dir", dir, "--provider", "chatwoot", "--conversations", "60", "--latency", "0", "--window", "month"}
	out, log, status := chatlake(t, command...)
	expect(t, "demo", status, exitComplete, out+log, "Complete: 60 conversations and ", "13 exported, 0 there already", "Temporal UI:", "FROM messages")

	out, log, status = chatlake(t, command...)
	expect(t, "demo again", status, exitComplete, out+log, "Complete: 60 conversations", "0 exported, 13 there already")

	config := filepath.Join(dir, demo.ConfigName)
	out, log, status = chatlake(t, "verify", "--deep", "--config", config)
	expect(t, "verify", status, exitComplete, out+log, "The lake is whole.")
	out, log, status = chatlake(t, "status", "--config", config, "--name", "2025-01-01_2026-01-01")
	expect(t, "status", status, exitComplete, out+log, "complete: 60 conversations")
	out, log, status = chatlake(t, "pause", "--config", config)
	expect(t, "pause", status, exitUsage, out+log, "nothing is running")
	out, log, status = chatlake(t, "lake", "sql", "--config", config)
	expect(t, "lake sql", status, exitComplete, out+log, "CREATE OR REPLACE VIEW messages")

	out, log, status = chatlake(t, "lake", "files", "--config", config, "--table", "messages")
	expect(t, "lake files", status, exitComplete, out+log)
	files := strings.Fields(out)
	if len(files) != 12 {
		t.Fatalf("%d files of messages, want one a month:\n%s", len(files), out)
	}
	if err := os.Remove(files[3]); err != nil {
		t.Fatal(err)
	}
	out, log, status = chatlake(t, "verify", "--config", config)
	expect(t, "verify without a file", status, exitGaps, out+log, "damaged: data/messages/", "the file is missing", "The lake is not whole.")

	out, log, status = chatlake(t, append(command, "--ui=false", "--output", "json")...)
	expect(t, "demo as JSON", status, exitComplete, out+log)
	var result exported
	if err := json.Unmarshal([]byte(out), &result); err != nil || result.Result.Totals.Adopted != 13 || !result.Result.Complete {
		t.Errorf("result %+v, error %v; want 13 windows that were there", result.Result, err)
	}
}

// TestDemoOfAll copies one account of every kind of platform side by side.
func TestDemoOfAll(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "demo")
	command := []string{"demo", "--dir", dir, "--conversations", "40", "--latency", "0", "--ui=false"}
	out, log, status := chatlake(t, command...)
	var wanted []string
	for _, p := range platforms.All {
		wanted = append(wanted, "Simulated "+p.Title, "Complete: 40 conversations and ", p.Provider+"-40-1  ")
	}
	expect(t, "demo of all", status, exitComplete, out+log, wanted...)
	config := filepath.Join(dir, demo.ConfigName)
	out, log, status = chatlake(t, "verify", "--deep", "--config", config)
	expect(t, "verify", status, exitComplete, out+log, "The lake is whole.")
	out, log, status = chatlake(t, append(command, "--output", "json")...)
	expect(t, "demo again as JSON", status, exitComplete, out+log)
	var results []exported
	if err := json.Unmarshal([]byte(out), &results); err != nil || len(results) != len(platforms.All) {
		t.Fatalf("%d results, error %v; want one of each platform", len(results), err)
	}
	for _, r := range results {
		if !r.Result.Complete || r.Result.Totals.Shards != 0 || r.Result.Totals.Adopted < 12 {
			t.Errorf("%s again: %+v; want all windows there", r.Account, r.Result.Totals)
		}
	}
	out, log, status = chatlake(t, "demo", "--dir", dir, "--provider", "zendesk")
	expect(t, "demo of another platform", status, exitUsage, out+log, "--provider must be chatwoot")
}

// write makes a configuration file for an account of a fake site, whose token is in a file beside it.
func write(t *testing.T, site, lake, state string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "chatlake.yaml")
	text := fmt.Sprintf("state_dir: %s\nlake: {url: 'file:%s'}\nexport: {chunk: 5}\naccounts:\n"+
		"  acme: {provider: chatwoot, base_url: '%s', account_id: 1, token: 'file:%s', rate: {requests_per_second: 0}}\n", state, lake, site, tokenOf(name))
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	setToken(t, name, chatwoot.AdministratorToken)
	return name
}

// tokenOf is the file of the token of a configuration.
func tokenOf(config string) string { return filepath.Join(filepath.Dir(config), "token") }

// setToken puts another token in its place; empty is none.
func setToken(t *testing.T, config, token string) {
	t.Helper()
	err := os.Remove(tokenOf(config))
	if token != "" {
		err = os.WriteFile(tokenOf(config), []byte(token), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// site serves a small account; refuse, while true, answers requests for messages with 401.
func site(t *testing.T, conversations int, latency time.Duration, refuse *atomic.Bool) string {
	t.Helper()
	fake := chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{
		Seed: 3, Conversations: conversations, From: demo.From, To: demo.To,
	}), chatwoot.Options{Latency: latency})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse != nil && refuse.Load() && strings.HasSuffix(r.URL.Path, "/messages") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"Invalid Access Token"}`))
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestInterruptedExportGoesOn(t *testing.T) {
	t.Parallel()
	config := write(t, site(t, 200, 10*time.Millisecond, nil), t.TempDir(), t.TempDir())
	export := []string{"export", "--config", config, "--from", "2025-01-01", "--to", "2025-07-01"}
	ctx, cancel := context.WithCancel(t.Context())
	out, log, status := chatlakeUntil(ctx, func(text string) {
		if strings.Contains(text, "in flight") {
			cancel()
		}
	}, export...)
	expect(t, "interrupted export", status, exitInterrupted, out+log, "run the command again to resume")

	out, log, status = chatlake(t, "status", "--config", config)
	expect(t, "status", status, exitComplete, out+log, "begun, but no worker is running")
	out, log, status = chatlake(t, "pause", "--config", config)
	expect(t, "pause", status, exitUsage, out+log, "is not being worked on")
	out, log, status = chatlake(t, "export", "--config", config, "--from", "2025-02-01", "--to", "2025-03-01", "--name", "2025-01-01_2025-07-01")
	expect(t, "another range under the same name", status, exitUsage, out+log, "runs already, from 2025-01-01")
	out, log, status = chatlake(t, export...)
	expect(t, "export again", status, exitComplete, out+log, "Resuming export", "Complete: ")
}

func TestBlockedExport(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	refuse.Store(true)
	config := write(t, site(t, 20, 0, &refuse), t.TempDir(), t.TempDir())
	export := []string{"export", "--config", config, "--from", "2025-01-01", "--to", "2025-03-01"}
	out, log, status := chatlake(t, append(export, "--output", "json")...)
	expect(t, "export", status, exitBlocked, log, "Blocked: a person must act.", "status 401", "Fix the account's token", "run the command again")
	var result struct {
		Blocked []struct{ Shard, Kind string }
	}
	if err := json.Unmarshal([]byte(out), &result); err != nil || len(result.Blocked) != 2 || result.Blocked[0].Kind != "Denied" {
		t.Errorf("result %+v, error %v; want two windows that were denied", result, err)
	}
	refuse.Store(false)
	out, log, status = chatlake(t, export...)
	expect(t, "export again", status, exitComplete, out+log, "Complete: ")
}

func TestOrdersToARunningExport(t *testing.T) {
	t.Parallel()
	config := write(t, site(t, 400, 20*time.Millisecond, nil), t.TempDir(), t.TempDir())
	begun, ended := make(chan struct{}), make(chan int, 1)
	var once sync.Once
	go func() {
		_, _, status := chatlakeUntil(t.Context(), func(text string) {
			if strings.Contains(text, "in flight") {
				once.Do(func() { close(begun) })
			}
		}, "export", "--config", config, "--from", "2025-01-01", "--to", "2026-01-01", "--name", "year")
		ended <- status
	}()
	select {
	case <-begun:
	case status := <-ended:
		t.Fatalf("the export ended by itself with status %d", status)
	}
	out, log, status := chatlake(t, "pause", "--config", config)
	expect(t, "pause", status, exitComplete, out+log, "export/acme/year: Paused.")
	out, log, status = chatlake(t, "status", "--config", config)
	expect(t, "status", status, exitComplete, out+log, "acme year", "paused: ")
	out, log, status = chatlake(t, "rate", "--config", config, "--requests-per-second", "500")
	expect(t, "rate", status, exitComplete, out+log, "500 requests per second")
	out, log, status = chatlake(t, "resume", "--all", "--config", config)
	expect(t, "resume", status, exitComplete, out+log, "export/acme/year: Resumed.")
	out, log, status = chatlake(t, "export", "--config", config, "--from", "2025-01-01", "--to", "2026-01-01")
	expect(t, "a second process", status, exitFailed, out+log, "in use by another chatlake process")
	out, log, status = chatlake(t, "cancel", "--config", config)
	expect(t, "cancel", status, exitComplete, out+log, "Ended.")
	if status := <-ended; status != exitFailed {
		t.Errorf("the cancelled export ended with status %d, want %d", status, exitFailed)
	}
	out, log, status = chatlake(t, "status", "--config", config, "--name", "year")
	expect(t, "status after it", status, exitFailed, out+log, "canceled")
}

func TestUsage(t *testing.T) {
	config := write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir())
	broken := filepath.Join(t.TempDir(), "chatlake.yaml")
	if err := os.WriteFile(broken, []byte("lake: {url: file:lake}\nacounts: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		args   []string
		status int
		say    string
	}{
		{"no command", nil, exitComplete, "Usage:"},
		{"version", []string{"version"}, exitComplete, "chatlake "},
		{"unknown command", []string{"exprot"}, exitUsage, "Did you mean this?\n\texport"},
		{"unknown flag", []string{"export", "--form", "2025-01-01"}, exitUsage, "unknown flag: --form"},
		{"too many words", []string{"status", "me"}, exitUsage, "chatlake --help"},
		{"unknown output", []string{"version", "--output", "xml"}, exitUsage, "--output must be text or json"},
		{"no configuration", []string{"status", "--config", "nowhere.yaml"}, exitUsage, "nowhere.yaml"},
		{"broken configuration", []string{"config", "check", "--config", broken}, exitUsage, ":2: acounts: unknown key (did you mean accounts?)"},
		{"good configuration", []string{"config", "check", "--config", config}, exitComplete, "is in order: 1 account"},
		{"the schema", []string{"config", "schema"}, exitComplete, `"$schema"`},
		{"detached without a server", []string{"export", "--config", config, "--from", "2025-01-01", "--detach"}, exitUsage, "add the section temporal"},
		{"nobody answers", []string{"export", "--config", config, "--from", "2025-01-01"}, exitUsage, "accounts.acme.base_url"},
		{"a table that is none", []string{"lake", "files", "--config", config, "--table", "massages"}, exitUsage, "there is no table massages"},
		{"an empty lake", []string{"verify", "--config", config}, exitComplete, "Nothing is committed there yet."},
		{"a missing window", []string{"verify", "--config", config, "--account", "acme", "--from", "2025-01-01", "--to", "2025-02-01"}, exitGaps, "covers 2025-01-01 to 2025-02-01"},
		{"no rate", []string{"rate", "--config", config}, exitUsage, "--requests-per-second is missing"},
		{"a world without conversations", []string{"demo", "--conversations", "0"}, exitUsage, "--conversations must be at least 1"},
		{"a demo in a folder of others", []string{"demo", "--dir", filepath.Dir(broken)}, exitUsage, "no demo made it"},
		{"a window that is none", []string{"demo", "--window", "year"}, exitUsage, "--window must be month, week or day"},
		{"a log of no level", []string{"worker", "--config", config, "--log-level", "loud"}, exitUsage, "--log-level must be debug, info, warn or error"},
		{"a log of no form", []string{"worker", "--config", config, "--log-format", "xml"}, exitUsage, "--log-format must be json or text"},
		{"fewer activities than none", []string{"worker", "--config", config, "--activities", "-1"}, exitUsage, "--activities must be at least 1"},
		{"more faults than requests", []string{"sim", "--fault-rate", "2"}, exitUsage, "--fault-rate must be from 0 to 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, log, status := chatlake(t, tt.args...)
			expect(t, tt.name, status, tt.status, out+log, tt.say)
			if strings.Contains(out+log, "goroutine ") || strings.Contains(out+log, "&{") {
				t.Errorf("this is not for people:\n%s", out+log)
			}
		})
	}
}

func TestSim(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader := &watched{seen: func(string) { cancel() }}
	a := &app{out: reader, log: &watched{}}
	status := a.run(ctx, []string{"sim", "--listen", "127.0.0.1:0", "--conversations", "10", "--token", "simulated", "--output", "json"})
	expect(t, "sim", status, exitComplete, reader.String(), `"base_url": "http://127.0.0.1:`, `"token": "simulated"`)
}

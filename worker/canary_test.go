package worker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/liveperson"
	fakes "github.com/chatlake/chatlake/simulator/platforms"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// canary is in every text, name, address and attribute of the simulated accounts, and in everything that the wire adds to their
// responses.
const canary = "canary7f3a"

// platform is a fake and the account that reads it.
type platform struct {
	site    func(*simulator.Corpus) http.Handler
	account string // its settings, without the address
	dead    string // the path of something that becomes a dead letter
}

// platforms are all fakes by their providers, and secrets are the credentials for them, by the variables that the configuration names.
var platforms, secrets = watched()

func watched() (map[string]platform, map[string]string) {
	all, secrets := map[string]platform{}, map[string]string{}
	from := func(variable, secret string) string {
		secrets[variable] = secret
		return fmt.Sprintf("%q", "env:"+variable)
	}
	for _, f := range fakes.All {
		variable := "CANARY_" + strings.ToUpper(f.Provider)
		account := fmt.Sprintf("provider: %s, token: %s", f.Provider, from(variable, f.Account.Token))
		if f.Account.ID != "" {
			account += fmt.Sprintf(", account_id: %q", f.Account.ID)
		}
		for name, secret := range f.Account.Secrets {
			account += fmt.Sprintf(", secrets: {%s: %s}", name, from(variable+"_"+strings.ToUpper(name), secret))
		}
		var options []string
		for name, value := range f.Account.Options {
			options = append(options, fmt.Sprintf("%s: %q", name, value))
		}
		account += ", options: {" + strings.Join(options, ", ") + "}"
		all[f.Provider] = platform{account: account, site: func(c *simulator.Corpus) http.Handler {
			return f.Site(c, simulator.Conduct{Token: f.Account.Token})
		}}
	}
	p := all["chatwoot"]
	p.dead = "/conversations/4/messages"
	all["chatwoot"] = p
	p = all["liveperson"] // signs in
	p.account = fmt.Sprintf("provider: liveperson, account_id: %q, secrets: {client_id: %s, client_secret: %s}",
		liveperson.DefaultAccount, from("CANARY_ID", liveperson.ClientID), from("CANARY_SECRET", liveperson.ClientSecret))
	all["liveperson"] = p
	return all, secrets
}

// TestCanaries exports a marked account of every platform, first normally and then with responses corrupted in many ways, each
// containing the mark. Then it searches everything that the runs leave for the mark and for the secrets. They may occur only in
// the data and in staged objects.
func TestCanaries(t *testing.T) {
	for name, secret := range secrets {
		t.Setenv(name, secret)
	}
	r := newAviary(t)
	t.Run("export", func(t *testing.T) {
		for name := range platforms {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r.export(t, name)
			})
		}
	})
	t.Run("panic", r.panics)
	r.search(t)
}

// aviary is a worker as in the binary, with all its output recorded.
type aviary struct {
	config worker.Config
	state  string
	root   string
	said   *sayings
	client client.Client
	stop   func()
	wires  map[string]*wire

	temporal  *worker.Temporal
	shown     *telemetry.Telemetry
	collector *collector
}

func newAviary(t *testing.T) *aviary {
	r := &aviary{state: t.TempDir(), root: t.TempDir(), said: &sayings{}, wires: map[string]*wire{}}
	logger := slog.New(slog.NewTextHandler(r.said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	before := slog.Default()
	slog.SetDefault(logger)
	t.Cleanup(func() { slog.SetDefault(before); log.SetOutput(os.Stderr) })
	r.config = r.configure(t, lasting)
	r.show(t)
	temporal, err := worker.Connect(t.Context(), r.config, worker.ConnectOptions{Logger: logger, Telemetry: r.shown})
	if err != nil {
		t.Fatal(err)
	}
	r.client, r.temporal = temporal.Client, temporal
	lake, err := worker.OpenLake(t.Context(), r.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- worker.Run(ctx, r.config, temporal, lake) }()
	still := r.gauge(temporal)
	r.stop = sync.OnceFunc(func() {
		still()
		cancel()
		if err := errors.Join(<-done, temporal.Stop()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// configure serves a marked account of every platform, and reads a configuration of them.
func (r *aviary) configure(t *testing.T, ways []way) worker.Config {
	text := fmt.Sprintf("state_dir: %q\nlake: {url: %q}\nexport: {chunk: 5, window: week, on_mismatch: flag}\naccounts:\n", r.state, "file:"+r.root)
	for name, p := range platforms {
		corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 40, From: from, To: from.AddDate(0, 0, 14), Mark: canary})
		r.wires[name] = &wire{site: p.site(corpus), ways: ways, dead: p.dead}
		server := httptest.NewServer(r.wires[name])
		t.Cleanup(server.Close)
		text += fmt.Sprintf("  %s: {%s, base_url: %q, rate: {requests_per_second: 0}}\n", name, p.account, server.URL)
	}
	config, err := worker.Parse("chatlake.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// export exports an account normally, and then again with corrupted responses, a few times for some seconds each, because
// chatlake waits after many corrupted responses.
func (r *aviary) export(t *testing.T, account string) {
	if out := r.run(t, account, "whole", 4*time.Minute); out == nil {
		t.Fatal("the account was not exported")
	}
	w := r.wires[account]
	w.spoil.Store(true)
	for round := 0; round < 2 && w.spoiled.Load() < 30; round++ {
		r.run(t, account, fmt.Sprint("spoiled-", round), spoiledFor)
	}
	if w.spoiled.Load() == 0 {
		t.Error("no answer was spoiled")
	}
}

// spoiledFor is how long an export with corrupted responses runs before it is cancelled.
const spoiledFor = 5 * time.Second

// run exports, and cancels an export that has not ended in time; then there is no output.
func (r *aviary) run(t *testing.T, account, name string, within time.Duration) *workflows.ExportOutput {
	id := workflows.ExportID(account, name)
	in := workflows.ExportInput{Account: account, Name: name, From: from, To: from.AddDate(0, 0, 14), Refresh: name}
	run, err := r.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: r.config.TaskQueue()}, workflows.Export, in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	ended := make(chan *workflows.ExportOutput, 1)
	go func() {
		var out workflows.ExportOutput
		if err := run.Get(ctx, &out); err == nil {
			ended <- &out
		}
	}()
	for ctx.Err() == nil {
		select {
		case out := <-ended:
			return out
		case <-ctx.Done():
		case <-time.After(300 * time.Millisecond):
			r.ask(t, id)
			r.free(t, id)
		}
	}
	if err := r.client.CancelWorkflow(t.Context(), id, ""); err != nil {
		t.Fatal(err)
	}
	_ = run.Get(t.Context(), nil)
	return nil
}

// ask records the displayed progress of the export and of its shards.
func (r *aviary) ask(t *testing.T, id string) {
	value, err := r.client.QueryWorkflow(t.Context(), id, "", workflows.ProgressQuery)
	if err != nil {
		fmt.Fprintln(r.said, err)
		return
	}
	var p workflows.ExportProgress
	if err := value.Get(&p); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(r.said, "%+v\n", p)
	for _, shard := range p.Running {
		if description, err := r.client.DescribeWorkflowExecution(t.Context(), shard, ""); err == nil {
			fmt.Fprintln(r.said, description) // with the last failures and heartbeats of pending activities
		}
	}
}

// free unblocks blocked shards, as a person would.
func (r *aviary) free(t *testing.T, id string) {
	_, err := r.client.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: workflows.RetryBlockedUpdate, WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	if err != nil {
		fmt.Fprintln(r.said, err)
	}
}

// sayings is all recorded output: logs, descriptions, errors.
type sayings struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sayings) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sayings) bytes() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Clone(s.b.Bytes())
}

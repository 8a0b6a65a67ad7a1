package worker_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// TestAnotherWorkerGoesOn runs two workers one after the other, each with its own configuration, on an external Temporal server.
func TestAnotherWorkerGoesOn(t *testing.T) {
	const conversations = 300
	site := fake.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 2, Conversations: conversations, From: from, To: to}), fake.Options{Latency: 5 * time.Millisecond})
	server := httptest.NewServer(site)
	defer server.Close()
	temporal, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = temporal.Stop() }()
	t.Setenv("CHATLAKE_TEST_TOKEN", fake.AdministratorToken)
	folder := t.TempDir()
	config := func() worker.Config {
		c, err := worker.Parse("chatlake.yaml", []byte(`
state_dir: `+t.TempDir()+`
lake: {url: "file:`+folder+`"}
temporal: {address: "`+temporal.Address()+`", task_queue: shared}
export: {chunk: 10}
accounts:
  acme: {provider: chatwoot, base_url: "`+server.URL+`", account_id: 1, token: env:CHATLAKE_TEST_TOKEN, rate: {requests_per_second: 0}}
`))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}

	work := func() (client.Client, *lake.Lake, func()) {
		c := config()
		connected, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if connected.Embedded || connected.UIURL != "" {
			t.Error("a server was started although one is configured")
		}
		l, err := worker.OpenLake(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- worker.Run(ctx, c, connected, l) }()
		return connected.Client, l, func() {
			cancel()
			if err := errors.Join(<-ended, connected.Stop()); err != nil {
				t.Error(err)
			}
		}
	}

	connection, _, stopFirst := work()
	_, err = connection.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.ExportID("acme", "shared"), TaskQueue: "shared"},
		workflows.Export, workflows.ExportInput{Account: "acme", Name: "shared", From: from, To: to})
	if err != nil {
		t.Fatal(err)
	}
	for site.Stats().Requests < 100 {
		time.Sleep(5 * time.Millisecond) // another process's work: no clock of the test drives it
	}
	stopFirst()
	asked := site.Stats().Requests
	if asked > 3*conversations {
		t.Fatalf("the first worker had done all: %d requests", asked)
	}

	second, l, stopSecond := work()
	defer stopSecond()
	began := time.Now()
	var out workflows.ExportOutput
	if err := second.GetWorkflow(t.Context(), workflows.ExportID("acme", "shared"), "").Get(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	if !out.Complete || out.Totals.Conversations != conversations {
		t.Errorf("output %+v, want all of %d conversations", out, conversations)
	}
	if waited := time.Since(began); waited > 45*time.Second {
		t.Errorf("the second worker took %s, want about 20 seconds at most: a task that was on its way to the first is missed then", waited)
	}
	if n := len(records(t, l)); n != 3 {
		t.Errorf("%d shards are committed, want 3", n)
	}
	if repeated := site.Stats().Requests - 3*conversations; repeated > 200 {
		t.Errorf("%d requests more than needed, want those of the chunks in flight at most", repeated)
	}
}

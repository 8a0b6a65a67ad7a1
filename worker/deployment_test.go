package worker_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/simulator"
	fake "github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// TestNewBuildTakesOver runs an export with workers of two builds on a real server. The second build takes the export over while
// the first still runs, a restarted worker of the first does not take it back, and Temporal's own call rolls back.
func TestNewBuildTakesOver(t *testing.T) {
	const conversations = 400
	site := fake.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 2, Conversations: conversations, From: from, To: to}), fake.Options{Latency: 20 * time.Millisecond})
	platform := httptest.NewServer(site)
	defer platform.Close()
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	t.Setenv("CHATLAKE_TEST_TOKEN", fake.AdministratorToken)
	folder := t.TempDir()
	build := worker.Build
	defer func() { worker.Build = build }()

	// work starts a worker of a build, and returns when the server knows it and routing has been decided.
	work := func(build string) (client.Client, func()) {
		t.Helper()
		c, err := worker.Parse("chatlake.yaml", []byte(`
state_dir: `+t.TempDir()+`
lake: {url: "file:`+folder+`"}
temporal: {address: "`+server.Address()+`", task_queue: versioned, deployment: {name: lake}}
export: {chunk: 10}
accounts:
  acme: {provider: chatwoot, base_url: "`+platform.URL+`", account_id: 1, token: env:CHATLAKE_TEST_TOKEN, rate: {requests_per_second: 0}}
`))
		if err != nil {
			t.Fatal(err)
		}
		worker.Build = build
		connected, err := worker.Connect(t.Context(), c, worker.ConnectOptions{TakeOver: true})
		if err != nil {
			t.Fatal(err)
		}
		l, err := worker.OpenLake(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended, tookOver := make(chan error, 1), make(chan struct{})
		connected.OnWorking = func() { close(tookOver) }
		go func() { ended <- worker.Run(ctx, c, connected, l) }()
		select {
		case <-tookOver:
		case err := <-ended:
			t.Fatalf("the worker of %s ended: %v", build, err)
		}
		return connected.Client, func() {
			cancel()
			if err := errors.Join(<-ended, connected.Stop()); err != nil {
				t.Error(err)
			}
		}
	}
	current := func(c client.Client) string {
		t.Helper()
		is, err := c.WorkerDeploymentClient().GetHandle("lake").Describe(t.Context(), client.WorkerDeploymentDescribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if is.Info.RoutingConfig.CurrentVersion == nil {
			return ""
		}
		return is.Info.RoutingConfig.CurrentVersion.BuildID
	}
	id := workflows.ExportID("acme", "year")
	lastBuild := func(c client.Client) (builds []string) {
		t.Helper()
		for events := c.GetWorkflowHistory(t.Context(), id, "", false, 1); events.HasNext(); {
			e, err := events.Next()
			if err != nil {
				t.Fatal(err)
			}
			if done := e.GetWorkflowTaskCompletedEventAttributes(); done != nil {
				builds = append(builds, done.GetDeploymentVersion().GetBuildId())
			}
		}
		return builds
	}

	connection, stopFirst := work("1.0.0")
	defer stopFirst()
	if got := current(connection); got != "1.0.0" {
		t.Fatalf("the current build is %q, want the first", got)
	}
	run, err := connection.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "versioned"}, workflows.Export,
		workflows.ExportInput{Account: "acme", Name: "year", From: from, To: to, Policy: workflows.NewPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	for site.Stats().Requests < 50 {
		time.Sleep(5 * time.Millisecond) // another process's work: no clock of the test drives it
	}
	_, stopSecond := work("2.0.0")
	defer stopSecond()
	if got := current(connection); got != "2.0.0" {
		t.Errorf("the current build is %q, want the second", got)
	}
	_, stopAgain := work("1.0.0")
	defer stopAgain()
	if got := current(connection); got != "2.0.0" {
		t.Errorf("a worker of the first build has taken over from the second: the current one is %q", got)
	}
	var out workflows.ExportOutput
	if err := run.Get(t.Context(), &out); err != nil || !out.Complete || out.Totals.Conversations != conversations {
		t.Errorf("output %+v, %v; want all of %d conversations", out, err, conversations)
	}
	builds := lastBuild(connection)
	if builds[0] != "1.0.0" || builds[len(builds)-1] != "2.0.0" {
		t.Errorf("the export's tasks were done by %v, want the first build and then the second", builds)
	}
	deployment := connection.WorkerDeploymentClient().GetHandle("lake")
	if _, err := deployment.SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: "1.0.0"}); err != nil {
		t.Fatal(err)
	}
	if got := current(connection); got != "1.0.0" {
		t.Errorf("after a rollback the current build is %q, want the first", got)
	}
}

// TestVersioningNeedsAVersion: builds without a version would look like one build to the server.
func TestVersioningNeedsAVersion(t *testing.T) {
	c, err := worker.Parse("chatlake.yaml", []byte(`
lake: {url: file:./lake}
temporal:
  address: "127.0.0.1:1"
  deployment: {name: lake}
accounts:
  acme: {provider: chatwoot, account_id: 1, token: env:TOKEN}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Temporal.Deployment != (worker.DeploymentConfig{Name: "lake", TakeOver: true}) {
		t.Errorf("%+v", c.Temporal.Deployment)
	}
	lazy, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Close()
	err = worker.Run(t.Context(), c, &worker.Temporal{Client: lazy}, nil)
	if err == nil || !strings.Contains(err.Error(), "chatlake.yaml:5: temporal.deployment: needs a build with a version") {
		t.Errorf("error %v", err)
	}
}

package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/simulator"
	fakes "github.com/chatlake/chatlake/simulator/platforms"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// TestStateChangesAreLoggedOnce exports an account that refuses at first, and reads the log: one line for each change of the state of a shard,
// and none for each request.
func TestStateChangesAreLoggedOnce(t *testing.T) {
	platform := fakes.All[0] // any
	corpus := simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 20, From: from, To: from.AddDate(0, 0, 14)})
	site := platform.Site(corpus, simulator.Conduct{Token: platform.Account.Token})
	var refuse atomic.Bool
	refuse.Store(true)
	var requests atomic.Int64
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if refuse.Load() && strings.HasSuffix(r.URL.Path, "/messages") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		site.ServeHTTP(w, r)
	}))
	defer fake.Close()
	t.Setenv("CHANGES_TOKEN", platform.Account.Token)
	said := &sayings{}
	server := &sayings{}
	log := slog.New(slog.NewJSONHandler(said, nil))
	config, err := worker.Parse("chatlake.yaml", []byte("state_dir: '"+t.TempDir()+"'\nlake: {url: 'file:"+t.TempDir()+"'}\nexport: {window: week}\n"+
		"accounts: {acme: {provider: "+platform.Provider+", account_id: '"+platform.Account.ID+"', token: 'env:CHANGES_TOKEN', base_url: '"+fake.URL+"', rate: {requests_per_second: 0}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	temporal, err := worker.Connect(t.Context(), config, worker.ConnectOptions{Changes: log, ServerLogger: slog.New(slog.NewTextHandler(server, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err != nil {
		t.Fatal(err)
	}
	lake, err := worker.OpenLake(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx, config, temporal, lake) }()
	id := workflows.ExportID("acme", "changes")
	run, err := temporal.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: config.TaskQueue()}, workflows.Export,
		workflows.ExportInput{Account: "acme", Name: "changes", From: from, To: from.AddDate(0, 0, 7), Policy: workflows.NewPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); len(linesOf(t, said, "shard blocked")) < 2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not both windows are blocked:\n%s", said.bytes())
		}
	}
	refuse.Store(false)
	if _, err := temporal.Client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: workflows.RetryBlockedUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
	}); err != nil {
		t.Fatal(err)
	}
	if err := run.Get(ctx, nil); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := errors.Join(<-ended, temporal.Stop()); err != nil {
		t.Fatal(err)
	}
	states := map[string][]string{} // by shard
	for _, message := range []string{"shard running", "shard blocked", "shard done"} {
		for _, line := range linesOf(t, said, message) {
			shard, _ := line["workflow"].(string)
			states[shard] = append(states[shard], message)
			if message == "shard blocked" && (line["level"] != "WARN" || line["kind"] == nil) {
				t.Errorf("a line about a block is %v", line)
			}
			if message == "shard done" && (line["outcome"] != "committed" || line["requests"] == float64(0)) {
				t.Errorf("a line about an end is %v", line)
			}
		}
	}
	created := 0
	for shard, got := range states {
		want := []string{"shard running", "shard done"}
		if strings.HasPrefix(shard, "shard/acme/created/") {
			created++
			want = []string{"shard running", "shard blocked", "shard done"}
		}
		if diff := cmp.Diff(want, slices.Compact(got)); diff != "" || len(got) > len(want)+1 { // it may run again before it is done
			t.Errorf("lines about %s: %v", shard, got)
		}
	}
	if created != 2 {
		t.Errorf("lines about %d windows, want 2: %v", created, states)
	}
	if text := string(server.bytes()); strings.Contains(text, "refused") || strings.Contains(text, "poll") {
		t.Errorf("the server complains about its own end:\n%s", text)
	}
	if lines := strings.Count(string(said.bytes()), "\n"); int64(lines) > requests.Load()/2 {
		t.Errorf("%d lines for %d requests:\n%s", lines, requests.Load(), said.bytes())
	}
}

// linesOf are the lines of a log with a message.
func linesOf(t *testing.T, said *sayings, message string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(string(said.bytes())) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if fields["msg"] == message {
			found = append(found, fields)
		}
	}
	return found
}

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/chatwoot"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// changing serves a small account; refuse, while true, answers lists of what has changed with 401.
func changing(t *testing.T, refuse *atomic.Bool) string {
	t.Helper()
	fake := chatwoot.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: 20, From: demo.From, To: demo.To}), chatwoot.Options{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse.Load() && r.URL.Query().Has("updated_within") {
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

// TestRunsOfSchedulesTakeOrders: a worker with short syncs is watched and steered from outside, and a window that is blocked is skipped.
func TestRunsOfSchedulesTakeOrders(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server and syncs for a while")
	}
	t.Parallel()
	var refuse atomic.Bool
	config := syncing(t, "{every: 2s, lag: 1s, directory: 0}", changing(t, &refuse))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan string, 1)
	go func() {
		out, log, _ := chatlakeUntil(ctx, nil, "worker", "--config", config)
		ended <- out + log
	}()
	t.Cleanup(func() {
		stop()
		if !t.Failed() {
			<-ended
		}
	})
	c, err := worker.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	for running := false; !running; time.Sleep(50 * time.Millisecond) { // or a command would start a server in its place
		running, err = worker.Running(c.StateDir)
		running = running && err == nil // an error says that it is just starting
	}
	run := func(args ...string) (string, int) {
		out, log, status := chatlake(t, append(args, "--config", config)...)
		return out + log, status
	}
	status := func() (f fresh) {
		out, _, _ := chatlake(t, "status", "--config", config, "--output", "json")
		var all []json.RawMessage
		if json.Unmarshal([]byte(out), &all) == nil && len(all) > 0 {
			_ = json.Unmarshal(all[0], &f) // another look tells more
		}
		return f
	}
	sync := func(f fresh) (u operate.Upkeep) {
		if i := slices.IndexFunc(f.Schedules, func(u operate.Upkeep) bool { return u.Kind == operate.KindSync }); i >= 0 {
			u = f.Schedules[i]
		}
		return u
	}
	until := func(what string, ok func(fresh) bool) fresh {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
			f := status()
			if ok(f) {
				return f
			}
			if time.Now().After(deadline) {
				text, _ := run("status")
				stop()
				t.Fatalf("not seen: %s. The status is:\n%s\nThe worker says:\n%s", what, text, <-ended)
			}
		}
	}
	in := func(state workflows.State) func(fresh) bool {
		return func(f fresh) bool {
			u := sync(f)
			return u.Progress != nil && u.Progress.State == state && (state != workflows.StateBlocked || len(u.Progress.Blocked) > 0)
		}
	}
	found := func(query string) []string {
		t.Helper()
		server, err := worker.Visit(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = server.Stop() }()
		list, err := server.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, info := range list.Executions {
			ids = append(ids, info.Execution.WorkflowId)
		}
		return ids
	}
	listed := func(query string) string {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			if ids := found(query); len(ids) > 0 {
				return ids[0]
			}
			if time.Now().After(deadline) {
				t.Fatalf("nothing is found by %s", query)
			}
		}
	}

	until("a complete sync", func(f fresh) bool {
		u := sync(f)
		return f.Watermark != nil && u.Ended != nil && u.Ended.State == workflows.StateComplete
	})
	refuse.Store(true)
	f := until("a blocked sync", in(workflows.StateBlocked))
	id, window := sync(f).Running[0], operate.WindowOf(sync(f).Progress.Blocked[0].Shard)
	if got := listed("ChatlakeState = 'blocked' AND ChatlakeAccount = 'acme'"); got != id || len(found("ChatlakeState = 'running'")) != 0 {
		t.Errorf("found %s, want %s", got, id)
	}
	text, code := run("status")
	expect(t, "status", code, exitComplete, text, "blocked: 0 of 1 window done", "waiting: "+window, ", the one before complete")

	text, code = run("pause", "--kind", "settle")
	expect(t, "pause what does not run", code, exitUsage, text, "no settle is running")
	text, code = run("pause", "--kind", "sink")
	expect(t, "pause a kind that is none", code, exitUsage, text, "--kind sink: expected export, remap, push, sync, settle, history, maintain or end-stale")
	text, code = run("rate", "--kind", "maintain", "--requests-per-second", "3")
	expect(t, "the rate of what has none", code, exitUsage, text, "--kind maintain: expected export, push, sync, settle, history or end-stale")
	text, code = run("pause", "--kind", "sync", "--account", "acme")
	expect(t, "pause", code, exitComplete, text, id+": Paused.")
	until("a paused sync", in(workflows.StatePaused))
	if got := listed("ChatlakeState = 'paused'"); got != id {
		t.Errorf("found %s, want %s", got, id)
	}
	text, code = run("rate", "--all", "--requests-per-second", "3")
	expect(t, "rate", code, exitComplete, text, id+": The budget is now 3 requests per second.")
	if f := until("a paused sync", in(workflows.StatePaused)); sync(f).Progress.Account != 3 {
		t.Errorf("the rate is %v", sync(f).Progress.Account)
	}
	text, code = run("gap", "skip", window)
	expect(t, "skip without a reason", code, exitUsage, text, "the reason is missing")
	text, code = run("gap", "skip", "sync/acme", "--reason", "x")
	expect(t, "skip what is no window", code, exitUsage, text, "expected a blocked window as `chatlake status` names it")
	text, code = run("resume") // the only run
	expect(t, "resume", code, exitComplete, text, id+": Resumed.")
	until("a sync that is blocked again", in(workflows.StateBlocked))

	text, code = run("gap", "skip", window, "--reason", "the token is being replaced")
	expect(t, "skip", code, exitComplete, text, "skipped: acme/changes: ", "(Denied): the token is being replaced\n")
	f = until("an incomplete sync and the next one", func(f fresh) bool {
		u := sync(f)
		return u.Ended != nil && u.Ended.ID == id && in(workflows.StateBlocked)(f)
	})
	if e := sync(f).Ended; e.State != workflows.StateIncomplete || e.Skipped != 1 {
		t.Errorf("it ended %+v", e)
	}
	if len(f.Skipped) != 1 || len(f.Gaps) != 1 || !f.Watermark.Equal(f.Skipped[0].Window.From) {
		t.Errorf("the watermark is %s, gaps %v, skipped %v; want it before the skipped window", f.Watermark, f.Gaps, f.Skipped)
	}
	next := operate.WindowOf(sync(f).Progress.Blocked[0].Shard)
	if from := strings.Split(window, "~")[0]; !strings.HasPrefix(next, from) || next == window {
		t.Errorf("the next sync is blocked over %s, want a longer window than %s that begins with it", next, window)
	}
	if got := listed("ChatlakeState = 'incomplete'"); got != id {
		t.Errorf("found %s, want %s", got, id)
	}
	text, code = run("gap", "skip", window, "--reason", "x")
	expect(t, "skip it again", code, exitUsage, text, window+" is not blocked")
	for _, command := range [][]string{{"gap", "list"}, {"verify"}} {
		text, code = run(command...)
		expect(t, strings.Join(command, " "), code, exitGaps, text, "gap: acme/changes: ", "skipped: acme/changes: ", "the token is being replaced", "chatlake schedule trigger sync/acme")
	}
	text, code = run("status", "--check", "--no-gaps")
	expect(t, "status --check", code, checkCritical, text, "1 gap", "1 window skipped")

	text, code = run("cancel", "--all")
	expect(t, "cancel", code, exitComplete, text, ": Ended. What it has committed stays in the lake.")
	listed("ChatlakeState = 'canceled'")
	refuse.Store(false)
	_, _ = run("resume", "--all") // what has been blocked since
	f = until("a lake without gaps", func(f fresh) bool { return len(f.Skipped)+len(f.Gaps) == 0 })
	text, code = run("verify", "--deep")
	expect(t, "verify", code, exitComplete, text, "The lake is whole.")
}

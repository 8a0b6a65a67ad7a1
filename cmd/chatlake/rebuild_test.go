package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/simulator/liveperson"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// wall is an account whose platform gives out no more than a hundred conversations of a list, so that windows are split. It
// counts requests.
func wall(t *testing.T, conversations int) (address string, requests *atomic.Int64) {
	t.Helper()
	fake := liveperson.New(simulator.NewCorpus(simulator.CorpusConfig{Seed: 3, Conversations: conversations, From: demo.From, To: demo.From.AddDate(0, 5, 0)}),
		liveperson.Options{OffsetWall: 100, WallIs400: true, NoRounding: true})
	requests = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// writeWall makes a configuration file for such an account; more is added to its options.
func writeWall(t *testing.T, address, lake, more string) (config, state string) {
	t.Helper()
	config, state = filepath.Join(t.TempDir(), "chatlake.yaml"), filepath.Join(t.TempDir(), "state")
	text := fmt.Sprintf("state_dir: %s\nlake: {url: 'file:%s'}\naccounts:\n  acme: {provider: liveperson, base_url: '%s', account_id: '%s', "+
		"token: 'file:%s', retention: 0, rate: {requests_per_second: 0}, options: {offset_cap: '100'%s}}\n", state, lake, address, liveperson.DefaultAccount, tokenOf(config), more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	setToken(t, config, liveperson.Token)
	return config, state
}

// content of every object of a lake but manifests, by key.
func objects(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, below := range []string{"data", "_ledger"} {
		err := filepath.Walk(filepath.Join(root, below), func(name string, info os.FileInfo, err error) error {
			if err == nil && !info.IsDir() {
				var text []byte
				text, err = os.ReadFile(name)
				found[name] = string(text)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// scheduled counts the activities of all workflows by workflow type.
func scheduled(t *testing.T, config string) (activities, runs map[string]int) {
	t.Helper()
	c, err := worker.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	temporal, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := temporal.Stop(); err != nil {
			t.Error(err)
		}
	}()
	activities, runs = map[string]int{}, map[string]int{}
	all, err := temporal.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range all.Executions {
		runs[info.Type.Name]++
		history := temporal.Client.GetWorkflowHistory(t.Context(), info.Execution.WorkflowId, info.Execution.RunId, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			event, err := history.Next()
			if err != nil {
				t.Fatal(err)
			}
			if event.EventType == enums.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED {
				activities[info.Type.Name]++
			}
		}
	}
	return activities, runs
}

// rebuild runs the command and reads what it did.
func rebuild(t *testing.T, config string, args ...string) ([]rebuilt, int) {
	t.Helper()
	out, log, status := chatlake(t, append([]string{"lake", "rebuild", "--config", config, "--output", "json"}, args...)...)
	var results []rebuilt
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatalf("%v in %s%s", err, out, log)
	}
	return results, status
}

// TestRebuild exports with windows of several sizes, some of which are split, loses Temporal's state, and makes it anew.
func TestRebuild(t *testing.T) {
	t.Parallel()
	address, requests := wall(t, 800)
	root := t.TempDir()
	config, state := writeWall(t, address, root, "")
	for _, args := range [][]string{
		{"--from", "2025-01-10", "--to", "2025-04-08"},
		{"--from", "2025-04-08", "--to", "2025-04-29", "--window", "week"},
		{"--from", "2025-02-01", "--to", "2025-03-01", "--refresh"},
	} {
		out, log, status := chatlake(t, append([]string{"export", "--config", config}, args...)...)
		expect(t, "export", status, exitComplete, out+log, "Complete: ")
	}
	before, asked := objects(t, root), requests.Load()
	committed := committedWindows(t, config)
	windows, splits := len(committed), 0
	for _, w := range (schemas.Window{From: demo.From.AddDate(0, 0, 9), To: demo.From.AddDate(0, 3, 7)}).Cut("month") {
		if !slices.Contains(committed, w) {
			splits++
		}
	}
	if splits < 2 {
		t.Fatalf("windows %v: the test needs some that were split", committed)
	}
	text, err := os.ReadFile(config)
	if err == nil { // as if the folder were gone
		err = os.WriteFile(config, bytes.Replace(text, []byte(state), []byte(state+"-anew"), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}

	results, status := rebuild(t, config)
	if status != exitComplete || len(results) != 1 || results[0].Adopted != windows || results[0].Windows != windows || len(results[0].Exports) != 2 {
		t.Errorf("exit status %d, %+v; want all %d windows adopted by two exports", status, results, windows)
	}
	if n := requests.Load() - asked; n != 0 {
		t.Errorf("%d requests were made to the platform, want none", n)
	}
	if diff := cmp.Diff(before, objects(t, root)); diff != "" {
		t.Errorf("the lake is another one (-before +after):\n%s", diff)
	}
	activities, runs := scheduled(t, config)
	if activities["Shard"] != runs["Shard"] || runs["Shard"] != windows || activities["Export"] != 2*2 {
		t.Errorf("activities %v of workflows %v for %d windows; want one a window, and two an export", activities, runs, windows)
	}

	out, log, status := chatlake(t, "status", "--config", config)
	expect(t, "status", status, exitComplete, out+log, "acme 2025-01-10_2025-04-08 ", "acme 2025-04-08_2025-04-29 ", "complete: ")
	out, log, status = chatlake(t, "verify", "--deep", "--config", config, "--from", "2025-01-10", "--to", "2025-04-29")
	expect(t, "verify", status, exitComplete, out+log, "The lake is whole.")
	if strings.Contains(out, "overlap") {
		t.Errorf("there are windows in the lake twice:\n%s", out)
	}
}

// committedWindows are the windows of conversations that count.
func committedWindows(t *testing.T, config string) (windows []schemas.Window) {
	t.Helper()
	records, err := shelfAt(t, config).lake.Current(t.Context(), ledger.Filter{Stream: schemas.StreamCreated})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		windows = append(windows, r.Shard.Window)
	}
	return windows
}

// TestRebuildLeavesOtherSettingsAlone: windows made with other settings are listed, and exported again only on request.
func TestRebuildLeavesOtherSettingsAlone(t *testing.T) {
	t.Parallel()
	address, requests := wall(t, 300)
	root := t.TempDir()
	config, _ := writeWall(t, address, root, "")
	export := func(config, from, to string) {
		out, log, status := chatlake(t, "export", "--config", config, "--from", from, "--to", to)
		expect(t, "export", status, exitComplete, out+log, "Complete: ")
	}
	export(config, "2025-01-01", "2025-03-01")
	changed, _ := writeWall(t, address, root, ", page_size: '25'")
	export(changed, "2025-03-01", "2025-05-01")
	s := shelfAt(t, changed)
	s.damage("_ledger/v1/provider=liveperson/account=acme/stream=created/20250601T000000Z~20250701T000000Z/g0001.json", "{")
	asked := requests.Load()

	results, status := rebuild(t, changed)
	if status != exitGaps || len(results) != 1 || results[0].Adopted+len(results[0].Others) != results[0].Windows || results[0].Adopted < 2 || len(results[0].Others) < 2 ||
		len(results[0].Unreadable) != 1 || results[0].Copied != 0 {
		t.Errorf("exit status %d, %+v; want two months adopted, two of other settings, a record unreadable", status, results)
	}
	if requests.Load() != asked {
		t.Errorf("%d requests were made", requests.Load()-asked)
	}
	out, log, status := chatlake(t, "lake", "rebuild", "--config", changed)
	expect(t, "rebuild", status, exitGaps, out+log, "made with other settings: acme/created/20250101T000000Z~", "lake rebuild --again", "unreadable: _ledger/v1/", "the rest is listed above")

	results, status = rebuild(t, changed, "--again")
	if requests.Load() == asked || len(results) != 1 || results[0].Copied < 2 || status != exitGaps {
		t.Errorf("exit status %d, %+v; want two months copied again, and the unreadable record told", status, results)
	}
	if results, _ = rebuild(t, changed); len(results) != 1 || results[0].Adopted != results[0].Windows || len(results[0].Others) > 0 {
		t.Errorf("%+v; want all windows made to today's settings now", results)
	}
	out, log, status = chatlake(t, "lake", "rebuild", "--config", changed, "--account", "nobody")
	expect(t, "rebuild of nobody", status, exitUsage, out+log, "there is no account nobody; the configuration has acme")
}

func TestRebuiltText(t *testing.T) {
	result := func(requests int64, absent int, failed ...string) workflows.ExportOutput {
		return workflows.ExportOutput{From: month(1).From, To: month(3).To, Totals: workflows.Totals{Requests: requests, Absent: absent}, Failed: failed}
	}
	results := []rebuilt{
		{
			Account: "acme", Windows: 9, Changes: 2, Directories: 3, Rebuilt: operate.Rebuilt{Adopted: 4, Exports: []operate.Resumed{{Name: "a", Window: "month", Result: result(0, 2)}, {Name: "b", Window: "day", Result: result(0, 0, "shard/acme/created/x")}}},
			Others: []string{"acme/created/a", "acme/created/b", "acme/created/c", "acme/created/d", "acme/created/e"},
			Left:   []string{"acme/updated/f"}, Unreadable: []ledger.Finding{{Key: "_ledger/g", Problem: "it is damaged"}}, Gaps: []inspect.Gap{{Account: "acme", Stream: "created", Window: month(2)}},
		},
		{Account: "beta", Windows: 1, Rebuilt: operate.Rebuilt{Adopted: 1, Exports: []operate.Resumed{{Name: "c", Window: "month", Again: true, Result: result(7, 0)}}, Copied: 2}, Others: []string{"beta/created/a"}},
		{Account: "gone", Note: "is in the ledger and not in the configuration: it stands as it is"},
	}
	var got bytes.Buffer
	if err := writeRebuilt(&got, results); err != nil {
		t.Fatal(err)
	}
	const want = `acme: 4 of 9 windows adopted by 2 exports, with 0 requests to the platform.
absent: 2025-01-01 to 2025-04-01 has 2 windows that the ledger does not have. Copy them: chatlake export --account acme --from 2025-01-01 --to 2025-04-01
failed: acme/created/x; run the command again to retry it
made with other settings: acme/created/a, acme/created/b, acme/created/c and 2 more. They count as they are. ` + "`chatlake lake rebuild --again`" + ` exports them again with today's settings, as an export over them would
left: acme/updated/f is not a window that exports make; it counts as it is
unreadable: _ledger/g: it is damaged. ` + "`chatlake verify`" + ` says more
gap: acme/created: no committed window covers 2025-02-01 to 2025-03-01. Copy it: chatlake export --account acme --from 2025-02-01 --to 2025-03-01
2 windows of changes, which need no export: the next sync continues after them.
3 snapshots of the directory, which need no export.
beta: 1 of 1 window adopted by 1 export, with 7 requests to the platform.
2 windows copied again, the directory of the day among them.
gone is in the ledger and not in the configuration: it stands as it is.
Temporal's state is restored for what could be adopted; the rest is listed above.
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

package main

import (
	gocmp "cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/worker"
)

func TestPlan(t *testing.T) {
	config := write(t, site(t, 200, 0, nil), t.TempDir(), t.TempDir())
	plan := []string{"plan", "--config", config, "--from", "2025-01-01", "--to", "2026-01-01"}
	out, log, status := chatlake(t, plan...)
	expect(t, "plan", status, exitComplete, out+log, "acme (chatwoot), 2025-01-01 to 2026-01-01: 12 windows.",
		"200 conversations by the platform's own count; about ", " messages (", "as in a sample of 20 conversations, which may miss rare long ones.", `Of these for participants: one request a conversation, 200 requests`, `the option "participants: false" leaves them out.`,
		`Of these for a sample of details: one request for 100 conversations, 2 requests`,
		"In the lake: about 104 files of 8.8 kB on average.", "events in the histories", "A month of syncs every 15m, which is not configured: about ",
		"A settle of a month takes about", "The estimate took ", "Nothing was written.")
	if strings.Contains(out, "--window") {
		t.Errorf("there are no wider windows than months:\n%s", out)
	}
	out, log, status = chatlake(t, append(plan, "--window", "day", "--sample", "0")...)
	expect(t, "plan of days", status, exitComplete, out+log, "files of 5.", "Windows of a month (--window month) would leave about 104 files of 8.8 kB on average.")
	if strings.Contains(out, "messages") || strings.Contains(out, "changed conversation") {
		t.Errorf("figures of conversations that nobody read:\n%s", out)
	}
	out, log, status = chatlake(t, append(plan, "--output", "json", "--window", "week")...)
	expect(t, "plan as JSON", status, exitComplete, out+log)
	var e worker.Estimate
	if err := json.Unmarshal([]byte(out), &e); err != nil || e.Windows != 62 || e.Conversations == nil || e.Conversations.About != 200 {
		t.Errorf("estimate %+v, error %v; want 200 conversations in 62 weeks and parts of weeks", e, err)
	}
	for flags, want := range map[string]string{
		"": "--from is missing", "--from 2025-01-01 --requests 1": "--requests must be from 20 to 100000, not 1", "--from 2025-01-01 --sample -1": "--sample must be from 0 to 1000, not -1",
	} {
		out, log, status = chatlake(t, append([]string{"plan", "--config", config}, strings.Fields(flags)...)...)
		expect(t, "plan "+flags, status, exitUsage, out+log, want)
	}
}

func TestPlanOfQuotas(t *testing.T) {
	e := worker.Estimate{Account: "acme", Provider: "freshchat", Window: schemas.Window{From: demo.From, To: demo.To}, Windows: 12, Rations: []worker.Ration{
		{Quota: "reports", Uses: 365, Seconds: 364 * 60}, {Quota: "a-day", Uses: 365, Seconds: 3 * 24 * 3600}, {Quota: "plenty", Uses: 12},
	}, KeptFrom: &demo.To, Asked: 7}
	var b strings.Builder
	if err := writeEstimate(&b, e); err != nil {
		t.Fatal(err)
	}
	want := `acme (freshchat), 2025-01-01 to 2026-01-01: 12 windows.
The platform cannot count its conversations, so requests, time and files cannot be estimated.
Quota reports: 365 uses, which take 6 h 4 min.
Quota a-day: 365 uses, which take 3 days.
Quota plenty: 12 uses, all free at once.
The platform deletes old conversations: those that began before 2026-01-01 may be missing, and it does not say so.
The estimate took 7 requests. Nothing was written. Windows that the lake already has cost next to nothing.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

// TestPlanOfExports compares estimates with what exports take and leave.
func TestPlanOfExports(t *testing.T) {
	for _, test := range []struct {
		provider, window string
		conversations    int
		options          string
		wider            bool
		rate             float64
		requests         int // that counting may take
		status           int // of the export
	}{
		{provider: "chatwoot", window: "month", conversations: 240},
		{provider: "chatwoot", window: "month", conversations: 240, options: "details: false, participants: false"},
		{provider: "chatwoot", window: "month", conversations: 240, rate: 60},
		{provider: "liveperson", window: "week", conversations: 60, wider: true, requests: 130},
		{provider: "giosg", window: "month", conversations: 240},
		{provider: "giosg", window: "month", conversations: 240, options: "visitors: false"},
		{provider: "freshchat", window: "month", conversations: 120, options: "reports_per_minute: 0, reports_per_day: 0"},
		{provider: "freshchat", window: "month", conversations: 240, options: "enumeration: users, reports: none", status: exitGaps},
	} {
		t.Run(strings.TrimSpace(fmt.Sprintf("%s %s %g", test.provider, test.options, test.rate)), func(t *testing.T) {
			var asked atomic.Int64
			config := served(t, test.provider, test.conversations, test.window, test.options, test.rate, &asked)
			span := []string{"--config", config, "--from", "2025-01-01", "--to", "2026-01-01"}
			out, log, status := chatlake(t, append([]string{"plan", "--output", "json", "--requests", strconv.Itoa(gocmp.Or(test.requests, 100))}, span...)...)
			expect(t, "plan", status, exitComplete, out+log)
			var e worker.Estimate
			if err := json.Unmarshal([]byte(out), &e); err != nil || e.Files == nil || e.Messages == nil || e.Events == nil {
				t.Fatalf("estimate %+v, error %v", e, err)
			}
			planned := asked.Swap(0)
			if e.Asked != planned || planned > 400 {
				t.Errorf("the estimate says that it took %d requests, it took %d; want at most 400", e.Asked, planned)
			}
			out, log, status = chatlake(t, append([]string{"export", "--output", "json"}, span...)...)
			requests := asked.Load()
			var done exported
			if err := json.Unmarshal([]byte(out), &done); err != nil || status != test.status {
				t.Fatalf("export: status %d, error %v:\n%s", status, err, out+log)
			}
			var files []inspect.Located
			out, log, status = chatlake(t, "lake", "files", "--config", config, "--output", "json")
			expect(t, "lake files", status, exitComplete, out+log)
			if err := json.Unmarshal([]byte(out), &files); err != nil {
				t.Fatal(err)
			}
			bytes := int64(0)
			for _, f := range files {
				bytes += f.Bytes
			}
			near := func(what string, said float64, are int64, share float64) {
				t.Logf("%s: estimate %.0f, the export %d", what, said, are)
				if math.Abs(said-float64(are)) > share*float64(are) {
					t.Errorf("%s: estimate %.0f, the export %d, want at most %.2f of it off", what, said, are, share)
				}
			}
			conversations, messages := done.Result.Totals.Conversations, done.Result.Totals.Messages
			near("conversations", e.Conversations.About, conversations, 0.25)
			if e.Conversations.Least > float64(conversations) || e.Conversations.Most < float64(conversations) {
				t.Errorf("%+v conversations, the export has %d", e.Conversations, conversations)
			}
			near("messages", e.Messages.About, messages, 0.5)
			t.Logf("messages %+v, a sample of %d", *e.Messages, e.Sampled)
			// What is off because conversations were estimated is not the fault of the prices.
			near("requests", e.Requests.About*float64(conversations)/e.Conversations.About, requests, 0.1)
			near("files", float64(e.Files.Count), int64(len(files)), 0.2)
			near("bytes", float64(e.Files.Bytes), bytes, 0.5)
			tolerance := 0.15
			if test.rate > 0 {
				tolerance = 0.3 // how often leases change depends on how fast activities are
			}
			near("events", float64(*e.Events), events(t, config), tolerance)
			if wider := e.Wider != nil; wider != test.wider || wider && e.Wider.Count >= e.Files.Count {
				t.Errorf("wider windows %+v instead of %+v, want advice: %v", e.Wider, e.Files, test.wider)
			}
		})
	}
}

// served serves a simulated account of a platform and returns a configuration for it.
func served(t *testing.T, provider string, conversations int, window, options string, rate float64, asked *atomic.Int64) string {
	t.Helper()
	platform, err := demo.PlatformOf(provider)
	if err != nil {
		t.Fatal(err)
	}
	world := demo.World{Conversations: conversations, Seed: 1}
	account := world.Site(platform, world.Corpus())
	server, err := simulator.Serve("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		account.ServeHTTP(w, r)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(t.Context()) })
	dir := t.TempDir()
	name := filepath.Join(dir, "chatlake.yaml")
	secrets := ""
	for key, secret := range platform.Account.Secrets {
		file := filepath.Join(dir, key)
		if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
			t.Fatal(err)
		}
		secrets += fmt.Sprintf("%s: 'file:%s', ", key, file)
	}
	text := fmt.Sprintf("state_dir: %s\nlake: {url: 'file:%s'}\nexport: {window: %s}\naccounts:\n  acme: {provider: %s, base_url: '%s', retention: 0, rate: {requests_per_second: %g}, secrets: {%s}, options: {%s}",
		filepath.Join(dir, "state"), filepath.Join(dir, "lake"), window, provider, server.URL, rate, secrets, options)
	if platform.Account.ID != "" {
		text += fmt.Sprintf(", account_id: '%s'", platform.Account.ID)
	}
	if platform.Account.Token != "" {
		setToken(t, name, platform.Account.Token)
		text += fmt.Sprintf(", token: 'file:%s'", tokenOf(name))
	}
	if err := os.WriteFile(name, []byte(text+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// events sums the events of all histories that the embedded server of a configuration keeps of an export and its windows.
func events(t *testing.T, config string) (n int64) {
	t.Helper()
	c, err := worker.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Stop() }()
	var token []byte
	for {
		page, err := server.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{NextPageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, run := range page.Executions {
			if id := run.Execution.WorkflowId; strings.HasPrefix(id, "export/") || strings.HasPrefix(id, "shard/") {
				n += run.HistoryLength
			}
		}
		if token = page.NextPageToken; len(token) == 0 {
			return n
		}
	}
}

func TestTextOfOvertaking(t *testing.T) {
	window := schemas.Window{From: demo.From, To: demo.From.AddDate(0, 1, 0)}
	at := func(month time.Month, day int) *time.Time {
		return new(time.Date(2026, month, day, 0, 0, 0, 0, time.UTC))
	}
	o := worker.Overtaken{
		Orders: []worker.OvertakenOrder{
			{Order: "oldest"}, {Order: "newest", Windows: 2, First: &window, On: at(2, 1), Reached: at(2, 9)},
		},
		Better: []worker.Order{"oldest"},
	}
	var b strings.Builder
	writeOvertaken(&b, o)
	want := `Retention overtakes nothing with --oldest-first.
Retention overtakes the export on 2026-02-01 with --newest-first: 2025-01-01 to 2025-02-01 would be reached on 2026-02-09. It overtakes 2 windows.
Use --oldest-first.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

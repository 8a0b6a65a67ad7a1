package main

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
		"200 conversations by the platform's own count; about 822 requests.", "In the lake: about 104 files of 8.8 kB on average.", "Nothing was written.")
	if strings.Contains(out, "--window") {
		t.Errorf("there are no wider windows than months:\n%s", out)
	}
	out, log, status = chatlake(t, append(plan, "--window", "day")...)
	expect(t, "plan of days", status, exitComplete, out+log, "files of 5.", "Windows of a month (--window month) would leave about 104 files of 8.8 kB on average.")
	out, log, status = chatlake(t, append(plan, "--output", "json", "--window", "week")...)
	expect(t, "plan as JSON", status, exitComplete, out+log)
	var e worker.Estimate
	if err := json.Unmarshal([]byte(out), &e); err != nil || e.Windows != 62 || e.Conversations == nil || *e.Conversations != 200 {
		t.Errorf("estimate %+v, error %v; want 200 conversations in 62 weeks and parts of weeks", e, err)
	}
	out, log, status = chatlake(t, "plan", "--config", config)
	expect(t, "plan without a range", status, exitUsage, out+log, "--from is missing")
}

func TestPlanOfQuotas(t *testing.T) {
	e := worker.Estimate{Account: "acme", Provider: "freshchat", Window: schemas.Window{From: demo.From, To: demo.To}, Windows: 12, Rations: []worker.Ration{
		{Quota: "reports", Uses: 365, Seconds: 364 * 60}, {Quota: "a-day", Uses: 365, Seconds: 3 * 24 * 3600}, {Quota: "plenty", Uses: 12},
	}, KeptFrom: &demo.To}
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
Nothing was written. Windows that the lake already has cost next to nothing.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

// TestPlanOfFiles compares the estimate of files with what exports of accounts that count their conversations leave.
func TestPlanOfFiles(t *testing.T) {
	for _, test := range []struct {
		provider, window, conversations string
		wider                           bool
	}{
		{"chatwoot", "month", "240", false}, {"liveperson", "week", "60", true},
	} {
		t.Run(test.provider+" by the "+test.window, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "demo")
			out, log, status := chatlake(t, "demo", "--dir", dir, "--provider", test.provider, "--conversations", test.conversations, "--latency", "0",
				"--ui=false", "--window", test.window)
			expect(t, "demo", status, exitComplete, out+log)
			config := filepath.Join(dir, demo.ConfigName)
			var files []inspect.Located
			out, log, status = chatlake(t, "lake", "files", "--config", config, "--output", "json")
			expect(t, "lake files", status, exitComplete, out+log)
			if err := json.Unmarshal([]byte(out), &files); err != nil {
				t.Fatal(err)
			}
			var bytes int64
			for _, f := range files {
				bytes += f.Bytes
			}
			platform, err := demo.PlatformOf(test.provider)
			if err != nil {
				t.Fatal(err)
			}
			n, err := strconv.Atoi(test.conversations)
			if err != nil {
				t.Fatal(err)
			}
			served, err := demo.Open(t.Context(), demo.Options{World: demo.World{Conversations: n, Seed: 1}, Dir: dir, Platforms: []simulator.Platform{platform}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = served.Close(context.Background()) })
			c, ins := served.Config()
			e, err := c.Plan(t.Context(), ins[0].Account, ins[0].Range(), test.window)
			if err != nil || e.Files == nil {
				t.Fatalf("estimate %+v, error %v", e, err)
			}
			within := func(what string, said, are int64, share float64) {
				if ratio := float64(said) / float64(are); ratio < 1-share || ratio > 1+share {
					t.Errorf("estimate %d %s, the export left %d: %.2f of them, want at most %.2f off", said, what, are, ratio, share)
				}
			}
			within("files", e.Files.Count, int64(len(files)), 0.2)
			within("bytes", e.Files.Bytes, bytes, 0.4)
			if wider := e.Wider != nil; wider != test.wider || wider && e.Wider.Count >= e.Files.Count {
				t.Errorf("wider windows %+v instead of %+v, want advice: %v", e.Wider, e.Files, test.wider)
			}
		})
	}
}

package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/demo"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

func TestPlan(t *testing.T) {
	config := write(t, site(t, 200, 0, nil), t.TempDir(), t.TempDir())
	plan := []string{"plan", "--config", config, "--from", "2025-01-01", "--to", "2026-01-01"}
	out, log, status := chatlake(t, plan...)
	expect(t, "plan", status, exitComplete, out+log, "acme (chatwoot), 2025-01-01 to 2026-01-01: 12 windows.",
		"200 conversations by the platform's own count; about 822 requests.", "Nothing was written.")
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
The platform cannot count its conversations, so neither requests nor time can be estimated.
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

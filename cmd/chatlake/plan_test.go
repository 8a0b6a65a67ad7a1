package main

import (
	"context"
	"encoding/json"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

func TestPlan(t *testing.T) {
	config := write(t, site(t, 200, 0, nil), t.TempDir(), t.TempDir())
	plan := []string{"plan", "--config", config, "--from", "2025-01-01", "--to", "2026-01-01"}
	out, log, status := chatlake(t, plan...)
	expect(t, "plan", status, exitComplete, out+log, "acme (chatwoot), 2025-01-01 to 2026-01-01: 12 windows.",
		"200 conversations by the platform's own count; about 622 requests.", "Nothing was written.")
	out, log, status = chatlake(t, append(plan, "--output", "json", "--window", "week")...)
	expect(t, "plan as JSON", status, exitComplete, out+log)
	var e estimate
	if err := json.Unmarshal([]byte(out), &e); err != nil || e.Windows != 62 || e.Conversations == nil || *e.Conversations != 200 {
		t.Errorf("estimate %+v, error %v; want 200 conversations in 62 weeks and parts of weeks", e, err)
	}
	out, log, status = chatlake(t, "plan", "--config", config)
	expect(t, "plan without a range", status, exitUsage, out+log, "--from is missing")
}

// daily takes a report for each day of a window.
type daily struct{ providers.Provider }

func (daily) Conversations(context.Context, schemas.Window, providers.Cursor) iter.Seq2[providers.Page, error] {
	return nil
}

func (daily) Rations(w schemas.Window) []providers.Ration {
	days := int(w.To.Sub(w.From) / (24 * time.Hour))
	return []providers.Ration{
		{Quota: providers.Quota{Name: "reports", Limits: []providers.Limit{{Uses: 1, Per: time.Minute}}}, Uses: days},
		{Quota: providers.Quota{Name: "a-day", Limits: []providers.Limit{{Uses: 120, Per: 24 * time.Hour}}}, Uses: days},
	}
}

func TestPlanOfQuotas(t *testing.T) {
	year := schemas.Window{From: worldFrom, To: worldTo}
	e := estimate{Account: "acme", Provider: "daily", From: year.From, To: year.To, Windows: 12, Rations: rationsOf(daily{}, year.Cut("month"))}
	var b strings.Builder
	if err := e.write(&b); err != nil {
		t.Fatal(err)
	}
	want := `acme (daily), 2025-01-01 to 2026-01-01: 12 windows.
The platform cannot count its conversations, so neither requests nor time can be estimated.
Quota reports: 365 uses, which take 6 h 4 min.
Quota a-day: 365 uses, which take 3 days.
Nothing was written. Windows that the lake has already cost next to nothing.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

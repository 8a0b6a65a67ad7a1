package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// ofMay is a window of days of May 2026.
func ofMay(from, to int) schemas.Window {
	return schemas.Window{From: time.Date(2026, 5, from, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 5, to, 0, 0, 0, 0, time.UTC)}
}

func at(day, hour, minute int) *time.Time {
	t := time.Date(2026, 5, day, hour, minute, 0, 0, time.UTC)
	return &t
}

func TestFreshTexts(t *testing.T) {
	now := *at(20, 12, 0)
	lag := 900.0
	until := *at(20, 12, 10)
	all := []fresh{
		{
			Freshness: inspect.Freshness{
				Account: "acme", At: now, Watermark: at(20, 11, 45), LagSeconds: &lag, Directory: at(20, 3, 0),
				Announced: &inspect.Announced{Since: *at(1, 8, 0), Until: *at(20, 11, 15), Pushed: 500, Late: 4, Missed: 30, Days: []inspect.AnnouncedDay{
					{Day: *at(13, 0, 0), Missed: 18}, {Day: *at(18, 0, 0), Pushed: 80, Missed: 12}, {Day: *at(19, 0, 0), Pushed: 90, Late: 4}, {Day: *at(20, 0, 0), Pushed: 40},
				}},
				Copied: &schemas.Window{From: *at(3, 0, 0), To: *at(20, 0, 0)}, ToGo: &schemas.Window{From: *at(1, 0, 0), To: *at(3, 0, 0)},
				Gaps:     []inspect.Gap{{Account: "acme", Stream: schemas.StreamCreated, Window: ofMay(9, 10)}, {Account: "acme", Stream: schemas.StreamChanges, Window: ofMay(12, 13)}},
				Accepted: []inspect.AcceptedGap{{Gap: inspect.Gap{Account: "acme", Stream: schemas.StreamCreated, Window: ofMay(7, 8)}, Reason: "the platform lost that day", At: *at(8, 9, 0)}},
			},
			Schedules: []operate.Upkeep{
				{Schedule: operate.Schedule{Kind: operate.KindSync, Times: "every 15m", Last: at(20, 11, 45), Next: at(20, 12, 0)}},
				{
					Schedule: operate.Schedule{Kind: operate.KindSettle, Times: "every 1h, 7m past", Last: at(20, 11, 7), Running: []string{"settle/acme-x"}},
					Progress: &operate.Snapshot{State: workflows.StateRunning, Windows: 3, Done: 1, Waiting: []operate.Wait{
						{Waiting: workflows.Waiting{For: workflows.ForPlatform, Why: "status 503", Since: now, Until: &until}, Windows: 1},
					}},
				},
				{Schedule: operate.Schedule{Kind: operate.KindHistory, Times: "every day at 00:20 UTC", Paused: true, Note: "moving house"}},
				{
					Schedule: operate.Schedule{Kind: operate.KindMaintain, Times: "every day at 03:00 UTC", Running: []string{"maintain/acme-x"}},
					Waiting:  &operate.Wait{Waiting: workflows.Waiting{For: workflows.ForWorker, Why: "Temporal runs, and no worker answers", Since: now}},
				},
			},
		},
		{Freshness: inspect.Freshness{Account: "beta", At: now, Announced: &inspect.Announced{Since: now, Until: now}}, Unreachable: "no chatlake process works in .chatlake"},
	}
	var out bytes.Buffer
	if err := writeFresh(&out, all); err != nil {
		t.Fatal(err)
	}
	for _, f := range []checkFlags{{}, {maxLag: time.Hour}, {maxLag: 10 * time.Minute}, {noGaps: true}} {
		status, text := judge([]inspect.Freshness{all[0].Freshness}, f)
		out.WriteString(text + "\n")
		if want := (f.maxLag == 10*time.Minute || f.noGaps); (status == checkCritical) != want {
			t.Errorf("%+v: status %d", f, status)
		}
	}
	status, text := judge([]inspect.Freshness{all[0].Freshness, all[1].Freshness}, checkFlags{maxLag: time.Hour, noGaps: true})
	if out.WriteString(text + "\n"); status != checkCritical {
		t.Errorf("an account without a sync: status %d", status)
	}
	golden := filepath.Join("testdata", "fresh.txt")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

// TestStatusCheck: one line and an exit status, from the ledger alone.
func TestStatusCheck(t *testing.T) {
	config := syncing(t, "{every: 15m}")
	check := func(args ...string) []string {
		return append([]string{"status", "--check", "--config", config}, args...)
	}
	out, log, status := chatlake(t, check("--max-lag", "1h")...)
	expect(t, "no sync yet", status, checkCritical, out+log, "CRITICAL - acme: no sync has ended\n")

	c, err := worker.Load(config)
	if err != nil {
		t.Fatal(err)
	}
	l, err := worker.OpenLake(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	commit := func(from, to time.Duration) {
		t.Helper()
		shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamChanges, Window: schemas.Window{From: now.Add(-from), To: now.Add(-to)}}
		if _, _, err := l.Commit(t.Context(), ledger.Record{Shard: shard, SpecDigest: "x", Cause: ledger.CauseSync}); err != nil {
			t.Fatal(err)
		}
	}
	commit(9*time.Hour, 8*time.Hour)
	commit(7*time.Hour, 10*time.Minute)
	out, log, status = chatlake(t, check("--max-lag", "1h", "--no-gaps")...)
	expect(t, "a gap", status, checkCritical, out+log, "CRITICAL - acme: 8 h 0 min behind, more than 1 h 0 min; acme: 1 gap, the first from ", "(changes) | acme_lag=2880")
	if strings.Count(out, "\n") != 1 {
		t.Errorf("not one line: %q", out)
	}
	gap := []string{"--config", config, "--stream", "changes", "--from", now.Add(-8 * time.Hour).Format(time.RFC3339), "--to", now.Add(-7 * time.Hour).Format(time.RFC3339)}
	out, log, status = chatlake(t, append([]string{"gap", "accept"}, gap...)...)
	expect(t, "accept without a reason", status, exitUsage, out+log, "the reason is missing")
	out, log, status = chatlake(t, append([]string{"gap", "accept", "--reason", "the platform was down"}, gap...)...)
	expect(t, "accept", status, exitComplete, out+log, "accepted: acme/changes: no committed window covers ", ": the platform was down\n")
	out, log, status = chatlake(t, append([]string{"gap", "accept", "--reason", "x"}, append(gap, "--from", now.Add(-6*time.Hour).Format(time.RFC3339), "--to", now.Add(-5*time.Hour).Format(time.RFC3339))...)...)
	expect(t, "accept what is there", status, exitUsage, out+log, "there is no gap: committed windows of acme/changes cover")
	out, log, status = chatlake(t, "gap", "list", "--config", config)
	expect(t, "gap list", status, exitComplete, out+log, "the platform was down", "There are no gaps")
	out, log, status = chatlake(t, check("--max-lag", "1h", "--no-gaps")...)
	expect(t, "an accepted gap", status, checkOK, out+log, "OK - acme: 10 min ")
	out, log, status = chatlake(t, "verify", "--config", config)
	expect(t, "verify", status, exitComplete, out+log, "accepted: acme/changes", "The lake is whole.")

	out, log, status = chatlake(t, check("--max-lag", "soon")...)
	expect(t, "a lag that is none", status, checkUnknown, out+log, `UNKNOWN - --max-lag: "soon" is not a duration`)
	out, log, status = chatlake(t, check("--account", "nobody")...)
	expect(t, "an account that is none", status, checkUnknown, out+log, "UNKNOWN - ", "there is no account nobody")
	out, log, status = chatlake(t, "status", "--max-lag", "1h", "--config", config)
	expect(t, "a limit without a check", status, exitUsage, out+log, "--max-lag and --no-gaps need --check")
	if err := os.WriteFile(config, []byte("lake: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, log, status = chatlake(t, check()...)
	expect(t, "a broken configuration", status, checkUnknown, out+log, "UNKNOWN - ", "lake.url")
	if strings.Count(out+log, "\n") != 1 {
		t.Errorf("not one line: %q", out+log)
	}
}

// TestCheckWarnsOfRetention: what will be lost is a warning, and what is lost is critical.
func TestCheckWarnsOfRetention(t *testing.T) {
	lag := 60.0
	gap := inspect.Gap{Account: "acme", Stream: schemas.StreamCreated, Window: ofMay(1, 3)}
	soon := inspect.Expiring{Gap: gap, Deadline: *at(20, 0, 0)}
	lost := inspect.Lost{Gap: gap, Reason: "the platform keeps conversations for 13 months, and they were not copied in that time"}
	for _, test := range []struct {
		found  inspect.Retained
		status int
		text   string
	}{
		{inspect.Retained{}, 0, "OK - acme: 1 min 0 s behind | acme_lag=60s"},
		{inspect.Retained{Expiring: []inspect.Expiring{soon}}, 1, "WARNING - acme/created: 2026-05-01 to 2026-05-03 is not copied yet, and the platform begins to delete it on 2026-05-20 | acme_lag=60s"},
		{inspect.Retained{Expiring: []inspect.Expiring{soon}, Lost: []inspect.Lost{lost}}, 2, "CRITICAL - lost: acme/created: 2026-05-01 to 2026-05-03 may be lost: " +
			"the platform keeps conversations for 13 months, and they were not copied in that time; " +
			"acme/created: 2026-05-01 to 2026-05-03 is not copied yet, and the platform begins to delete it on 2026-05-20 | acme_lag=60s"},
	} {
		status, text := judge([]inspect.Freshness{{Account: "acme", At: at(20, 12, 0).UTC(), Watermark: at(20, 11, 59), LagSeconds: &lag, Retained: test.found}}, checkFlags{})
		if status != test.status || text != test.text {
			t.Errorf("%d %s\nwant %d %s", status, text, test.status, test.text)
		}
	}
}

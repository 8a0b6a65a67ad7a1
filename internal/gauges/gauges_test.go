package gauges

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// lines are samples as text, in order.
func lines(samples []telemetry.Sample) (all []string) {
	for _, s := range samples {
		all = append(all, strings.TrimPrefix(fmt.Sprintf("%s %s %v", s.Metric.Prometheus(), strings.Join(s.Labels, ","), s.Value), "chatlake_"))
	}
	slices.Sort(all)
	return all
}

func expect(t *testing.T, samples []telemetry.Sample, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, lines(samples)); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}

func at(minute int) time.Time { return time.Unix(int64(60*minute), 0) }

func TestSamplesOfTheLake(t *testing.T) {
	gap := inspect.Gap{Account: "acme", Stream: schemas.StreamCreated}
	watermark := at(5)
	f := inspect.Freshness{
		Account: "acme", Watermark: &watermark, ToGo: &schemas.Window{From: at(0), To: at(2)}, Gaps: []inspect.Gap{gap, gap},
		Accepted:  []inspect.AcceptedGap{{Gap: gap}},
		Skipped:   []inspect.SkippedWindow{{Gap: inspect.Gap{Account: "acme", Stream: schemas.StreamChanges}}},
		Verified:  &inspect.LastVerify{At: at(3), Whole: true},
		Announced: &inspect.Announced{Pushed: 7, Late: 2, Missed: 1, Until: at(4)},
		Retained: inspect.Retained{
			Lost:     []inspect.Lost{{Gap: gap}},
			Expiring: []inspect.Expiring{{Gap: gap, Deadline: at(9)}, {Gap: gap, Deadline: at(8)}},
		},
	}
	expect(t, ofLake([]inspect.Freshness{f}),
		"account_watermark_timestamp_seconds acme 300", "account_history_remaining_seconds acme 120",
		"account_gaps acme,created 2", "account_gaps acme,changes 0", "account_gaps acme,reports 0",
		"account_gaps_accepted acme,created 1", "account_gaps_accepted acme,changes 0", "account_gaps_accepted acme,reports 0",
		"account_windows_skipped acme,created 0", "account_windows_skipped acme,changes 1", "account_windows_skipped acme,reports 0",
		"account_losses acme,created 1", "account_losses acme,changes 0", "account_losses acme,reports 0",
		"account_retention_deadline_timestamp_seconds acme 480",
		"account_push_changes acme,pushed 7", "account_push_changes acme,late 2", "account_push_changes acme,missed 1",
		"account_push_compared_timestamp_seconds acme 240",
		"account_verify_timestamp_seconds acme 180", "account_verify_whole acme 1",
	)
}

// TestSamplesOfTheWork has two exports of an account under way, whose windows are added up.
func TestSamplesOfTheWork(t *testing.T) {
	c := worker.Config{Accounts: map[string]worker.AccountConfig{"acme": {RequestsPerSecond: 5}, "idle": {RequestsPerSecond: 3}}}
	until, last, deadline := time.Now().Add(time.Hour).Truncate(time.Second), at(1), at(2)
	wait := operate.Wait{Waiting: workflows.Waiting{For: workflows.ForPlatform, Until: &until}, Windows: 2}
	export := func(p operate.Snapshot) operate.Stray {
		return operate.Stray{Kind: operate.KindExport, Account: "acme", Progress: &p}
	}
	v := operate.Vitals{
		Schedules: []operate.Upkeep{
			{Schedule: operate.Schedule{Account: "acme", Kind: operate.KindSync, Last: &last, Missed: 4}, Ended: &operate.Ended{State: workflows.StateComplete}},
			{Schedule: operate.Schedule{Account: "acme", Kind: operate.KindSettle, Paused: true}, Ended: &operate.Ended{State: workflows.StateFailed}},
		},
		Runs: []operate.Stray{
			export(operate.Snapshot{Windows: 9, Done: 3, InFlight: 2, Account: 4, Waiting: []operate.Wait{wait}, Deadline: &deadline}),
			export(operate.Snapshot{Windows: 4, Done: 1, InFlight: 1, Account: 4, Blocked: []workflows.BlockedShard{{Kind: "Denied"}}}),
			{Kind: operate.KindSettle, Account: "acme", Waiting: &operate.Wait{Waiting: workflows.Waiting{For: workflows.ForWorker}}},
		},
		Quotas: []operate.Quota{{Account: "acme", Name: "reports", Left: 0}},
	}
	expect(t, ofWork(c, v),
		"account_request_limit acme 4", "account_request_limit idle 3",
		"schedule_last_run_timestamp_seconds acme,sync 60", "schedule_last_run_complete acme,sync 1", "schedule_paused acme,sync 0", "schedule_missed acme,sync 4",
		"schedule_last_run_complete acme,settle 0", "schedule_paused acme,settle 1", "schedule_missed acme,settle 0",
		"run_windows acme,export,done 4", "run_windows acme,export,in_flight 3", "run_windows acme,export,not_begun 6",
		"run_blocked acme,export,Denied 1",
		"run_waiting acme,export,platform 2", "run_waiting acme,settle,worker 1",
		fmt.Sprintf("run_waiting_until_timestamp_seconds acme,export,platform %v", float64(until.Unix())),
		"run_retention_deadline_timestamp_seconds acme,export 120",
		"account_quota_remaining acme,reports 0",
	)
}

// TestFailedLooks checks that a failure is logged once, and that the values stay while their time stands still.
func TestFailedLooks(t *testing.T) {
	shown, err := telemetry.Start(t.Context(), telemetry.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer shown.Stop()
	var said strings.Builder
	fails := errors.New("no answer")
	l := looker{name: "lake", every: time.Minute, to: shown, log: slog.New(slog.NewTextHandler(&said, nil)), look: func(context.Context) ([]telemetry.Sample, error) {
		return []telemetry.Sample{telemetry.NewSample(telemetry.Gaps, 1, "acme", "created")}, fails
	}}
	l.once(t.Context())
	l.once(t.Context())
	fails = nil
	l.once(t.Context())
	l.once(t.Context())
	if got := strings.Count(said.String(), "level="); got != 2 || !strings.Contains(said.String(), "no answer") || !strings.Contains(said.String(), "up to date again") {
		t.Errorf("the log has %d lines, want one for the failure and one for its end:\n%s", got, said.String())
	}
}

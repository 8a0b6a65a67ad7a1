package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/workflows"
)

func TestAlertTexts(t *testing.T) {
	all := operate.Alerts{Running: true, AlertsProgress: workflows.AlertsProgress{
		LookedAt: *at(20, 12, 0), Unread: []string{"stale", "loss"},
		Alerts: []workflows.Alert{
			{AlertState: activities.AlertState{AlertName: activities.AlertName{Kind: "blocked", Account: "acme", About: "sync Denied"}, Count: 1}, Since: *at(20, 11, 0), Firing: true, AcknowledgedAt: *at(20, 11, 30)},
			{AlertState: activities.AlertState{AlertName: activities.AlertName{Kind: "stale", Account: "acme"}}, Since: *at(20, 11, 59)}, // too short
		},
		Receivers: []workflows.AlertReceiver{
			{Name: "ops", Sent: 2, SentAt: *at(20, 11, 5), Waiting: make([]activities.SendAlertInput, 1), Failures: 3, Failure: "it answers 503", Retry: *at(20, 12, 4)},
			{Name: "team", Dropped: 1},
		},
	}}
	var got bytes.Buffer
	if err := writeAlerts(&got, all); err != nil {
		t.Fatal(err)
	}
	want := "blocked/acme/sync Denied (page, since 2026-05-20 11:00:00 UTC, acknowledged)\n" +
		"  1 window of acme (sync) must wait for a person: Denied.\n" +
		"  Nothing is lost meanwhile. `chatlake status --account acme` says what to do, and `chatlake resume` tries again. (docs/runbook.md#blocked)\n" +
		"receiver ops: 2 events sent, the last 2026-05-20 11:05:00 UTC; 1 event not delivered: it answers 503 (3 failures in a row); next try 2026-05-20 12:04:00 UTC\n" +
		"receiver team: 0 events sent; 1 event dropped, because too many waited\n" +
		"last look: 2026-05-20 12:00:00 UTC; nothing is known of stale and loss\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAlertCommands lists the alerts of a worker, and looks for the secrets of receivers in everything that it leaves.
func TestAlertCommands(t *testing.T) {
	const key, hook = "bm9ib2R5IGtub3dzIHRoaXMgdmVyeSBsb25nIGtleQ==", "http://127.0.0.1:9/services/canary-hook"
	t.Setenv("CHATLAKE_TEST_ALERTS", "whsec_"+key)
	t.Setenv("CHATLAKE_TEST_SLACK", hook)
	config := syncing(t, "{every: 15m}", site(t, 5, 0, nil))
	run := func(args ...string) (string, int) {
		out, log, status := chatlake(t, append([]string{"alerts"}, append(args, "--config", config)...)...)
		return out + log, status
	}
	text, status := run("list")
	expect(t, "list without a section", status, exitUsage, text, "has no section alerts")
	file, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("alerts: {receivers: {ops: {url: 'http://127.0.0.1:9/hook', secret: env:CHATLAKE_TEST_ALERTS}, team: {slack: env:CHATLAKE_TEST_SLACK}}}\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	text, status = run("list")
	expect(t, "list without a worker", status, exitFailed, text, "Nobody sends alerts")

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	working, ended := make(chan struct{}, 1), make(chan string, 1)
	go func() {
		out, log, _ := chatlakeUntil(ctx, func(text string) {
			if strings.Contains(text, `"msg":"working"`) {
				select {
				case working <- struct{}{}:
				default:
				}
			}
		}, "worker", "--config", config)
		ended <- out + log
	}()
	select {
	case <-working:
	case text := <-ended:
		t.Fatalf("the worker ended:\n%s", text)
	}
	for text = ""; !strings.Contains(text, "last look: 2"); text, status = run("list") {
		if ctx.Err() != nil {
			t.Fatalf("nothing is looked at:\n%s", text)
		}
	}
	expect(t, "list", status, exitComplete, text, "Nothing fires.\n", "receiver ops: 0 events sent\n", "receiver team: 0 events sent\n")
	text, status = run("ack", "stale/acme")
	expect(t, "ack what does not fire", status, exitUsage, text, "no alert named stale/acme fires")
	text, status = run("ack", "--all")
	expect(t, "ack all", status, exitComplete, text, "Nothing fires, so there is nothing to acknowledge.")
	out, log, status := chatlake(t, "status", "--config", config)
	expect(t, "status", status, exitComplete, out+log, "alerts: none fires\n")
	cancel()
	said := <-ended

	histories := 0
	err = filepath.WalkDir(filepath.Dir(filepath.Dir(config)), func(name string, entry fs.DirEntry, err error) error { // the folders of the test
		if err != nil || entry.IsDir() {
			return err
		}
		found, err := os.ReadFile(name)
		histories += bytes.Count(found, []byte("SendAlerts"))
		for _, secret := range []string{key, "canary-hook"} {
			if bytes.Contains(found, []byte(secret)) || strings.Contains(said, secret) {
				t.Errorf("%s or the log has a secret of a receiver", name)
			}
		}
		return err
	})
	if err != nil || histories == 0 {
		t.Fatalf("%d places in histories were looked at, error %v", histories, err)
	}

	t.Setenv("CHATLAKE_TEST_ALERTS", "whsec_short")
	t.Setenv("CHATLAKE_TEST_SLACK", "http://hooks.example.com/canary-hook")
	out, log, status = chatlake(t, "worker", "--config", config)
	expect(t, "a worker with wrong secrets", status, exitUsage, out+log,
		"alerts.receivers.ops.secret: is not a key of Standard Webhooks", "alerts.receivers.team.slack: refers to a value that is no address of a webhook")
	if strings.Contains(out+log, "canary-hook") || strings.Contains(out+log, "short") {
		t.Errorf("the problems repeat a secret: %s", out+log)
	}
}

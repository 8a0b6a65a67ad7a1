package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/operate"
)

var update = flag.Bool("update", false, "write the golden files anew")

// syncing makes a configuration file whose account is kept up to date.
func syncing(t *testing.T, sync string, site ...string) string {
	t.Helper()
	name := write(t, append(site, "http://127.0.0.1:1")[0], t.TempDir(), t.TempDir())
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "rate: {", "sync: "+sync+", rate: {", 1)
	if err := os.WriteFile(name, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestScheduleCommands(t *testing.T) {
	t.Parallel()
	config := syncing(t, "{every: 15m, from: 2025-01-01}")
	command := func(args ...string) []string {
		return append([]string{"schedule"}, append(args, "--config", config)...)
	}
	out, log, status := chatlake(t, command("apply", "--dry-run")...)
	expect(t, "apply --dry-run", status, exitComplete, out+log, "sync/acme: would be created\n", "4 schedules: 4 created. Nothing was done.\n")
	out, log, status = chatlake(t, command("apply")...)
	expect(t, "apply", status, exitComplete, out+log, "history/acme: created\n", "4 schedules: 4 created.\n")
	out, log, status = chatlake(t, command("apply")...)
	expect(t, "apply again", status, exitComplete, out+log, "4 schedules: 4 unchanged.\n")
	out, log, status = chatlake(t, command("pause", "--all", "--note", "moving house")...)
	expect(t, "pause", status, exitComplete, out+log, "sync/acme: paused\n", "maintain/acme: paused\n")
	out, log, status = chatlake(t, command("list")...)
	expect(t, "list", status, exitComplete, out+log, "every 15m", "paused", "moving house")
	out, log, status = chatlake(t, command("resume", "sync/acme")...)
	expect(t, "resume", status, exitComplete, out+log, "sync/acme: resumed\n")
	out, log, status = chatlake(t, command("describe", "sync/acme", "--output", "json")...)
	expect(t, "describe", status, exitComplete, out+log, `"name": "lag"`, `"paused": false`)
	out, log, status = chatlake(t, command("trigger", "sync/acme")...)
	expect(t, "trigger", status, exitComplete, out+log, "sync/acme: started\n")
	out, log, status = chatlake(t, command("pause", "sync/nobody")...)
	expect(t, "pause what is not there", status, exitUsage, out+log, "there is no schedule sync/nobody; `chatlake schedule apply` makes")
	out, log, status = chatlake(t, command("pause")...)
	expect(t, "pause nothing", status, exitUsage, out+log, "say which schedules: ids such as sync/acme, or --account <name>, or --all")
	out, log, status = chatlake(t, command("delete", "sync/acme", "--all")...)
	expect(t, "delete in two ways", status, exitUsage, out+log, "say which schedules")
	out, log, status = chatlake(t, command("delete", "--all")...)
	expect(t, "delete", status, exitComplete, out+log, "settle/acme: deleted\n")
}

// TestScheduleTexts compares what the commands print with golden files.
func TestScheduleTexts(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	all := []operate.Schedule{
		{
			ID: "sync/acme", Account: "acme", Kind: operate.KindSync, Times: "every 15m", Next: &at, Last: &at, LastRun: "sync/acme-2026-05-01T12:00:00Z",
			Settings: []operate.Setting{{Name: "times", Value: "every 15m"}, {Name: "lag", Value: "2m"}}, Actions: 40, Skipped: 2, Missed: 1, Build: "0.3.0",
		},
		{ID: "settle/acme", Account: "acme", Kind: operate.KindSettle, Times: "every 1h, 7m past", Paused: true, Note: "moving house", Build: "0.3.0"},
		{ID: "history/acme", Account: "acme", Kind: operate.KindHistory, Times: "every day at 00:20 UTC", Running: []string{"history/acme-2026-05-01T00:20:00Z"}, Build: "0.3.0"},
	}
	changes := []operate.Change{
		{ID: "sync/acme", Action: operate.Created},
		{ID: "sync/beta", Action: operate.Changed, Differs: []operate.Difference{{Name: "times", Was: "every 15m", Is: "every 10m"}}},
		{ID: "settle/beta", Action: operate.Unchanged},
		{ID: "sync/old", Action: operate.Deleted},
		{ID: "settle/old", Action: operate.Kept},
	}
	conflict := &operate.ConflictError{Changes: []operate.Change{
		{ID: "sync/beta", By: "0.3.0", Differs: []operate.Difference{{Name: "times", Was: "every 15m", Is: "every 10m"}, {Name: "task queue", Was: "other", Is: "chatlake"}}},
	}}
	var out bytes.Buffer
	for _, print := range []func() error{
		func() error { return writeSchedules(&out, all) },
		func() error { return writeDescribed(&out, all) },
		func() error { return writeChanges(&out, changes, false) },
		func() error { return writeChanges(&out, changes, true) },
		func() error { return writeChanges(&out, nil, false) },
		func() error { return writeOrdered(&out, all[:1], "paused", "paused already") },
		func() error { return writeOrdered(&out, nil, "paused", "paused already") },
	} {
		if err := print(); err != nil {
			t.Fatal(err)
		}
		out.WriteString("--\n")
	}
	out.WriteString(conflictText(conflict) + "\n")
	golden := filepath.Join("testdata", "schedule.txt")
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

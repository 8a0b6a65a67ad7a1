package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

func TestExportInput(t *testing.T) {
	one := worker.Config{Accounts: map[string]worker.AccountConfig{"acme": {}}}
	two := worker.Config{Accounts: map[string]worker.AccountConfig{"acme": {}, "beta": {}}}
	day := func(month time.Month, day int) time.Time { return time.Date(2025, month, day, 0, 0, 0, 0, time.UTC) }
	now := day(6, 15).Add(13 * time.Hour)
	tests := []struct {
		name   string
		config worker.Config
		flags  exportFlags
		want   workflows.ExportInput
		err    string // a part of it
	}{
		{
			"days", one, exportFlags{account: "acme", from: "2025-01-01", to: "2025-02-01"},
			workflows.ExportInput{Account: "acme", Name: "2025-01-01_2025-02-01", From: day(1, 1), To: day(2, 1)}, "",
		}, {
			"up to today, the only account", one, exportFlags{from: "2025-01-01"},
			workflows.ExportInput{Account: "acme", Name: "2025-01-01_2025-06-15", From: day(1, 1), To: day(6, 15)}, "",
		}, {
			"times", one, exportFlags{from: "2025-01-01T02:00:00+02:00", to: "2025-01-01T12:30:00Z", window: "day"},
			workflows.ExportInput{
				Account: "acme", Name: "2025-01-01_20250101T123000Z", From: day(1, 1), To: day(1, 1).Add(12*time.Hour + 30*time.Minute), Window: "day",
			}, "",
		}, {
			"once more", one, exportFlags{from: "2025-01-01", to: "2025-02-01", name: "again", refresh: true},
			workflows.ExportInput{Account: "acme", Name: "again", From: day(1, 1), To: day(2, 1), Refresh: "2025-06-15T13:00:00Z"}, "",
		},
		{"which account", two, exportFlags{from: "2025-01-01"}, workflows.ExportInput{}, "--account is missing; the configuration has acme and beta"},
		{"no such account", two, exportFlags{account: "acne", from: "2025-01-01"}, workflows.ExportInput{}, "there is no account acne; the configuration has acme and beta"},
		{"no beginning", one, exportFlags{}, workflows.ExportInput{}, "--from is missing"},
		{"no day", one, exportFlags{from: "2025-13-01"}, workflows.ExportInput{}, `--from: "2025-13-01" is not a day`},
		{"an empty range", one, exportFlags{from: "2025-02-01", to: "2025-02-01"}, workflows.ExportInput{}, "the range is empty"},
		{"from the future", one, exportFlags{from: "2025-07-01"}, workflows.ExportInput{}, "--from 2025-07-01 is not before --to 2025-06-15"},
		{"no such window", one, exportFlags{from: "2025-01-01", window: "year"}, workflows.ExportInput{}, `--window must be month, week or day, not "year"`},
		{"a name with a slash", one, exportFlags{from: "2025-01-01", name: "../x"}, workflows.ExportInput{}, "--name: name \"../x\": expected at most 200 letters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.flags.input(tt.config, now)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || statusOf(err, true) != exitUsage {
					t.Fatalf("error %v, want one of usage with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBlockedOutcome(t *testing.T) {
	const refused = "list conversations: status 401: access is refused"
	err := blockedOutcome([]workflows.BlockedShard{
		{Shard: "shard/acme/created/a", Kind: "Denied", Detail: refused},
		{Shard: "shard/acme/created/b", Kind: workflows.CountMismatch, Detail: "the provider counts 3 conversations in the window and lists 2"},
		{Shard: "shard/acme/created/c", Kind: "Denied", Detail: refused},
		{Shard: "shard/acme/created/d", Kind: "Denied", Detail: refused},
		{Shard: "shard/acme/created/e", Kind: "Denied", Detail: refused},
	})
	const want = `Blocked: a person must act.
  list conversations: status 401: access is refused
    Fix the account's token or its user's permissions (accounts.<name>.token in the configuration).
    waiting: acme/created/a, acme/created/c and 2 more
  the provider counts 3 conversations in the window and lists 2
    Try again later, or set export.on_mismatch: flag to commit the window with a note.
    waiting: acme/created/b
Then run the command again (or ` + "`chatlake resume`" + `, if a worker runs elsewhere). Nothing is lost meanwhile.`
	if diff := cmp.Diff(want, explain(err)); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if got := statusOf(err, true); got != exitBlocked {
		t.Errorf("exit status %d, want %d", got, exitBlocked)
	}
}

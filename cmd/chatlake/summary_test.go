package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

func month(m time.Month) schemas.Window {
	from := time.Date(2025, m, 1, 0, 0, 0, 0, time.UTC)
	return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
}

func TestReport(t *testing.T) {
	sums := []inspect.TableSum{
		{Table: "messages", Rows: 1234, Files: 2, Bytes: 150_000}, {Table: "conversations", Rows: 90, Files: 1, Bytes: 9_000}, {Table: "events", Rows: 90, Files: 1, Bytes: 500},
	}
	in := workflows.ExportInput{Account: "acme", Name: "q1"}
	out := workflows.ExportOutput{
		From: month(1).From, To: month(3).To, Complete: true,
		Totals: workflows.Totals{Shards: 3, Adopted: 1, Conversations: 90, Messages: 1234, Requests: 321},
	}
	var got bytes.Buffer
	if err := writeReport(&got, in, out, sums, 75*time.Second); err != nil {
		t.Fatal(err)
	}
	const want = `Complete: 90 conversations and 1,234 messages of acme, 2025-01-01 to 2025-04-01, are in the lake.
4 windows in 1 min 15 s: 3 exported, 1 there already; 321 requests, 0 × 429.

           table    rows   files       size
        messages   1,234       2   150.0 kB
   conversations      90       1     9.0 kB
          events      90       1      500 B
             all   1,414       4   159.5 kB
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

// Texts that could not be decrypted stand in the report, in what is incomplete and in the status.
func TestUnreadableIsShown(t *testing.T) {
	out := workflows.ExportOutput{From: month(1).From, To: month(3).To, Complete: true, Totals: workflows.Totals{Unreadable: 1200}}
	var report, status bytes.Buffer
	if err := writeReport(&report, workflows.ExportInput{Account: "acme"}, out, nil, time.Second); err != nil {
		t.Fatal(err)
	}
	err := writeStatus(&status, []operate.Export{{Account: "acme", Name: "a", Result: &out}, {Account: "acme", Name: "b", Progress: &operate.Snapshot{Unreadable: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		report.String():                              "1,200 texts could not be decrypted and are null, which the account allows (allow_unreadable).",
		strings.Split(status.String(), "\n")[0]:      "; 1,200 texts could not be decrypted",
		strings.Split(status.String(), "\n")[1]:      "; 1 text could not be decrypted",
		strings.Split(incomplete(out, nil), "\n")[1]: "  1,200 texts could not be decrypted and are null. Add the private keys to the account's secrets",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
}

func TestIncomplete(t *testing.T) {
	out := workflows.ExportOutput{
		Totals: workflows.Totals{Dead: 1, Flagged: 2}, Gaps: []schemas.Window{month(2)}, Failed: []string{"shard/acme/created/x"},
		Visibility: "partial", Advice: "Use an administrator's token.",
	}
	want := []string{
		"Not everything is in the lake:",
		"  no committed window covers 2025-02-01 to 2025-03-01",
		"  acme/created/x failed; run the command again to retry it",
		"  1 conversation could not be copied; the table dead_letters says which and why",
		"  2 windows committed with a flag: the platform's counts and ours differ; `chatlake verify` lists them",
		"  the token does not see the whole account. Use an administrator's token.",
	}
	if diff := cmp.Diff(want, strings.Split(incomplete(out, nil), "\n")); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

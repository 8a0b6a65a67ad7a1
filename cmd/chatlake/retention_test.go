package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// TestExportOfWhatIsLost: what the platform may have deleted is named before an export, at its end, by status, gap list and verify. Each of
// them gives the command that accepts it, and then the export is complete.
func TestExportOfWhatIsLost(t *testing.T) {
	t.Parallel()
	config := write(t, site(t, 60, 0, nil), t.TempDir(), t.TempDir())
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	keeps := time.Since(time.Date(2025, 3, 15, 0, 0, 0, 0, time.UTC))
	changed := strings.Replace(string(text), "rate: {", fmt.Sprintf("retention: %dh, rate: {", int(keeps.Hours())), 1)
	if err := os.WriteFile(config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	export := []string{"export", "--config", config, "--account", "acme", "--from", "2025-01-01", "--to", "2025-07-01"}

	out, log, status := chatlake(t, export...)
	expect(t, "export", status, exitGaps, out+log, "acme/created: 2025-01-01 to 2025-03-15", "may be lost: the platform keeps conversations for ",
		"they were not copied in that time", "To leave it out: chatlake gap accept", "set accounts.acme.retention", "Done, but not complete", "they were listed only on ")
	out, log, status = chatlake(t, "status", "--config", config)
	expect(t, "status", status, exitComplete, out+log, "incomplete: ", " of its range may be lost to the platform's retention")
	out, log, status = chatlake(t, "verify", "--config", config)
	expect(t, "verify", status, exitGaps, out+log, "lost: acme/created: 2025-01-01 to 2025-03-15", "The lake is not whole.")

	out, log, status = chatlake(t, "gap", "list", "--config", config)
	expect(t, "gap list", status, exitGaps, out+log, "lost: acme/created: ", "To accept that: chatlake gap accept ")
	_, command, _ := strings.Cut(out, "To accept that: chatlake ")
	command, reason, _ := strings.Cut(strings.TrimSpace(command), " --reason ")
	out, log, status = chatlake(t, append(strings.Fields(command), "--reason", strings.Trim(reason, `"`), "--config", config)...)
	expect(t, command, status, exitComplete, out+log, "accepted: acme/created: 2025-01-01 to 2025-03-15", "was listed only after the platform had begun to delete it", ": lost to retention")
	out, log, status = chatlake(t, "verify", "--config", config)
	expect(t, "verify of what is accepted", status, exitComplete, out+log, "accepted: acme/created: ", "The lake is whole.")
	out, log, status = chatlake(t, export...)
	expect(t, "export of what is accepted", status, exitComplete, out+log, "Complete: ", "0 exported, 7 there already")
}

package main

import (
	"strings"
	"testing"
	"time"
)

func TestExportLogs(t *testing.T) {
	t.Parallel()
	config := write(t, site(t, 20, time.Millisecond, nil), t.TempDir(), t.TempDir())
	export := func(args ...string) (string, int) {
		out, log, status := chatlake(t, append([]string{"export", "--config", config, "--from", "2025-01-01", "--to", "2025-07-01"}, args...)...)
		return out + log, status
	}
	text, status := export("--log-level", "info", "--log-format", "text")
	expect(t, "export", status, exitComplete, text, "Complete: ", `level=INFO msg="shard done" workflow=shard/acme/created/20250101T000000Z~20250201T000000Z`)
	text, status = export("--refresh")
	expect(t, "without a level", status, exitComplete, text, "Complete: ")
	if strings.Contains(text, "shard done") {
		t.Errorf("an export logs changes of state that nobody has asked for:\n%s", text)
	}
	text, status = export("--log-level", "loud")
	expect(t, "a wrong level", status, exitUsage, text, "--log-level must be debug, info, warn or error")
}

package main

import (
	"os"
	"sync/atomic"
	"testing"
)

// TestRemap remaps a lake without the account's token, while its platform refuses to answer: this build made the rows, so none changes.
func TestRemap(t *testing.T) {
	var gone atomic.Bool
	config := write(t, site(t, 20, 0, &gone), t.TempDir(), t.TempDir())
	out, log, status := chatlake(t, "export", "--config", config, "--from", "2025-01-01", "--to", "2025-03-01")
	expect(t, "export", status, exitComplete, out+log)
	gone.Store(true)
	if err := os.Unsetenv("CHATLAKE_TEST_TOKEN"); err != nil {
		t.Fatal(err)
	}
	out, log, status = chatlake(t, "lake", "remap", "--config", config, "--from", "2025-02-01", "--dry-run")
	expect(t, "remap --dry-run", status, exitComplete, out+log, "acme/created/20250201T000000Z~20250301T000000Z: generation 1 by ", "Nothing was changed.")
	out, log, status = chatlake(t, "lake", "remap", "--config", config)
	expect(t, "remap", status, exitComplete, out+log, "3 windows: 0 rewritten, 3 unchanged, 0 kept.")
	out, log, status = chatlake(t, "lake", "remap", "--config", config, "--output", "json")
	expect(t, "remap as JSON", status, exitComplete, out+log, `"unchanged": 3`)
	out, log, status = chatlake(t, "lake", "remap", "--config", config, "--account", "none")
	expect(t, "remap of another account", status, exitUsage, out+log, "there is no account none")
	out, log, status = chatlake(t, "verify", "--deep", "--config", config)
	expect(t, "verify", status, exitComplete, out+log, "The lake is whole.")
}

package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLiveDemo: a lake follows accounts that change, with their history beside, and is whole when the demo ends.
func TestLiveDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a server and syncs for a while")
	}
	dir := filepath.Join(t.TempDir(), "live")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // a machine that is too slow for it fails below
	defer cancel()
	fresh := 0
	seen := func(text string) {
		if strings.Contains(text, "fresh to") {
			if fresh++; fresh == 3 {
				cancel()
			}
		}
	}
	out, log, status := chatlakeUntil(ctx, seen, "demo", "--live", "--provider", "chatwoot", "--conversations", "40", "--dir", dir, "--ui=false", "--latency", "0")
	expect(t, "demo --live", status, exitComplete, out+log, "fresh to ", "s behind; ", "Two questions")
	out, log, status = chatlake(t, "verify", "--deep", "--config", filepath.Join(dir, "chatlake.yaml"))
	expect(t, "verify", status, exitComplete, out+log, "The lake is whole")
}

package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestWorkerKeepsAnAccountFresh: one configuration and one process make a lake that stays fresh.
func TestWorkerKeepsAnAccountFresh(t *testing.T) {
	t.Parallel()
	config := syncing(t, "{every: 2s, lag: 1s, settle: []}", site(t, 20, 0, nil))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan string, 1)
	go func() {
		out, log, status := chatlakeUntil(ctx, nil, "worker", "--config", config)
		ended <- out + log
		if status != exitComplete {
			t.Errorf("the worker ended with status %d:\n%s", status, log)
		}
	}()
	check := []string{"status", "--check", "--max-lag", "30s", "--no-gaps", "--config", config}
	var said string
	for deadline := time.Now().Add(90 * time.Second); ; time.Sleep(500 * time.Millisecond) {
		out, log, status := chatlake(t, check...)
		if said = out + log; status == checkOK {
			break
		}
		select {
		case log := <-ended:
			t.Fatalf("the worker ended by itself:\n%s", log)
		default:
		}
		if time.Now().After(deadline) {
			cancel()
			t.Fatalf("still not fresh: %s\nthe worker:\n%s", said, <-ended)
		}
	}
	out, log, status := chatlake(t, "status", "--config", config)
	expect(t, "status", status, exitComplete, out+log, "acme: up to date until ", "sync ", "every 2s; last ")
	out, log, status = chatlake(t, "schedule", "list", "--config", config)
	expect(t, "schedule list", status, exitComplete, out+log, "sync/acme", "maintain/acme")
	cancel()
	if log := <-ended; !strings.Contains(log, `"schedule":"sync/acme"`) {
		t.Errorf("the worker does not say which schedules it has made:\n%s", log)
	}
}

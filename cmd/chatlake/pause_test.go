package main

import (
	"strings"
	"testing"
)

func TestPauseEverything(t *testing.T) {
	t.Parallel()
	config := syncing(t, "{every: 15m}")
	run := func(args ...string) (string, int) {
		out, log, status := chatlake(t, append(args, "--config", config)...)
		return out + log, status
	}
	text, status := run("schedule", "apply")
	expect(t, "apply", status, exitComplete, text, "3 schedules: 3 created.\n")
	text, status = run("schedule", "pause", "settle/acme", "--note", "by itself")
	expect(t, "pause one", status, exitComplete, text, "settle/acme: paused\n")
	text, status = run("pause", "--all", "--note", "moving house")
	expect(t, "pause", status, exitComplete, text, "schedule sync/acme: Paused until `chatlake resume --all`.\n", "schedule maintain/acme: Paused")
	if strings.Contains(text, "settle") {
		t.Errorf("what was paused before is paused again: %s", text)
	}
	text, status = run("schedule", "list")
	expect(t, "list", status, exitComplete, text, "with everything: moving house", "by itself")
	text, status = run("pause", "--all")
	expect(t, "pause again", status, exitUsage, text, "nothing is running")
	text, status = run("resume", "--all", "--output", "json")
	expect(t, "resume", status, exitComplete, text, `"schedule": "sync/acme"`, `"schedule": "maintain/acme"`)
	text, status = run("schedule", "list")
	expect(t, "list", status, exitComplete, text, "by itself")
	if strings.Contains(text, "with everything") {
		t.Errorf("something is still paused: %s", text)
	}
	text, status = run("pause", "--kind", "sync", "--note", "x")
	expect(t, "a note for a run", status, exitUsage, text, "--note needs --all")
}

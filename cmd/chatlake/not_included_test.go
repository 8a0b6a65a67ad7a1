//go:build noembedded

package main

import "testing"

// TestABuildWithoutAServerSaysSo runs commands that would start the server in the process.
func TestABuildWithoutAServerSaysSo(t *testing.T) {
	config := write(t, "http://127.0.0.1:1", t.TempDir(), t.TempDir())
	for _, args := range [][]string{
		{"export", "--config", config, "--from", "2025-01-01"},
		{"worker", "--config", config},
		{"status", "--config", config},
	} {
		out, log, status := chatlake(t, args...)
		expect(t, args[0], status, exitUsage, out+log, "temporal: this build of chatlake contains no Temporal server; set the address of a server")
	}
	t.Chdir(t.TempDir())
	out, log, status := chatlake(t, "demo", "--conversations", "10")
	expect(t, "demo", status, exitUsage, out+log, "or use a build that contains one")
	out, log, status = chatlake(t, "doctor", "--config", config)
	expect(t, "doctor", status, exitBlocked, out+log, "this build of chatlake contains no Temporal server")
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWebhook creates, lists and deletes one, and prints neither its secret nor that of its address.
func TestWebhook(t *testing.T) {
	t.Parallel()
	config := write(t, site(t, 1, 0, nil), t.TempDir(), t.TempDir())
	const hidden = "0123456789abcdef"
	file := filepath.Join(t.TempDir(), "secret")
	run := func(status int, args []string, parts ...string) {
		t.Helper()
		out, log, got := chatlake(t, append([]string{"webhook", "--config", config, "--account", "acme"}, args...)...)
		expect(t, strings.Join(args, " "), got, status, out+log, parts...)
		if strings.Contains(out+log, hidden) || strings.Contains(out+log, "secret-of-webhook") {
			t.Errorf("%v prints a secret:\n%s%s", args, out, log)
		}
	}
	create := []string{"create", "--url", "https://push.example.com/acme/" + hidden, "--secret-file", file}
	run(exitComplete, []string{"list"}, "0 webhooks.")
	run(exitComplete, create, "Webhook 1 is created: conversation_created", "Its secret is in "+file)
	if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "secret-of-webhook") {
		t.Errorf("the file has %q, %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	run(exitUsage, create, "exists already")
	run(exitComplete, create[:3], "Webhook 1 was there already")
	run(exitComplete, []string{"list"}, "1  https://push.example.com/acme/...  with a secret  conversation_created", "1 webhook.")
	run(exitComplete, []string{"list", "--output", "json"}, `"signed": true`, "https://push.example.com/acme/...")
	run(exitComplete, []string{"delete", "1"}, "Webhook 1 is deleted.")
	run(exitFailed, []string{"delete", "1"}, "delete webhook: status 404")
	run(exitUsage, []string{"create", "--url", "push.example.com"}, "--url must be the public address")
	run(exitUsage, []string{"create"}, "--url must be the public address", "receive.public_url")

	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	receives := strings.Replace(string(text), "provider: chatwoot,", "provider: chatwoot, push: {keys: [env:PATH]},", 1) +
		"\nreceive: {listen: 127.0.0.1:8643, public_url: https://push.example.com/}\n"
	if err := os.WriteFile(config, []byte(receives), 0o600); err != nil {
		t.Fatal(err)
	}
	run(exitComplete, []string{"create"}, "Webhook 2 is created")
	run(exitComplete, []string{"list"}, "2  https://push.example.com/push/...")

	ghosts := writeGhosts(t, "http://127.0.0.1:1", "")
	out, log, status := chatlake(t, "webhook", "list", "--config", ghosts)
	expect(t, "giosg", status, exitUsage, out+log, "giosg has no API for this", "docs/webhooks.md")
}

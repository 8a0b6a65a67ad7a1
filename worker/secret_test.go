package worker_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

func withToken(t *testing.T, reference string) worker.Secret {
	t.Helper()
	return load(t, strings.Replace(minimal, "env:TOKEN", reference, 1)).Accounts["acme"].Token
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file:" + file
	}
	t.Setenv("CHATLAKE_TEST_TOKEN", " hunter2\n")
	t.Setenv("CHATLAKE_TEST_EMPTY", "")
	t.Setenv("CHATLAKE_TEST_SPOILED", "\ufeffhunter2")
	const at = "chatlake.yaml:4: accounts.acme.token: "
	tests := []struct{ name, reference, want, problem string }{
		{"variable", "env:CHATLAKE_TEST_TOKEN", "hunter2", ""},
		{"empty variable", "env:CHATLAKE_TEST_EMPTY", "", at + "the environment variable CHATLAKE_TEST_EMPTY is not set; set it to the secret"},
		{"no variable", "env:CHATLAKE_TEST_NONE", "", at + "the environment variable CHATLAKE_TEST_NONE is not set; set it to the secret"},
		{"file", write("token", "hunter2"), "hunter2", ""},
		{"file with lines", write("lines", "hunter2\r\n# rotated in May\n"), "hunter2", ""},
		{"empty file", write("empty", "\n"), "", at + "the first line of " + filepath.Join(dir, "empty") + " is empty; it should hold the secret"},
		{"byte order mark", write("bom", "\ufeffhunter2\n"), "", at + "the first line of " + filepath.Join(dir, "bom") + " begins with a byte order mark; save it as plain UTF-8 without a byte order mark"},
		{"UTF-16", write("utf16", "\xff\xfeh\x00u\x00n\x00\n\x00"), "", at + "the first line of " + filepath.Join(dir, "utf16") + " is UTF-16 or binary; save it as plain UTF-8 without a byte order mark"},
		{"UTF-16 without a mark", write("utf16le", "h\x00u\x00n\x00\n\x00"), "", at + "the first line of " + filepath.Join(dir, "utf16le") + " is UTF-16 or binary; save it as plain UTF-8 without a byte order mark"},
		{"Latin-1", write("latin", "caf\xe9"), "", at + "the first line of " + filepath.Join(dir, "latin") + " is not UTF-8; save it as plain UTF-8 without a byte order mark"},
		{"control character", write("control", "hunt\x1ber2"), "", at + "the first line of " + filepath.Join(dir, "control") + " contains the control character U+001B; write the secret again without it"},
		{"invisible character", write("invisible", "hunter\u200b2"), "", at + "the first line of " + filepath.Join(dir, "invisible") + " contains the invisible character U+200B; write the secret again without it"},
		{"spoiled variable", "env:CHATLAKE_TEST_SPOILED", "", at + "the environment variable CHATLAKE_TEST_SPOILED begins with a byte order mark; save it as plain UTF-8 without a byte order mark"},
		{"no file", "file:" + filepath.Join(dir, "none"), "", at + "the file " + filepath.Join(dir, "none") + " cannot be read: no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := withToken(t, tt.reference).Resolve()
			if got != tt.want {
				t.Errorf("secret %q, want %q", got, tt.want)
			}
			if said := fmt.Sprint(err); err == nil && tt.problem != "" || err != nil && said != tt.problem {
				t.Errorf("error %q, want %q", said, tt.problem)
			}
		})
	}
}

func TestNoReferenceIsNoSecret(t *testing.T) {
	var none worker.Secret
	if value, err := none.Resolve(); value != "" || err != nil || !none.IsZero() {
		t.Errorf("resolved to %q, %v", value, err)
	}
}

// TestSecretsDoNotPrint tries every way in which a configuration may get into a log.
func TestSecretsDoNotPrint(t *testing.T) {
	c := load(t, minimal)
	acme := c.Accounts["acme"]
	acme.Token = worker.Literal("hunter2")
	c.Accounts["acme"] = acme
	if value, err := acme.Token.Resolve(); value != "hunter2" || err != nil {
		t.Fatalf("a literal resolved to %q, %v", value, err)
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("account", "token", acme.Token, "account", acme, "config", c)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"%v": fmt.Sprintf("%v", c), "%+v": fmt.Sprintf("%+v", c), "%#v": fmt.Sprintf("%#v", c),
		"%s": fmt.Sprintf("%s %q", acme.Token, acme.Token), "log": log.String(), "json": string(asJSON),
	} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("%s shows the secret", what)
		}
	}
}

func TestSecretsNamesAllThatAreMissing(t *testing.T) {
	t.Setenv("CHATLAKE_TEST_TOKEN", "hunter2")
	c := load(t, `
lake: {url: "s3://bucket", access_key: env:CHATLAKE_TEST_NONE, secret_key: env:CHATLAKE_TEST_TOKEN}
temporal:
  address: localhost:7233
  api_key: env:CHATLAKE_TEST_NONE
accounts:
  acme: {provider: chatwoot, account_id: 1, token: env:CHATLAKE_TEST_NONE}
  beta: {provider: chatwoot, account_id: 1, token: env:CHATLAKE_TEST_TOKEN}
  gamma: {provider: chatwoot, account_id: 1, token: env:CHATLAKE_TEST_NONE}
`)
	const missing = "the environment variable CHATLAKE_TEST_NONE is not set; set it to the secret"
	want := strings.Join([]string{
		"chatlake.yaml:2: lake.access_key: " + missing,
		"chatlake.yaml:5: temporal.api_key: " + missing,
		"chatlake.yaml:7: accounts.acme.token: " + missing,
	}, "\n")
	if got := fmt.Sprint(c.Secrets("acme", "beta")); got != want {
		t.Errorf("said:\n%s\nwant:\n%s", got, want)
	}
	if err := load(t, strings.Replace(minimal, "env:TOKEN", "env:CHATLAKE_TEST_TOKEN", 1)).Secrets("acme"); err != nil {
		t.Errorf("all secrets are there: %v", err)
	}
}

package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// printed is what nobody may be told.
const printed = "canary7f3a"

// TestForeignWordsAreNotTold runs every command that reaches a lake, a platform or Temporal while each of them quotes secrets, and
// looks for them in all that the command prints.
func TestForeignWordsAreNotTold(t *testing.T) {
	says := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "http://user:"+printed+"@ho st/")
		w.Header().Set("X-Amz-Request-Id", "it is "+printed)
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = io.WriteString(w, printed)
	}))
	defer says.Close()
	spoiled := base64.StdEncoding.EncodeToString([]byte("hello " + printed + `\n{"Version":1,"SecretAccessKey":"` + printed + `"}`))
	profile := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profile, []byte("[profile acme]\nregion = us-east-1\ncredential_process = sh -c 'echo "+spoiled+" | base64 -d'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": profile, "AWS_PROFILE": "acme", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": "true",
		"CHATLAKE_TEST_TOKEN": printed + "-token",
	} {
		t.Setenv(name, value)
	}
	lakes := map[string]string{
		"a credential process": "{url: 's3://bucket/lake'}",
		"a store that quotes":  "{url: 's3://bucket/lake', endpoint: '" + says.URL + "', region: us-east-1, access_key: 'env:CHATLAKE_TEST_TOKEN', secret_key: 'env:CHATLAKE_TEST_TOKEN'}",
	}
	for name, lake := range lakes {
		t.Run(name, func(t *testing.T) {
			config := filepath.Join(t.TempDir(), "chatlake.yaml")
			text := "state_dir: " + t.TempDir() + "\nlake: " + lake + "\ntemporal: {address: '" + says.Listener.Addr().String() +
				"'}\naccounts:\n  acme: {provider: chatwoot, base_url: '" + says.URL + "', account_id: 1, token: 'env:CHATLAKE_TEST_TOKEN'}\n"
			if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{
				"doctor --output json", "doctor", "verify", "verify --output json", "why 1", "lake files", "lake sql", "lake sweep", "lake vacuum", "lake rebuild",
				"export --from 2025-01-01 --to 2025-02-01", "plan --from 2025-01-01 --to 2025-02-01", "worker", "status", "status --output json",
				"pause --name x", "config check",
			} {
				out, log, status := chatlake(t, append(strings.Fields(command), "--config", config)...)
				if strings.Contains(out+log, printed) {
					t.Errorf("%s tells a secret:\n%s%s", command, out, log)
				}
				if status == exitComplete && command != "config check" {
					t.Errorf("%s ended well:\n%s%s", command, out, log)
				}
			}
		})
	}
}

// full refuses to be written to, as a full disk does.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

// TestOutputThatIsLost wants no command to end well whose output nobody has.
func TestOutputThatIsLost(t *testing.T) {
	config := newShelf(t).config
	for _, command := range []string{"version", "version --output json", "config schema", "config check", "lake files --output json", "lake sql", "lake sweep", "verify", "--help"} {
		log := &watched{}
		a := &app{out: full{}, log: log}
		if status := a.run(t.Context(), append([]string{"--config", config}, strings.Fields(command)...)); status != exitFailed || !strings.Contains(log.String(), "write the output: ") {
			t.Errorf("%s: exit status %d, %s", command, status, log)
		}
	}
}

package worker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

func TestTLSFilesThatCannotBeUsed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	some, marked := filepath.Join(t.TempDir(), "some.pem"), filepath.Join(t.TempDir(), "marked.pem")
	for file, text := range map[string]string{some: "", marked: "\ufeff"} {
		if err := os.WriteFile(file, []byte(text+"-----BEGIN X-----\nAAAA\n-----END X-----\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for tls, want := range map[string]string{
		"ca_file: nowhere.pem":                       "chatlake.yaml:3: temporal.tls.ca_file: cannot be read",
		"ca_file: " + empty:                          "chatlake.yaml:3: temporal.tls.ca_file: is not in PEM form",
		"cert_file: " + empty + ", key_file: a.pem":  "chatlake.yaml:3: temporal.tls.cert_file: is not in PEM form",
		"cert_file: " + some + ", key_file: a.pem":   "chatlake.yaml:3: temporal.tls.key_file: cannot be read",
		"cert_file: " + some + ", key_file: " + some: "chatlake.yaml:3: temporal.tls.cert_file: cannot be used together with key_file",
		"ca_file: " + some:                           "chatlake.yaml:3: temporal.tls.ca_file: contains no certificate",
		"ca_file: " + marked:                         "chatlake.yaml:3: temporal.tls.ca_file: begins with a byte order mark",
	} {
		c, err := worker.Parse("chatlake.yaml", []byte("lake: {url: file:./lake}\ntemporal:\n  {address: \"127.0.0.1:1\", tls: {"+tls+`}}
accounts:
  acme: {provider: chatwoot, account_id: 1, token: env:TOKEN}
`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := worker.Connect(t.Context(), c, worker.ConnectOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tls {%s}: error %v, want %q", tls, err, want)
		}
	}
}

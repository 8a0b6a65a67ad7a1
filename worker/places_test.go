package worker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

// TestPlacesThatAreNotMeant wants errors for settings that would send secrets unencrypted, and for paths that a shell would have expanded.
func TestPlacesThatAreNotMeant(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	const open = "allow_plaintext: true to the "
	account := func(more string) string {
		return "lake: {url: 'file:lake'}\naccounts:\n  acme: {provider: chatwoot, account_id: 1, token: 'env:T'" + more + "}\n"
	}
	lake := func(more string) string {
		return "lake: {" + more + "}\naccounts:\n  acme: {provider: chatwoot, account_id: 1, token: 'env:T'}\n"
	}
	temporal := func(more string) string { return "temporal: {" + more + "}\n" + account("") }
	for _, test := range []struct{ text, want string }{
		{account(", base_url: 'http://chat.example.com'"), "3: accounts.acme.base_url: the account's credentials and all conversations would go to chat.example.com unencrypted"},
		{account(", base_url: 'HTTP://chat.example.com'"), open + "account"},
		{account(", base_url: 'http://127.0.0.1.example.com'"), open + "account"},
		{account(", base_url: 'http://10.0.0.1:3000'"), open + "account"},
		{account(", base_url: 'http://chat.example.com', allow_plaintext: true"), ""},
		{account(", base_url: 'http://localhost:3000'"), ""},
		{account(", base_url: 'http://127.0.0.2:3000'"), ""},
		{account(", base_url: 'http://[::1]:3000'"), ""},
		{account(", base_url: 'https://chat.example.com'"), ""},
		{lake("url: 's3://b', endpoint: 'http://s3:9000', access_key: 'env:A', secret_key: 'env:B'"), "1: lake.endpoint: the lake's keys and all conversations would go to s3:9000 unencrypted"},
		{lake("url: 's3://b', endpoint: 'http://s3:9000', allow_plaintext: true"), ""},
		{lake("url: 's3://b', endpoint: 'http://localhost:9000'"), ""},
		{temporal("address: 'temporal.example.com:7233', api_key: 'env:K', tls: {enabled: false}"), "1: temporal.tls.enabled: the API key would go to temporal.example.com unencrypted"},
		{temporal("address: 'temporal.example.com:7233', api_key: 'env:K', tls: {enabled: false}, allow_plaintext: true"), ""},
		{temporal("address: 'temporal.example.com:7233', api_key: 'env:K'"), ""},
		{temporal("address: 'localhost:7233', api_key: 'env:K', tls: {enabled: false}"), ""},
		{temporal("address: 'temporal.example.com:7233'"), ""},

		{lake("url: 'file:~/lake'"), "1: lake.url: begins with ~, which is not expanded here; write the full path: file:" + filepath.Join(home, "lake")},
		{lake("url: 'file://~/lake'"), "write the full path: file://" + filepath.Join(home, "lake")},
		{lake("url: 'file:${HOME}/lake'"), "1: lake.url: contains ${HOME}, but variables are not expanded here"},
		{lake("url: 's3://$BUCKET/lake'"), "1: lake.url: contains $BUCKET"},
		{lake("url: 'file:%USERPROFILE%/lake'"), "1: lake.url: contains %USERPROFILE%"},
		{lake("url: 's3://me:hunter2@bucket/lake'"), "1: lake.url: contains a login"},
		{lake("url: 's3://b', endpoint: 'https://me:hunter2@s3.example.com'"), "1: lake.endpoint: contains a login"},
		{"state_dir: ~/state\n" + account(""), "1: state_dir: begins with ~"},
		{"state_dir: ${STATE}\n" + account(""), "1: state_dir: contains ${STATE}"},
		{strings.Replace(account(""), "env:T", "file:~/token", 1), "3: accounts.acme.token: begins with ~, which is not expanded here; write the full path: file:" + filepath.Join(home, "token")},
		{temporal("address: 'localhost:7233', tls: {ca_file: '~/ca.pem'}"), "1: temporal.tls.ca_file: begins with ~"},
		{temporal("address: 'localhost:7233', tls: {cert_file: '$X/c.pem', key_file: '$X/k.pem'}"), "1: temporal.tls.key_file: contains $X"},
		{account(", base_url: 'https://${HOST}'"), "3: accounts.acme.base_url: contains ${HOST}"},
		{lake("url: 'file:lake~1/a$'"), ""},
	} {
		_, err := worker.Parse("chatlake.yaml", []byte(test.text))
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.text, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: error %v, want %q", test.text, err, test.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the login is repeated: %v", test.text, err)
		}
	}
}

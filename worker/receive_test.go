package worker_test

import (
	"strings"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

// TestReceiveProblems reads wrong sections receive and push.
func TestReceiveProblems(t *testing.T) {
	for name, test := range map[string]struct{ receive, push, key, says string }{
		"right":                    {"listen: '127.0.0.1:8643'", "keys: [env:K]", "", ""},
		"with everything":          {"{listen: ':8643', public_url: 'https://x.example.com/', tls: {cert_file: a, key_file: b}, spool: s}", "{trust: hint, keys: [env:K, 'file:k'], paths: [env:P]}", "", ""},
		"no receive":               {"", "keys: [env:K]", "accounts.acme.push", "without a section receive"},
		"no push":                  {"listen: '127.0.0.1:8643'", "", "receive", "no account has a section push"},
		"no listen":                {"public_url: https://x", "keys: [env:K]", "receive.listen", "missing"},
		"no port":                  {"listen: localhost", "keys: [env:K]", "receive.listen", "expected an address and a port"},
		"a strange port":           {"listen: '127.0.0.1:http'", "keys: [env:K]", "receive.listen", "expected an address and a port"},
		"open without TLS":         {"listen: ':8643'", "keys: [env:K]", "receive.listen", "without TLS"},
		"open on purpose":          {"{listen: ':8643', allow_plaintext: true}", "keys: [env:K]", "", ""},
		"half a certificate":       {"{listen: ':8643', tls: {cert_file: a}}", "keys: [env:K]", "receive.tls.key_file", "missing"},
		"a public http address":    {"{listen: '127.0.0.1:1', public_url: 'http://x.example.com'}", "keys: [env:K]", "receive.public_url", "expected the https address"},
		"a public query":           {"{listen: '127.0.0.1:1', public_url: 'https://x.example.com?a=b'}", "keys: [env:K]", "receive.public_url", "without a query"},
		"signed without keys":      {"listen: '127.0.0.1:1'", "trust: signed", "accounts.acme.push", "needs keys"},
		"a path for nothing":       {"listen: '127.0.0.1:1'", "{keys: [env:K], paths: [env:P]}", "accounts.acme.push.paths", "only with trust: hint"},
		"a hint without a path":    {"listen: '127.0.0.1:1'", "{trust: hint, keys: [env:K]}", "accounts.acme.push", "needs paths"},
		"a secret, not a name":     {"listen: '127.0.0.1:1'", "keys: [s3cr3t]", "accounts.acme.push.keys.0", "expected a reference"},
		"another trust":            {"listen: '127.0.0.1:1'", "trust: blind", "accounts.acme.push.trust", "expected"},
		"no keys in the list":      {"listen: '127.0.0.1:1'", "keys: []", "accounts.acme.push.keys", "expected a list"},
		"an unknown key":           {"{listen: '127.0.0.1:1', port: 5}", "keys: [env:K]", "receive.port", "unknown key"},
		"an unknown key of push":   {"listen: '127.0.0.1:1'", "{keys: [env:K], secret: x}", "accounts.acme.push.secret", "unknown key"},
		"receive is not a section": {"8643", "keys: [env:K]", "receive", "expected a section"},
	} {
		flow := func(text string) string {
			if text != "" && !strings.HasPrefix(text, "{") && strings.Contains(text, ":") {
				return "{" + text + "}"
			}
			return text
		}
		file := "lake: {url: 'file:lake'}\n"
		if test.receive != "" {
			file += "receive: " + flow(test.receive) + "\n"
		}
		file += "accounts:\n  acme:\n    provider: chatwoot\n    account_id: 1\n    token: env:T\n"
		if test.push != "" {
			file += "    push: " + flow(test.push) + "\n"
		}
		c, err := worker.Parse("chatlake.yaml", []byte(file))
		problems, _ := err.(worker.Problems)
		switch {
		case test.key == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.key == "" && name == "with everything":
			if c.PushURL("acme") != "https://x.example.com/push/acme" || c.Spool() != "s" || len(c.Accounts["acme"].Push.Keys) != 2 {
				t.Errorf("%s: %+v, %s, %s", name, c.Receive, c.PushURL("acme"), c.Spool())
			}
		case test.key != "" && (len(problems) != 1 || problems[0].Key != test.key || !strings.Contains(problems[0].Reason, test.says) || problems[0].Line == 0):
			t.Errorf("%s: %v, want %s: %s", name, err, test.key, test.says)
		}
	}
}

// TestReceiverRefusesSecrets opens receivers whose secrets cannot be used.
func TestReceiverRefusesSecrets(t *testing.T) {
	for name, test := range map[string]struct{ provider, push, key, says string }{
		"not set":              {"chatwoot", "keys: [env:NO_SUCH_KEY]", "accounts.acme.push.keys.0", "is not set"},
		"short":                {"chatwoot", "keys: [env:GOOD_KEY, env:SHORT_KEY]", "accounts.acme.push.keys.1", "shorter than 16"},
		"no public key":        {"freshchat", "keys: [env:GOOD_KEY]", "accounts.acme.push.keys.0", "RSA public key"},
		"a path with a dot":    {"chatwoot", "{trust: hint, paths: [env:DOTTED]}", "accounts.acme.push.paths.0", "letters, digits"},
		"a path that is short": {"chatwoot", "{trust: hint, paths: [env:SHORT_KEY]}", "accounts.acme.push.paths.0", "16 to 128"},
	} {
		t.Setenv("GOOD_KEY", "0123456789abcdef0123456789")
		t.Setenv("SHORT_KEY", "short")
		t.Setenv("DOTTED", "0123456789abcdef/../0123456789")
		push := test.push
		if !strings.HasPrefix(push, "{") {
			push = "{" + push + "}"
		}
		file := "lake: {url: 'file:lake'}\nstate_dir: " + t.TempDir() + "\nreceive: {listen: '127.0.0.1:65500'}\naccounts:\n  acme:\n    provider: " + test.provider +
			"\n    base_url: https://x.example.com/v2\n    account_id: 1\n    token: env:T\n    push: " + push + "\n"
		c, err := worker.Parse("chatlake.yaml", []byte(file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, err = worker.OpenReceiver(c, nil, nil)
		problems, _ := err.(worker.Problems)
		if len(problems) != 1 || problems[0].Key != test.key || !strings.Contains(problems[0].Reason, test.says) || problems[0].Line == 0 {
			t.Errorf("%s: %v, want %s: %s", name, err, test.key, test.says)
		}
		if strings.Contains(err.Error(), "0123456789abcdef") || strings.Contains(err.Error(), `"short"`) {
			t.Errorf("%s: the error contains a secret: %v", name, err)
		}
	}
}

package worker

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"

	"github.com/chatlake/chatlake/internal/ledger"
)

// checkPlaintext refuses to send credentials and conversations over a network unencrypted, section by section.
func (c Config) checkPlaintext() (problems Problems) {
	if endpoint, ok := plaintextHost(c.Lake.Endpoint); ok && !c.Lake.AllowPlaintext {
		problems = append(problems, c.Problem("lake.endpoint", plaintextProblem(endpoint, "the lake's keys and all conversations", "https", "lake section")))
	}
	if p, ok := c.plaintextTemporal(); ok {
		problems = append(problems, p)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Accounts)) {
		if p, ok := c.plaintextAccount(name); ok {
			problems = append(problems, p)
		}
	}
	return problems
}

func (c Config) plaintextAccount(name string) (Problem, bool) {
	a := c.Accounts[name]
	host, ok := plaintextHost(a.BaseURL)
	if !ok || a.AllowPlaintext {
		return Problem{}, false
	}
	return c.Problem("accounts."+name+".base_url", plaintextProblem(host, "the account's credentials and all conversations", "https", "account")), true
}

func (c Config) plaintextTemporal() (Problem, bool) {
	t := c.Temporal
	if t == nil || t.APIKey.IsZero() || t.TLS.Enabled || t.AllowPlaintext {
		return Problem{}, false
	}
	host, _, err := net.SplitHostPort(t.Address)
	if err != nil || ledger.IsLoopback(host) {
		return Problem{}, false // the schema reports an invalid address
	}
	return c.Problem("temporal.tls.enabled", plaintextProblem(host, "the API key", "TLS (remove this key)", "temporal section")), true
}

func plaintextProblem(host, what, instead, section string) string {
	return fmt.Sprintf("%s would go to %s unencrypted, readable by anyone on the network; use %s, or add allow_plaintext: true to the %s if you trust that network",
		what, host, instead, section)
}

// plaintextHost returns the host of a URL if it is plain http to another machine.
func plaintextHost(text string) (host string, open bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Host == "" || ledger.IsLoopback(u.Hostname()) {
		return "", false
	}
	return u.Host, true
}

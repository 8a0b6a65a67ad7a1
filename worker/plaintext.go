package worker

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"

	"github.com/chatlake/chatlake/internal/ledger"
)

// checkPlaintext refuses to send credentials and conversations over a network in the open, section by section.
func (c Config) checkPlaintext() (problems Problems) {
	if endpoint, ok := inTheOpen(c.Lake.Endpoint); ok && !c.Lake.AllowPlaintext {
		problems = append(problems, c.Problem("lake.endpoint", openly(endpoint, "the lake's keys and all conversations", "https", "lake")))
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
	host, ok := inTheOpen(a.BaseURL)
	if !ok || a.AllowPlaintext {
		return Problem{}, false
	}
	return c.Problem("accounts."+name+".base_url", openly(host, "the account's credentials and all conversations", "https", "account")), true
}

func (c Config) plaintextTemporal() (Problem, bool) {
	t := c.Temporal
	if t == nil || t.APIKey.IsZero() || t.TLS.Enabled || t.AllowPlaintext {
		return Problem{}, false
	}
	host, _, err := net.SplitHostPort(t.Address)
	if err != nil || ledger.IsLoopback(host) {
		return Problem{}, false // the schema complains of an address that is none
	}
	return c.Problem("temporal.tls.enabled", openly(host, "the API key", "TLS, by leaving this key away,", "section temporal")), true
}

func openly(host, what, instead, section string) string {
	return fmt.Sprintf("%s would go to %s unencrypted, where anyone on the way can read them; use %s, or add allow_plaintext: true to the %s if the network between is safe",
		what, host, instead, section)
}

// inTheOpen returns the host of a URL that is spoken to over plain http on another machine.
func inTheOpen(text string) (host string, open bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Host == "" || ledger.IsLoopback(u.Hostname()) {
		return "", false
	}
	return u.Host, true
}

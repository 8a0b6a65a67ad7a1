package worker

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"

	"github.com/chatlake/chatlake/internal/receive"
	"github.com/chatlake/chatlake/providers"
)

// ReceiveConfig is where announcements of platforms are received.
type ReceiveConfig struct {
	Listen string // host:port
	// PublicURL is the address at which platforms reach the receiver, without the path of an account. It may be empty.
	PublicURL string
	// CertFile and KeyFile name PEM files. Without them, the receiver speaks plain HTTP, for a proxy in front of it.
	CertFile, KeyFile string
	// AllowPlaintext allows plain HTTP on an address that other machines can reach.
	AllowPlaintext bool
	// Spool is the folder of what was received and not yet delivered; empty means one in StateDir.
	Spool string
}

// PushConfig is how announcements about an account are checked.
type PushConfig struct {
	Trust receive.Trust
	Keys  []Secret // any of them may have signed
	Paths []Secret // any of them may end the path of a request
}

// Spool is the folder of what was received and not yet delivered.
func (c Config) Spool() string {
	if c.Receive != nil && c.Receive.Spool != "" {
		return c.Receive.Spool
	}
	return filepath.Join(c.StateDir, "spool")
}

// PushURL is the address to which the platform of an account sends its announcements, without the secret at its end; empty if the
// configuration has no public address.
func (c Config) PushURL(account string) string {
	if c.Receive == nil || c.Receive.PublicURL == "" {
		return ""
	}
	return c.Receive.PublicURL + receive.Path(account)
}

// receive reads the section receive, or returns nil if there is none.
func (b branch) receive() *ReceiveConfig {
	if b.value == nil {
		return nil
	}
	tls := b.at("tls")
	return &ReceiveConfig{
		Listen: b.text("listen"), PublicURL: trimSlash(b.text("public_url")), AllowPlaintext: b.boolean("allow_plaintext"), Spool: b.text("spool"),
		CertFile: tls.text("cert_file"), KeyFile: tls.text("key_file"),
	}
}

func trimSlash(address string) string {
	for len(address) > 0 && address[len(address)-1] == '/' {
		address = address[:len(address)-1]
	}
	return address
}

// push reads the section push of an account, or returns nil if there is none.
func (b branch) push() *PushConfig {
	if b.value == nil {
		return nil
	}
	list := func(key string, whole bool) (secrets []Secret) {
		for _, item := range b.at(key).each() {
			text, _ := item.value.(string)
			at := Problem{File: b.source.name, Line: b.source.line(item.path), Key: item.path}
			secrets = append(secrets, Secret{reference: text, whole: whole, at: at})
		}
		return secrets
	}
	return &PushConfig{Trust: receive.Trust(cmp.Or(b.text("trust"), string(receive.TrustSigned))), Keys: list("keys", true), Paths: list("paths", false)}
}

// checkReceive finds what is wrong with the section receive, and whether it and the accounts need each other.
func (c Config) checkReceive() (problems Problems) {
	pushed := false
	for _, name := range sortedKeys(c.Accounts) {
		if c.Accounts[name].Push == nil {
			continue
		}
		if pushed = true; c.Receive == nil {
			problems = append(problems, c.Problem("accounts."+name+".push", "has no effect without a section receive, which says where announcements come in; add that, or remove this one"))
		}
	}
	r := c.Receive
	if r == nil {
		return problems
	}
	add := func(key, reason string) { problems = append(problems, c.Problem("receive."+key, reason)) }
	if !pushed {
		problems = append(problems, c.Problem("receive", "has no effect: no account has a section push; add one to an account, or remove this section"))
	}
	host, port, err := net.SplitHostPort(r.Listen)
	if n, bad := strconv.ParseUint(port, 10, 16); r.Listen == "" {
		// the schema says that it is missing
	} else if err != nil || bad != nil || n == 0 {
		add("listen", "expected an address and a port, such as 127.0.0.1:8643 or :8643")
	} else if r.CertFile == "" && !r.AllowPlaintext && !isLoopback(host) {
		add("listen", "can be reached by other machines without TLS, so conversations would cross the network unencrypted; "+
			"add receive.tls, listen on 127.0.0.1 behind a proxy on this machine, or set receive.allow_plaintext: true")
	}
	if r.PublicURL != "" {
		at, err := url.Parse(r.PublicURL)
		if err != nil || at.Host == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" || at.Scheme != "https" && !(at.Scheme == "http" && isLoopback(at.Hostname())) {
			add("public_url", "expected the https address at which platforms reach this receiver, such as https://push.example.com, without a query")
		}
	}
	return problems
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkPush finds what is wrong with the section push of an account.
func (c Config) checkPush(account string, d providers.Definition, p PushConfig) (problems Problems) {
	at := "accounts." + account + ".push"
	add := func(key, format string, args ...any) {
		if key != "" {
			key = "." + key
		}
		problems = append(problems, c.Problem(at+key, fmt.Sprintf(format, args...)))
	}
	switch {
	case d.Push == nil:
		add("", "has no effect: %s announces nothing; remove this section", d.Name)
	case p.Trust == receive.TrustSigned && d.Push.Key == "":
		add("trust", "must be hint: %s signs nothing", d.Name)
	case p.Trust == receive.TrustSigned && len(p.Keys) == 0:
		add("", "needs keys: a list of references to %s; or set trust: hint, with paths", d.Push.Key)
	case p.Trust == receive.TrustSigned && len(p.Paths) > 0:
		add("paths", "has an effect only with trust: hint; add that, or remove this key")
	case p.Trust == receive.TrustHint && len(p.Paths) == 0:
		add("", "needs paths with trust: hint: a list of references to secrets, one of which ends the address that the platform is given")
	}
	return problems
}

// pathText is the form of a secret in a path.
var pathText = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

// receivers returns the accounts that announcements are received about, with resolved secrets. Its error is Problems.
func (c Config) receivers() (map[string]receive.Account, error) {
	all := map[string]receive.Account{}
	var problems Problems
	for _, name := range sortedKeys(c.Accounts) {
		account, ok, wrong := c.receiver(name)
		if ok {
			all[name] = account
		}
		problems = append(problems, wrong...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return all, nil
}

// receiver returns an account with resolved secrets, or false if no announcements are received about it.
func (c Config) receiver(name string) (account receive.Account, ok bool, problems Problems) {
	a := c.Accounts[name]
	d, ok := definition(a.Provider)
	if a.Push == nil || !ok || d.Push == nil {
		return account, false, nil
	}
	account = receive.Account{AccountID: a.AccountID, Push: d.Push, Trust: a.Push.Trust}
	resolve := func(s Secret, check func(string) error) string {
		value, err := s.Resolve()
		problem := s.at
		if err == nil {
			if err = check(value); err != nil {
				problem.Reason = err.Error()
			}
		} else if !errors.As(err, &problem) {
			problem = c.Problem("accounts."+name+".push", err.Error())
		}
		if err != nil {
			problems = append(problems, problem)
		}
		return value
	}
	for _, s := range a.Push.Keys {
		account.Keys = append(account.Keys, resolve(s, d.Push.CheckKey))
	}
	for _, s := range a.Push.Paths {
		account.Paths = append(account.Paths, resolve(s, func(value string) error {
			if !pathText.MatchString(value) {
				return fmt.Errorf("is not a secret for a path: expected 16 to 128 letters, digits, hyphens and underscores, as from `openssl rand -hex 24`")
			}
			return nil
		}))
	}
	return account, true, problems
}

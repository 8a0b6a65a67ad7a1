package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
)

// spec is the settings of an account that determine what its export contains. It has no secrets and nothing about speed.
type spec struct {
	Provider  string            `json:"provider"`
	BaseURL   string            `json:"base_url"`
	AccountID string            `json:"account_id"`
	Options   map[string]string `json:"options"`
}

func (s spec) digest() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("worker: texts cannot be written as JSON: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Spec is a digest of the settings of an account that determine what its export contains. It uses their normal form, so an
// explicit default, a host in capitals or another order of a list does not change it.
func (c Config) Spec(name string) string {
	s, _ := c.spec(name)
	return s.digest()
}

// spec also returns the options that have their default value.
func (c Config) spec(name string) (normal spec, defaults map[string]string) {
	d, account, ok := c.account(name)
	if ok && d.Normal != nil {
		account, defaults = d.Normal(account)
	}
	normal = spec{c.Accounts[name].Provider, normalURL(account.BaseURL), account.AccountID, map[string]string{}}
	maps.Copy(normal.Options, account.Options)
	return normal, defaults
}

// normalURL is an address with its scheme and host in lower case, without the default port and without slashes at its end.
func normalURL(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if host, port, err := net.SplitHostPort(u.Host); err == nil && (u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80") {
		if u.Host = host; strings.Contains(host, ":") {
			u.Host = "[" + host + "]"
		}
	}
	return strings.TrimRight(u.String(), "/")
}

// Specs returns all digests that stand for today's settings: Spec first, then the digest of the settings as written, then those
// with one, two or all defaults written out. Lakes and histories of builds without a normal form have such digests. Digests of settings that
// cover today's follow.
func (c Config) Specs(name string) []string {
	all := c.specsOf(name)
	d, account, ok := c.account(name)
	if !ok || d.Covers == nil {
		return all
	}
	for _, options := range d.Covers(account.Options) {
		other := c
		other.Accounts = maps.Clone(c.Accounts)
		a := other.Accounts[name]
		a.Options = options
		other.Accounts[name] = a
		all = append(all, other.specsOf(name)...)
	}
	return all
}

// specsOf returns the digests of Specs for the account's own settings.
func (c Config) specsOf(name string) []string {
	normal, defaults := c.spec(name)
	a := c.Accounts[name]
	all := []string{normal.digest(), spec{a.Provider, a.BaseURL, a.AccountID, a.Options}.digest()}
	keys := slices.Sorted(maps.Keys(defaults))
	for _, address := range slices.Compact([]string{normal.BaseURL, a.BaseURL}) {
		write := func(keys ...string) {
			written := maps.Clone(normal.Options)
			for _, key := range keys {
				written[key] = defaults[key]
			}
			all = append(all, spec{a.Provider, address, normal.AccountID, written}.digest())
		}
		write()
		write(keys...)
		for i, key := range keys {
			write(key)
			for _, other := range keys[:i] {
				write(key, other)
			}
		}
	}
	return all
}

// Made reports whether a commit record was made with the account's current settings, whatever its refresh. An export adopts such
// a record and copies the windows of other records again.
func (c Config) Made(r ledger.Record) bool {
	a, ok := c.Accounts[r.Shard.Account]
	made := func(spec string) bool { return r.SpecDigest == activities.SpecDigest(spec, r.Shard, r.Refresh) }
	return ok && a.Provider == r.Shard.Provider && (made(c.Spec(r.Shard.Account)) || slices.ContainsFunc(c.Specs(r.Shard.Account), made))
}

package worker

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// UIConfig is who may use the page, and under which names.
type UIConfig struct {
	// Hosts are names under which the page is reached, besides those of this machine.
	Hosts []string
	// IdentityHeader is the header in which a proxy names the user; empty if there is no proxy.
	IdentityHeader string
	// Proxies are addresses from which that header is believed, besides loopback ones.
	Proxies []netip.Prefix
	// Viewers may look; none means everyone whom the proxy names. Operators may give orders as well. "*" is everyone.
	Viewers, Operators []string
}

// ui reads the section ui.
func (b branch) ui() UIConfig {
	c := UIConfig{Hosts: b.texts("hosts"), IdentityHeader: b.text("identity_header"), Viewers: b.texts("viewers"), Operators: b.texts("operators")}
	if c.IdentityHeader != "" {
		c.IdentityHeader = http.CanonicalHeaderKey(c.IdentityHeader)
	}
	for _, text := range b.texts("proxies") {
		if prefix, ok := network(text); ok {
			c.Proxies = append(c.Proxies, prefix)
		}
	}
	return c
}

// texts returns a list of texts; other values in it are left out.
func (b branch) texts(key string) (all []string) {
	for _, item := range b.at(key).each() {
		if text, ok := item.value.(string); ok {
			all = append(all, text)
		}
	}
	return all
}

// network reads a network such as 10.0.0.0/8, or a single address.
func network(text string) (netip.Prefix, bool) {
	if at, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(at.Unmap(), at.Unmap().BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err == nil
}

var (
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	// ownHeaders are set by browsers, so they name nobody.
	ownHeaders = []string{"Host", "Cookie", "Origin", "Referer", "User-Agent", "Accept", "Content-Type"}
)

// checkUI finds what is wrong with the section ui.
func (c Config) checkUI() (problems Problems) {
	if c.source == nil {
		return nil
	}
	root := branch{c.source, "", c.source.tree}.at("ui")
	add := func(key, reason string) { problems = append(problems, c.Problem("ui."+key, reason)) }
	for i, host := range root.texts("hosts") {
		if !hostName.MatchString(host) {
			add(fmt.Sprintf("hosts.%d", i), "expected a host name without scheme and port, such as chatlake.example.com")
		}
	}
	for i, text := range root.texts("proxies") {
		if _, ok := network(text); !ok {
			add(fmt.Sprintf("proxies.%d", i), "expected a network or an address, such as 10.0.0.0/8 or 10.1.2.3")
		}
	}
	header := root.text("identity_header")
	switch {
	case header == "":
		for _, key := range []string{"viewers", "operators", "proxies"} {
			if root.at(key).value != nil {
				add(key, "has no effect without identity_header, the header in which a proxy names the user; add that, or remove this key")
			}
		}
	case !headerName.MatchString(header), slices.Contains(ownHeaders, http.CanonicalHeaderKey(header)):
		add("identity_header", "expected the name of a header that the proxy sets and removes from requests of users, such as X-Forwarded-User")
	}
	for _, key := range []string{"viewers", "operators"} {
		for i, name := range root.texts(key) {
			if strings.TrimSpace(name) != name {
				add(fmt.Sprintf("%s.%d", key, i), "has space around it, so no user has this name")
			}
		}
	}
	return problems
}

package ledger

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// checkEndpoint refuses an endpoint that is not an address, contains a login, or would send conversations over a network
// unencrypted. Its errors do not quote the address, because it may contain a login.
func (c Config) checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the lake's endpoint should be like https://s3.example.com, without a login")
	}
	if u.Scheme == "http" && !c.AllowPlaintext && !IsLoopback(u.Hostname()) {
		return errors.New("the lake's endpoint " + u.Host + " uses plain http, which anyone on the network can read; " +
			"use https, or set the lake's allow_plaintext: true if that network is safe")
	}
	return nil
}

// IsLoopback reports whether a host is this machine.
func IsLoopback(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") && net.ParseIP(host) == nil
}

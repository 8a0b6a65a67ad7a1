package ledger

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// checkEndpoint refuses an endpoint, of the configuration or of the environment, that is no address, has a login in it, or
// would carry conversations over a network in the open. It does not repeat the address: there may be a login in it.
func (c Config) checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the lake's endpoint should be like https://s3.example.com, without a login in it")
	}
	if u.Scheme == "http" && !c.AllowPlaintext && !IsLoopback(u.Hostname()) {
		return errors.New("the lake's endpoint " + u.Host + " is spoken to over plain http, which anyone on the way can read; " +
			"use https, or set the lake's allow_plaintext: true if the network between is safe")
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

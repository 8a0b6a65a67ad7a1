package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
)

// errPrivate means that a link leads into a network that its sender should not reach.
var errPrivate = errors.New("the link leads to an address in a private network and is not followed")

// linkDialer dials the hosts of links. A link comes from outside, so it may lead only to public addresses; otherwise its sender could
// reach other machines in our network. The dialled address counts, after the name has been resolved. The host of the base URL is
// always allowed, because ordinary requests go there too. If that host is on this machine, links may lead to this machine; if it is in
// a private network, links may lead into private networks.
type linkDialer struct {
	base    string // host of the base URL, without the port
	plain   func(ctx context.Context, network, address string) (net.Conn, error)
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	proxies sync.Map // addresses of the proxies in the environment, which are dialled instead of the link's host
}

// linkTransport returns a transport for links.
func linkTransport(base *url.URL, t http.RoundTripper) http.RoundTripper {
	pooled, ok := t.(*http.Transport)
	if !ok {
		return t
	}
	f := &linkDialer{base: base.Hostname(), plain: pooled.DialContext, lookup: lookup}
	if f.plain == nil {
		f.plain = (&net.Dialer{}).DialContext
	}
	guarded := pooled.Clone()
	guarded.DialContext = f.dial
	if proxy := pooled.Proxy; proxy != nil {
		guarded.Proxy = func(r *http.Request) (*url.URL, error) {
			u, err := proxy(r)
			if u != nil {
				f.proxies.Store(addressOf(u), true)
			}
			return u, err
		}
	}
	return guarded
}

func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func (f *linkDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, proxy := f.proxies.Load(address); proxy || strings.EqualFold(host, f.base) {
		return f.plain(ctx, network, address)
	}
	addrs, err := f.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	err = errPrivate
	for _, addr := range addrs {
		if !f.allows(ctx, addr) {
			continue
		}
		var conn net.Conn
		if conn, err = f.plain(ctx, network, net.JoinHostPort(addr.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// allows reports whether an address is public, or private in the same way as the base URL.
func (f *linkDialer) allows(ctx context.Context, addr netip.Addr) bool {
	addr = addr.Unmap()
	if isPublic(addr) {
		return true
	}
	if !addr.IsLoopback() && !addr.IsPrivate() {
		return false
	}
	ours, err := f.lookup(ctx, f.base)
	if err != nil {
		return false
	}
	for _, our := range ours {
		if our = our.Unmap(); our.IsLoopback() && addr.IsLoopback() || our.IsPrivate() && addr.IsPrivate() {
			return true
		}
	}
	return false
}

// reserved are special-purpose addresses (IANA's registries) that netip does not recognize. Some contain an IPv4 address that a
// translator would dial.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

func isPublic(addr netip.Addr) bool {
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false
	}
	for _, prefix := range reserved {
		if prefix.Contains(addr.WithZone("")) {
			return false
		}
	}
	return true
}

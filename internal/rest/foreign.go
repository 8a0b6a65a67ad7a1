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

// errPrivate says that a link leads into a network that its sender cannot know.
var errPrivate = errors.New("the link leads to an address of a private network, and is not followed")

// foreign dials the hosts of links. A link comes from outside, so it may lead to public addresses only: to others it would
// let its sender reach what stands beside us. What counts is the address that is dialled, after the name was looked up. The
// host of the base URL is always dialled, as requests to it are. Where that host is on this machine its links may lead there too,
// and where it is in a private network they may lead into such.
type foreign struct {
	base    string // host of the base URL, without its port
	plain   func(ctx context.Context, network, address string) (net.Conn, error)
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	proxies sync.Map // addresses of the proxies that the environment names: they are dialled in place of the link's host
}

// foreignTransport is a transport for links.
func foreignTransport(base *url.URL, t http.RoundTripper) http.RoundTripper {
	pooled, ok := t.(*http.Transport)
	if !ok {
		return t
	}
	f := &foreign{base: base.Hostname(), plain: pooled.DialContext, lookup: lookup}
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

func (f *foreign) dial(ctx context.Context, network, address string) (net.Conn, error) {
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

// allows reports whether an address is public, or as private as that of the base URL.
func (f *foreign) allows(ctx context.Context, addr netip.Addr) bool {
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

// reserved are addresses that are no hosts of the Internet beside those that netip knows (IANA's special-purpose registries).
// Some carry an IPv4 address that a translator would dial.
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

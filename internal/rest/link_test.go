package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/chatlake/chatlake/providers"
)

// Links are followed to public addresses, and to private ones only if the base URL is private too. The dialled address counts; a
// name may have several.
func TestForeign(t *testing.T) {
	names := map[string]string{
		"api.example.com": "203.0.113.7", "intranet": "10.0.0.2", "localhost": "127.0.0.1", "files.example.com": "203.0.113.9",
		"evil.example.com": "10.0.0.5", "rebound.example.com": "127.0.0.1", "metadata.example.com": "169.254.169.254",
	}
	for _, tt := range []struct {
		base, host, dialled string // "" is refused
	}{
		{"api.example.com", "files.example.com", "203.0.113.9"},
		{"api.example.com", "203.0.113.9", "203.0.113.9"},
		{"api.example.com", "2606:4700::1", "2606:4700::1"},
		{"api.example.com", "api.example.com", "api.example.com"},
		{"api.example.com", "evil.example.com", ""},
		{"api.example.com", "rebound.example.com", ""},
		{"api.example.com", "10.1.2.3", ""},
		{"api.example.com", "172.16.0.1", ""},
		{"api.example.com", "192.168.1.1", ""},
		{"api.example.com", "127.0.0.1", ""},
		{"api.example.com", "0.0.0.0", ""},
		{"api.example.com", "100.64.0.1", ""},
		{"api.example.com", "169.254.169.254", ""},
		{"api.example.com", "::1", ""},
		{"api.example.com", "fe80::1", ""},
		{"api.example.com", "fd00::1", ""},
		{"api.example.com", "::ffff:10.0.0.1", ""},
		{"api.example.com", "64:ff9b::a00:1", ""},
		{"intranet", "intranet", "intranet"},
		{"intranet", "evil.example.com", "10.0.0.5"},
		{"intranet", "files.example.com", "203.0.113.9"},
		{"intranet", "rebound.example.com", ""},
		{"intranet", "metadata.example.com", ""},
		{"localhost", "127.0.0.1", "127.0.0.1"},
		{"127.0.0.1", "localhost", "127.0.0.1"},
		{"127.0.0.1", "evil.example.com", ""},
		{"127.0.0.1", "metadata.example.com", ""},
	} {
		dialled := ""
		f := &linkDialer{
			base: tt.base,
			plain: func(_ context.Context, _, address string) (net.Conn, error) {
				dialled, _, _ = net.SplitHostPort(address)
				return nil, nil
			},
			lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
				if addr, ok := names[host]; ok {
					host = addr
				}
				addr, err := netip.ParseAddr(host)
				return []netip.Addr{addr}, err
			},
		}
		_, err := f.dial(t.Context(), "tcp", net.JoinHostPort(tt.host, "443"))
		if dialled != tt.dialled || errors.Is(err, errPrivate) != (tt.dialled == "") {
			t.Errorf("of %s a link to %s dials %q, %v; want %q", tt.base, tt.host, dialled, err, tt.dialled)
		}
	}
}

// If a name has several addresses, the private ones are skipped.
func TestForeignOfSeveral(t *testing.T) {
	var dialled []string
	f := &linkDialer{
		base: "api.example.com",
		plain: func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = append(dialled, address)
			return nil, errors.New("refused")
		},
		lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == "api.example.com" {
				return []netip.Addr{netip.MustParseAddr("203.0.113.7")}, nil
			}
			return []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")}, nil
		},
	}
	_, err := f.dial(t.Context(), "tcp", "files.example.com:443")
	if len(dialled) != 2 || dialled[0] != "203.0.113.1:443" || err == nil || errors.Is(err, errPrivate) {
		t.Errorf("dialled %v, %v", dialled, err)
	}
}

// A client refuses such a link, or a redirect to one, at once, and its error does not tell where it leads.
func TestDownloadToAPrivateAddress(t *testing.T) {
	asked := 0
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer inside.Close()
	outside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL, http.StatusFound)
	}))
	defer outside.Close()
	c := client(t, "http://api.example.com", nil)
	c.links.(*http.Transport).DialContext = (&linkDialer{
		base: "api.example.com", plain: (&net.Dialer{}).DialContext,
		lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			if host == "api.example.com" {
				host = "203.0.113.7"
			}
			return lookup(ctx, host)
		},
	}).dial
	for _, link := range []string{inside.URL + "/?sig=query-marker"} {
		_, _, err := save(c, t.Context(), link)
		if e := problem(t, err); e.Kind != providers.Malformed || !errors.Is(err, errPrivate) {
			t.Errorf("%v", err)
		}
	}
	same := client(t, outside.URL, nil) // on this machine itself
	if _, _, err := save(same, t.Context(), outside.URL); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// With a proxy, the dialled address is that of the proxy.
func TestForeignByProxy(t *testing.T) {
	base, _ := url.Parse("https://api.example.com")
	dialled := ""
	stop := errors.New("stop")
	guarded := linkTransport(base, &http.Transport{
		Proxy: func(*http.Request) (*url.URL, error) { return url.Parse("http://10.0.0.1") },
		DialContext: func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = address
			return nil, stop
		},
	})
	r, _ := http.NewRequest(http.MethodGet, "https://files.example.com/", nil)
	if _, err := guarded.RoundTrip(r); !errors.Is(err, stop) || dialled != "10.0.0.1:80" {
		t.Errorf("dialled %q, %v", dialled, err)
	}
}

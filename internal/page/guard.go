package page

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// secure sets the headers that every answer has. Nothing may be loaded from elsewhere, no inline script or style is run, and no other site
// may frame the page.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// wrongHost says why the Host of a request is refused; empty if it is not. Another site's name may be made to resolve to this machine, and
// its scripts could then read everything.
func (p *Page) wrongHost(r *http.Request) string {
	host := hostOf(r.Host)
	if isLocalName(host) || slices.ContainsFunc(p.o.Config.UI.Hosts, func(known string) bool { return strings.EqualFold(known, host) }) {
		return ""
	}
	if at, err := netip.ParseAddr(host); err == nil && at.Unmap() == localAddress(r) {
		return "" // an address resolves to nothing but itself
	}
	return "This page is not known under that host name. If it is right, add it to ui.hosts in the configuration of chatlake."
}

// hostOf is a host without its port and without the brackets of an IPv6 address.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}

// isLocalName reports whether a host is a name of this machine that no name server can give to another site.
func isLocalName(host string) bool {
	at, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && at.Unmap().IsLoopback()
}

// localAddress is the address on which a request came in.
func localAddress(r *http.Request) netip.Addr {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return netip.Addr{}
	}
	return addressOf(local.String())
}

func addressOf(hostport string) netip.Addr {
	at, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// user is who sent a request.
type user struct {
	name     string // as the proxy gave it; empty if there is no proxy
	operates bool
	why      string // why not
}

// label is how logs, notes and reasons name the user.
func (u user) label() string {
	if u.name == "" {
		return "this machine's page"
	}
	return u.name
}

// forwarding are headers of requests that came through a proxy.
var forwarding = []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"}

// userOf returns who sent a request, or why it is refused.
func (p *Page) userOf(r *http.Request) (u user, refused string) {
	ui := p.o.Config.UI
	peer := addressOf(r.RemoteAddr)
	if ui.IdentityHeader == "" {
		switch {
		case !peer.IsLoopback() || !isLocalName(hostOf(r.Host)):
			u.why = "without ui.identity_header, orders are taken on this machine only"
		case slices.ContainsFunc(forwarding, func(name string) bool { return r.Header.Get(name) != "" }):
			u.why = "the request came through a proxy, and ui.identity_header is not set"
		default:
			u.operates = true
		}
		return u, ""
	}
	if !peer.IsLoopback() && !slices.ContainsFunc(ui.Proxies, func(n netip.Prefix) bool { return n.Contains(peer) }) {
		return u, "This page takes requests from its proxy only (ui.proxies)."
	}
	names := r.Header.Values(ui.IdentityHeader)
	if len(names) != 1 || !isName(names[0]) {
		return u, "The proxy named nobody. Log in there, or check ui.identity_header in the configuration of chatlake."
	}
	u.name = names[0]
	u.operates = named(ui.Operators, u.name)
	switch {
	case u.operates:
	case len(ui.Viewers) > 0 && !named(ui.Viewers, u.name):
		return u, "You are neither in ui.viewers nor in ui.operators in the configuration of chatlake."
	default:
		u.why = "you are not in ui.operators"
	}
	return u, ""
}

// named reports whether a list has a name, or stands for everyone.
func named(list []string, name string) bool {
	return slices.Contains(list, name) || slices.Contains(list, "*")
}

// isName reports whether a text can be the name of a user, in a line of a log for example.
func isName(text string) bool {
	return text != "" && len(text) <= 200 && strings.TrimSpace(text) == text && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// sessionCookie names a browser. It gives no rights: it only ties the token of a form to the browser that got the form.
const sessionCookie = "chatlake_page"

// token is what the forms of a browser have to send. It makes the cookie if there is none.
func (p *Page) token(w http.ResponseWriter, r *request) string {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil || len(cookie.Value) != base64.RawURLEncoding.EncodedLen(24) {
		random := make([]byte, 24)
		_, _ = rand.Read(random)
		cookie = &http.Cookie{
			Name: sessionCookie, Value: base64.RawURLEncoding.EncodeToString(random), Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
			Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https",
		}
		http.SetCookie(w, cookie)
	}
	return p.sign(cookie.Value, r.user)
}

func (p *Page) sign(browser string, u user) string {
	mac := hmac.New(sha256.New, p.key)
	fmt.Fprintf(mac, "%d:%s%s", len(browser), browser, u.name)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// isOurs reports whether the form of a request came from this page: the browser says so, and it has the token that belongs to the browser
// and the user.
func (p *Page) isOurs(r *http.Request, u user) bool {
	if http.NewCrossOriginProtection().Check(r) != nil {
		return false
	}
	cookie, err := r.Cookie(sessionCookie)
	return err == nil && hmac.Equal([]byte(r.PostForm.Get("token")), []byte(p.sign(cookie.Value, u)))
}

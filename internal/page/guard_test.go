package page

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

// config is that of a lake that does not exist yet.
func config(t *testing.T) worker.Config {
	t.Helper()
	return worker.Config{
		StateDir: t.TempDir(), Lake: worker.LakeConfig{URL: "file:" + t.TempDir()},
		Accounts: map[string]worker.AccountConfig{"acme": {Provider: "chatwoot", AccountID: "1"}},
	}.WithDefaults()
}

// visitor sends requests as a browser does.
type visitor struct {
	page   *Page
	peer   string // address that requests come from
	local  string // address that they come in on
	host   string
	header http.Header
	cookie string
}

func local(p *Page) *visitor {
	return &visitor{page: p, peer: "127.0.0.1:50000", local: "127.0.0.1:8234", host: "127.0.0.1:8234", header: http.Header{}}
}

func (v *visitor) send(t *testing.T, r *http.Request) (int, string, http.Header) {
	t.Helper()
	r.RemoteAddr, r.Host = v.peer, v.host
	for name, values := range v.header {
		r.Header[name] = values
	}
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	at, err := net.ResolveTCPAddr("tcp", v.local)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	v.page.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(at))))
	answer := w.Result()
	for _, c := range answer.Cookies() {
		v.cookie = c.Name + "=" + c.Value
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Header
}

func (v *visitor) get(t *testing.T, path string) (int, string, http.Header) {
	t.Helper()
	return v.send(t, httptest.NewRequest("GET", path, nil))
}

func (v *visitor) post(t *testing.T, path string, form url.Values) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(t, r)
}

// token is what the forms of a visitor have to send.
func (v *visitor) token(t *testing.T) string {
	t.Helper()
	_, text, _ := v.get(t, "/find")
	found := regexp.MustCompile(`name="token" value="([^"]+)"`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no token in:\n%s", text)
	}
	return found[1]
}

func TestHosts(t *testing.T) {
	c := config(t)
	c.UI.Hosts = []string{"chatlake.example.com"}
	for host, want := range map[string]int{
		"127.0.0.1:8234": 200, "localhost:8234": 200, "LOCALHOST": 200, "[::1]:8234": 200, "127.0.0.1": 200, "chatlake.example.com": 200, "Chatlake.Example.com:443": 200,
		"10.0.0.5:8234": 200, // the address itself
		"10.0.0.6:8234": 421, "evil.example.com": 421, "127.0.0.1.evil.example.com:8234": 421, "": 421, "localhost.evil.example.com": 421,
	} {
		v := local(New(Options{Config: c}))
		v.host, v.local = host, "10.0.0.5:8234"
		if status, text, _ := v.get(t, "/"); status != want {
			t.Errorf("host %q: status %d, want %d: %.200s", host, status, want, text)
		}
		if status, _, _ := v.post(t, "/", nil); want == 421 && status != 421 {
			t.Errorf("host %q: an order has status %d, want %d", host, status, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	_, _, h := local(New(Options{Config: config(t)})).get(t, "/")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
		if !strings.Contains(h.Get("Content-Security-Policy"), want) {
			t.Errorf("the policy lacks %s: %s", want, h.Get("Content-Security-Policy"))
		}
	}
	if strings.Contains(h.Get("Content-Security-Policy"), "unsafe") {
		t.Errorf("the policy is %s", h.Get("Content-Security-Policy"))
	}
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store"} {
		if h.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, h.Get(name), want)
		}
	}
	cookie := h.Get("Set-Cookie")
	if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
		t.Errorf("the cookie is %s", cookie)
	}
}

// TestRoles has requests from everywhere, with the names that a proxy gives.
func TestRoles(t *testing.T) {
	proxied := worker.UIConfig{
		Hosts: []string{"chatlake.example.com"}, IdentityHeader: "X-Forwarded-User", Operators: []string{"ann"}, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}
	limited := proxied
	limited.Viewers = []string{"eve"}
	for _, tt := range []struct {
		what          string
		ui            worker.UIConfig
		peer, host    string
		header        http.Header
		view, operate bool
	}{
		{"on this machine", worker.UIConfig{}, "127.0.0.1:1", "localhost", nil, true, true},
		{"from another machine", worker.UIConfig{}, "10.0.0.9:1", "10.0.0.5", nil, true, false},
		{"from another machine, as if it was this one", worker.UIConfig{}, "10.0.0.9:1", "localhost", nil, true, false},
		{"through a proxy that nobody knows of", worker.UIConfig{}, "127.0.0.1:1", "localhost", http.Header{"X-Forwarded-For": {"10.0.0.9"}}, true, false},
		{"an operator", proxied, "127.0.0.1:1", "chatlake.example.com", http.Header{"X-Forwarded-User": {"ann"}}, true, true},
		{"an operator through a proxy elsewhere", proxied, "10.2.0.1:1", "chatlake.example.com", http.Header{"X-Forwarded-User": {"ann"}}, true, true},
		{"a viewer", proxied, "127.0.0.1:1", "chatlake.example.com", http.Header{"X-Forwarded-User": {"bob"}}, true, false},
		{"a name from a machine that is no proxy", proxied, "192.0.2.1:1", "chatlake.example.com", http.Header{"X-Forwarded-User": {"ann"}}, false, false},
		{"nobody", proxied, "127.0.0.1:1", "localhost", nil, false, false},
		{"two names", proxied, "127.0.0.1:1", "localhost", http.Header{"X-Forwarded-User": {"ann", "bob"}}, false, false},
		{"a name with a line break", proxied, "127.0.0.1:1", "localhost", http.Header{"X-Forwarded-User": {"ann\nbob"}}, false, false},
		{"a viewer who is listed", limited, "127.0.0.1:1", "localhost", http.Header{"X-Forwarded-User": {"eve"}}, true, false},
		{"a viewer who is not listed", limited, "127.0.0.1:1", "localhost", http.Header{"X-Forwarded-User": {"bob"}}, false, false},
		{"an operator who is no listed viewer", limited, "127.0.0.1:1", "localhost", http.Header{"X-Forwarded-User": {"ann"}}, true, true},
	} {
		c := config(t)
		c.UI = tt.ui
		v := local(New(Options{Config: c}))
		v.peer, v.host, v.local = tt.peer, tt.host, "10.0.0.5:8234"
		for name, values := range tt.header {
			v.header[name] = values
		}
		status, text, _ := v.get(t, "/find")
		if (status == 200) != tt.view {
			t.Errorf("%s: looking has status %d, want it allowed: %v", tt.what, status, tt.view)
			continue
		}
		if !tt.view {
			continue
		}
		if got := !strings.Contains(text, "read only: "); got != tt.operate {
			t.Errorf("%s: the page says that orders are taken: %v, want %v", tt.what, got, tt.operate)
		}
		status, _, _ = v.post(t, "/export", url.Values{"token": {v.token(t)}, "order": {"pause"}, "of": {"export/acme/x"}})
		if got := status == http.StatusSeeOther; got != tt.operate {
			t.Errorf("%s: an order has status %d, want it taken: %v", tt.what, status, tt.operate)
		}
	}
}

// TestForms has forms that other sites and other users send.
func TestForms(t *testing.T) {
	c := config(t)
	c.UI = worker.UIConfig{IdentityHeader: "X-User", Operators: []string{"*"}}
	p := New(Options{Config: c})
	ann, bob := local(p), local(p)
	ann.header.Set("X-User", "ann")
	bob.header.Set("X-User", "bob")
	order := func(v *visitor, token string) int {
		status, _, _ := v.post(t, "/export", url.Values{"token": {token}, "order": {"pause"}, "of": {"export/acme/x"}})
		return status
	}
	mine, his := ann.token(t), bob.token(t)
	if got := order(ann, mine); got != http.StatusSeeOther {
		t.Errorf("a form of the page has status %d", got)
	}
	for what, got := range map[string]int{"no token": order(ann, ""), "another user's token": order(ann, his), "a wrong token": order(ann, mine+"x")} {
		if got != http.StatusForbidden {
			t.Errorf("%s: status %d, want 403", what, got)
		}
	}
	same := *bob
	same.cookie = ann.cookie
	if got := order(&same, mine); got != http.StatusForbidden {
		t.Errorf("another user with the same cookie and token: status %d, want 403", got)
	}
	for _, header := range []http.Header{{"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}, {"Origin": {"https://evil.example.com"}}} {
		other := *ann
		other.header = header.Clone()
		other.header.Set("X-User", "ann")
		if got := order(&other, mine); got != http.StatusForbidden {
			t.Errorf("a form with %v: status %d, want 403", header, got)
		}
	}
	if got := order(local(New(Options{Config: c})), mine); got != http.StatusForbidden {
		t.Errorf("a form without a name, of a page before this one: status %d, want 403", got)
	}
}

// TestNotices checks that a link cannot make the page say something, and that what an order came to is shown.
func TestNotices(t *testing.T) {
	v := local(New(Options{Config: config(t)}))
	if _, text, _ := v.get(t, "/?notice=Call+now"); strings.Contains(text, "Call now") {
		t.Error("the page says what its address says")
	}
	_, _, h := v.post(t, "/?x=1", url.Values{"token": {v.token(t)}, "order": {"resume"}, "of": {"export/acme/x"}})
	if status, _, _ := v.get(t, h.Get("Location")); status != 200 {
		t.Errorf("after an order of the first view, %s has status %d", h.Get("Location"), status)
	}
	_, _, h = v.post(t, "/export", url.Values{"token": {v.token(t)}, "order": {"pause"}, "of": {"export/acme/x"}})
	if _, text, _ := v.get(t, h.Get("Location")); !strings.Contains(text, "No chatlake process is running here") {
		t.Errorf("after an order without a worker, the page at %s does not say what is wrong:\n%s", h.Get("Location"), text)
	}
}

package worker_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chatlake/chatlake/internal/receive"
	"github.com/chatlake/chatlake/worker"
)

const (
	pushKey   = "the-key-that-signs-0123456789"
	olderKey  = "the-older-key-that-signed-012345"
	wrongKey  = "a-key-that-nobody-else-has-01234"
	pushPath  = "0123456789abcdef-path-secret"
	wrongPath = "another-path-secret-0123456789"
)

// pushedBy is the configuration of an account about which announcements come.
type pushedBy struct {
	provider, id string
	trust        receive.Trust
	keys, paths  []string
}

func (p pushedBy) config(t *testing.T, publicURL string) worker.Config {
	t.Helper()
	c := worker.Config{StateDir: t.TempDir(), EmbeddedQueue: queue, Receive: &worker.ReceiveConfig{Listen: "127.0.0.1:0", PublicURL: publicURL}}
	push := &worker.PushConfig{Trust: p.trust}
	for _, key := range p.keys {
		push.Keys = append(push.Keys, worker.Literal(key))
	}
	for _, path := range p.paths {
		push.Paths = append(push.Paths, worker.Literal(path))
	}
	c.Accounts = map[string]worker.AccountConfig{"acme": {Provider: p.provider, AccountID: p.id, Push: push}}
	return c
}

// receiver runs the receiver of a configuration, and returns its address. At the end it checks that no probe was kept.
func (p pushedBy) receiver(t *testing.T) *url.URL {
	t.Helper()
	c := p.config(t, "")
	r, err := worker.OpenReceiver(c, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if kept, err := filepath.Glob(filepath.Join(c.Spool(), "*.spool")); err != nil || len(kept) > 0 || r.Stats()["acme"].Accepted > 0 {
			t.Errorf("a probe is kept: %v, %v, %+v", kept, err, r.Stats())
		}
	})
	return &url.URL{Scheme: "http", Host: r.Address()}
}

// behind is a proxy in front of a receiver, which changes requests.
func behind(t *testing.T, target *url.URL, change func(*http.Request)) string {
	t.Helper()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if change != nil {
				change(r.Out)
			}
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

// writeAgain reads the JSON of a request and writes it again, as a filter does. It adds a parameter to a query.
func writeAgain(r *http.Request) {
	if r.Method == http.MethodGet {
		r.URL.RawQuery += "&checked=yes"
		return
	}
	body, _ := io.ReadAll(r.Body)
	var value any
	if json.Unmarshal(body, &value) == nil {
		body, _ = json.Marshal(value)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// pushChecks examines an account, and returns what is said of its announcements, each as "level name: text".
func pushChecks(t *testing.T, c worker.Config) []string {
	t.Helper()
	var said []string
	for _, check := range c.Examine(t.Context(), "acme") {
		if strings.HasPrefix(check.Name, "push") && !strings.Contains(check.Text, "of this machine only") {
			said = append(said, fmt.Sprintf("%s %s: %s", check.Level, check.Name, check.Text))
		}
	}
	for _, secret := range []string{pushKey, olderKey, wrongKey, pushPath, wrongPath} {
		if strings.Contains(strings.Join(said, "\n"), secret) {
			t.Errorf("a secret is told: %q", said)
		}
	}
	return said
}

// saidAll reports whether each text contains the words of its place.
func saidAll(said []string, words ...string) bool {
	return slices.EqualFunc(said, words, strings.Contains)
}

func publicPEM(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestPushArrives sends probes of every provider to its receiver, by each of the ways in which it can be reached.
func TestPushArrives(t *testing.T) {
	const (
		signed   = "ok push keys.0: http://127.0.0.1"
		older    = "ok push keys.1: http://127.0.0.1"
		hinted   = "ok push paths.0: http://127.0.0.1"
		unsigned = "this account's receiver refuses what is not signed"
		public   = "note push keys: no signed announcement was sent"
	)
	const giosgOrg = "7f9e9580-095b-42c7-838c-c04e667b26f7"
	pem := publicPEM(t)
	keys, paths := []string{pushKey, olderKey}, []string{pushPath}
	for _, test := range []struct {
		account                           pushedBy
		direct, changedBody, withoutThose []string // what is said if nothing is changed, if bodies are, if headers beside the common ones are removed
	}{
		{
			pushedBy{"chatwoot", "1", receive.TrustSigned, keys, nil},
			[]string{signed, older}, []string{"changes announcements", "changes announcements"},
			[]string{"pass on X-Chatwoot-Signature and X-Chatwoot-Timestamp", "(answer: unsigned)"},
		}, {
			pushedBy{"chatwoot", "1", receive.TrustHint, keys[:1], paths},
			[]string{signed, hinted}, []string{"changes announcements", "changes announcements"}, []string{"pass on X-Chatwoot-Signature", hinted},
		}, {
			pushedBy{"inquirly", "1", receive.TrustHint, nil, paths},
			[]string{hinted}, []string{"changes announcements"}, []string{hinted},
		}, {
			pushedBy{"freshchat", "", receive.TrustSigned, []string{pem}, nil},
			[]string{unsigned, public}, []string{"changes announcements", public}, []string{unsigned, public},
		}, {
			pushedBy{"freshchat", "", receive.TrustHint, []string{pem}, paths},
			[]string{hinted, public}, []string{"changes announcements", public}, []string{hinted, public},
		}, {
			pushedBy{"giosg", giosgOrg, receive.TrustSigned, keys, nil},
			[]string{signed, older}, []string{"changes announcements", "changes announcements"}, []string{signed, older},
		}, {
			pushedBy{"giosg", giosgOrg, receive.TrustHint, keys[:1], paths},
			[]string{signed, hinted}, []string{"changes announcements", "changes announcements"}, []string{signed, hinted},
		}, {
			pushedBy{"liveperson", "12345678", receive.TrustSigned, keys, nil},
			[]string{signed, older}, []string{"changes announcements", "changes announcements"},
			[]string{"pass on X-Liveperson-Signature and X-Liveperson-Account-Id", "(answer: unsigned)"},
		}, {
			pushedBy{"liveperson", "12345678", receive.TrustHint, nil, paths},
			[]string{hinted}, []string{"changes announcements"}, []string{hinted},
		},
	} {
		at := test.account.receiver(t)
		for name, way := range map[string]struct {
			address string
			want    []string
		}{
			"direct":          {at.String(), test.direct},
			"proxy":           {behind(t, at, nil), test.direct},
			"changed body":    {behind(t, at, writeAgain), test.changedBody},
			"without headers": {behind(t, at, func(r *http.Request) { r.Header = http.Header{"Content-Type": r.Header["Content-Type"]} }), test.withoutThose},
		} {
			if said := pushChecks(t, test.account.config(t, way.address)); !saidAll(said, way.want...) {
				t.Errorf("%s, trust %s, %s:\n%s\nwant %q", test.account.provider, test.account.trust, name, strings.Join(said, "\n"), way.want)
			}
		}
	}
}

// TestPushRefused examines configurations that are not those of the receiver.
func TestPushRefused(t *testing.T) {
	there := pushedBy{"chatwoot", "1", receive.TrustHint, []string{pushKey}, []string{pushPath}}
	at := there.receiver(t)
	for name, test := range map[string]struct {
		change func(*pushedBy)
		want   []string
	}{
		"another key":      {func(p *pushedBy) { p.keys = []string{pushKey, wrongKey} }, []string{"ok push keys.0", "refused as bad_signature: the receiver does not have this key", "ok push paths.0"}},
		"another path":     {func(p *pushedBy) { p.paths = []string{wrongPath} }, []string{"ok push keys.0", "warning push paths.0: " + at.String() + "/push/acme is reached, but the announcement was refused as bad_path"}},
		"another account":  {func(p *pushedBy) { p.id = "2" }, []string{"refused as other_account", "refused as other_account"}},
		"another platform": {func(p *pushedBy) { p.provider = "liveperson" }, []string{"unreadable: the receiver expects another platform", "unreadable: the receiver expects another platform"}},
	} {
		here := there
		test.change(&here)
		if said := pushChecks(t, here.config(t, at.String())); !saidAll(said, test.want...) {
			t.Errorf("%s:\n%s\nwant %q", name, strings.Join(said, "\n"), test.want)
		}
	}
	c := there.config(t, at.String())
	c.Accounts = map[string]worker.AccountConfig{"acme": c.Accounts["acme"], "other": c.Accounts["acme"]}
	for _, check := range c.Examine(t.Context(), "other") {
		if strings.HasPrefix(check.Name, "push ") && !strings.Contains(check.Text, "unknown_account: the receiver has no such account") {
			t.Errorf("of an account that the receiver does not have: %s", check.Text)
		}
	}
}

// TestPushElsewhere examines addresses at which something else answers, or nothing.
func TestPushElsewhere(t *testing.T) {
	account := pushedBy{"chatwoot", "1", receive.TrustHint, nil, []string{pushPath}}
	answers := func(status int, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if status == http.StatusPermanentRedirect {
				w.Header().Set("Location", "http://"+r.Host+r.URL.Path+"/again")
			}
			if strings.HasSuffix(r.URL.Path, "/again") {
				t.Error("a redirect is followed")
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	secure := func(c x509.Certificate) string { return tlsServer(t, c) }
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	hour := time.Hour
	for name, test := range map[string]struct{ address, want string }{
		"HTML":                 {answers(200, "<html>welcome</html>"), "status 200, but not by the receiver: another server"},
		"an older receiver":    {answers(200, ""), "or a receiver of an older version"},
		"no such page":         {answers(404, "404 page not found"), "let the proxy pass on the path /push/acme"},
		"a login":              {answers(401, "<html>sign in</html>"), "a login or a firewall"},
		"a firewall":           {answers(403, "unsigned"), "a login or a firewall"},
		"a cached answer":      {answers(200, "accepted\nreceived 00 00 2026-12-01T06:00:00Z"), "changes announcements"},
		"no receiver":          {answers(502, "bad gateway"), "status 502, but not by the receiver: the proxy does not reach it"},
		"a maintenance page":   {answers(503, "back soon"), "status 503, but not by the receiver"},
		"a redirect":           {answers(308, ""), "it redirects"},
		"an error":             {answers(500, ""), "status 500, but not by the receiver"},
		"busy":                 {answers(503, "busy\n"), "refused as busy: more requests arrive"},
		"nothing":              {closed.URL, "connection refused; start what listens there"},
		"no such name":         {"https://push.invalid", "; add the name to the DNS"},
		"no TLS":               {strings.Replace(answers(200, ""), "http:", "https:", 1), "does not speak TLS there; let a proxy"},
		"an expired one":       {secure(x509.Certificate{NotBefore: time.Now().Add(-2 * hour), NotAfter: time.Now().Add(-hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}), "has expired or is not valid yet"},
		"for another name":     {secure(x509.Certificate{NotBefore: time.Now().Add(-hour), NotAfter: time.Now().Add(hour), DNSNames: []string{"other.example.com"}}), "for another host than 127.0.0.1; get one for this name"},
		"an unknown authority": {secure(x509.Certificate{NotBefore: time.Now().Add(-hour), NotAfter: time.Now().Add(hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}), "an authority that this machine does not trust"},
	} {
		said := pushChecks(t, account.config(t, test.address))
		if !saidAll(said, test.want) || !strings.HasPrefix(said[0], "warning push paths.0: "+test.address+"/push/acme is ") {
			t.Errorf("%s:\n%s\nwant %q", name, strings.Join(said, "\n"), test.want)
		}
	}
}

// TestPushUntried examines accounts whose announcements cannot be tried.
func TestPushUntried(t *testing.T) {
	account := pushedBy{"chatwoot", "1", receive.TrustSigned, []string{pushKey}, nil}
	if said := pushChecks(t, account.config(t, "")); !saidAll(said, "note push: receive.public_url is not set") {
		t.Errorf("without an address: %q", said)
	}
	account.keys = []string{"short"}
	if said := pushChecks(t, account.config(t, "http://127.0.0.1:1")); !saidAll(said, "is shorter than 16 characters") {
		t.Errorf("with a short key: %q", said)
	}
	c := account.config(t, "http://127.0.0.1:1")
	c.Accounts["acme"] = worker.AccountConfig{Provider: "chatwoot", AccountID: "1"}
	if said := pushChecks(t, c); len(said) > 0 {
		t.Errorf("without a section push: %q", said)
	}
}

// tlsServer serves nothing with a certificate that it has signed itself.
func tlsServer(t *testing.T, c x509.Certificate) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c.SerialNumber, c.Subject = big.NewInt(1), pkix.Name{CommonName: "test"}
	der, err := x509.CreateCertificate(rand.Reader, &c, &c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

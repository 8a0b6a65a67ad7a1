package rest

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/providers"
)

// TestNetworkErrors checks that errors name TLS or the proxy if the platform and its token are not the cause.
func TestNetworkErrors(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	says := func(status int, body string) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(server.Close)
		return server
	}
	plain := says(http.StatusOK, "{}")
	for _, test := range []struct {
		name, url, proxy string
		kind             error
		want             string
	}{
		{"TLS to a plain server", strings.Replace(plain.URL, "http:", "https:", 1), "", ErrTLS, "check whether the base URL should begin with http://"},
		{"no TLS to a server of TLS", strings.Replace(secure.URL, "https:", "http:", 1), "", ErrTLS, "should begin with https://"},
		{"no TLS to nginx", says(400, "<html>The plain HTTP request was sent to HTTPS port").URL, "", ErrTLS, "should begin with https://"},
		{"an unknown authority", secure.URL, "", ErrTLS, "SSL_CERT_FILE"},
		{"a proxy that requires a login", "http://chat.example.com", says(407, "canary").URL, ErrProxy, "it requires a login"},
		{"a proxy that requires a login, with TLS", "https://chat.example.com", says(407, "canary").URL, ErrProxy, "it requires a login"},
		{"a proxy that refuses", "https://chat.example.com", says(403, "canary").URL, ErrProxy, "it does not allow the connection"},
	} {
		t.Run(test.name, func(t *testing.T) {
			transport := pooled().(*http.Transport)
			if test.proxy != "" {
				transport.Proxy = func(r *http.Request) (*url.URL, error) { return r.URL.Parse(test.proxy) }
			}
			c, err := New(Config{BaseURL: test.url, Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Get(t.Context(), "list", "/x", nil)
			var got *providers.Error
			if !errors.As(err, &got) || !errors.Is(err, test.kind) || !strings.Contains(fmt.Sprint(err), test.want) || strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if denied := test.kind == ErrProxy; denied != (got != nil && got.Kind == providers.Denied) {
				t.Errorf("kind %s", got.Kind)
			}
		})
	}
}

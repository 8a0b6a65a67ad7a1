package redact

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// ProxyAnswer is for http.Transport.OnProxyConnectResponse: it turns the refusal of a proxy into an error that names the
// proxy. Without it, the error of net/http contains only what the proxy sent.
func ProxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return Because(ProxyRefusal(proxy.Host, answer.StatusCode), nil)
}

// ProxyRefusal is a message that a proxy has refused, and what to do. The host may be empty.
func ProxyRefusal(host string, status int) string {
	text := "the proxy " + host
	if host == "" {
		text = "the proxy"
	}
	text += fmt.Sprintf(" answered status %d: ", status)
	switch status {
	case http.StatusProxyAuthRequired:
		return text + "it requires a login; correct the login in HTTPS_PROXY or HTTP_PROXY, or exempt the host with NO_PROXY"
	case http.StatusForbidden:
		return text + "it does not allow the connection; ask its administrator to allow the host, or exempt the host with NO_PROXY"
	}
	return text + "it did not connect; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
}

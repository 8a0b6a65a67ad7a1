package redact

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// ProxyAnswer is for http.Transport.OnProxyConnectResponse: it turns the refusal of a proxy into an error that blames the
// proxy. Without it net/http makes an error of the words of the proxy alone.
func ProxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return Because(ProxyRefusal(proxy.Host, answer.StatusCode), nil)
}

// ProxyRefusal says that a proxy has refused, and what to do. The host may be empty.
func ProxyRefusal(host string, status int) string {
	text := "the proxy " + host
	if host == "" {
		text = "the proxy"
	}
	text += fmt.Sprintf(" answered status %d: ", status)
	switch status {
	case http.StatusProxyAuthRequired:
		return text + "it wants a login; correct the one in HTTPS_PROXY or HTTP_PROXY, or except the host with NO_PROXY"
	case http.StatusForbidden:
		return text + "it does not allow the connection; ask whoever runs it to allow the host, or except the host with NO_PROXY"
	}
	return text + "it made no connection; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
}

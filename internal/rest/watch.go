package rest

import (
	"context"
	"errors"
	"math"
	"net/url"
	"strconv"

	"github.com/chatlake/chatlake/providers"
)

// watched tells the client's watch of an attempt. The caller calls the returned function with its outcome, after the gate knows it.
func (c *Client) watched(ctx context.Context, op, method string, target *url.URL) (context.Context, func(status int, err error)) {
	if c.watch == nil {
		return ctx, func(int, error) {}
	}
	port, _ := strconv.Atoi(target.Port())
	ctx, ended := c.watch(ctx, providers.Attempt{Op: op, Method: method, Host: target.Hostname(), Port: port})
	return ctx, func(status int, err error) {
		tolerated := c.gate.Tolerated()
		if math.IsInf(tolerated, 1) {
			tolerated = 0
		}
		ended(providers.Outcome{Status: status, Failure: failureOf(err), Tolerated: tolerated, Stopped: c.gate.Stopped() != nil})
	}
}

// failures are the words for errors of attempts.
var failures = []struct {
	is   error
	word string
}{
	{ErrTimeout, "timeout"}, {context.Canceled, "canceled"}, {context.DeadlineExceeded, "canceled"}, {ErrTLS, "tls"}, {ErrProxy, "proxy"},
	{ErrRedirect, "redirect"}, {errLinkRedirect, "redirect"}, {ErrHTML, "html"}, {errLinkHTML, "html"}, {ErrTooLarge, "too_large"},
	{errNotJSON, "not_json"}, {errCut, "cut_off"}, {errEncoding, "encoding"}, {errConnect, "connection"},
}

// failureOf is the word for an error. It contains nothing of the error's text.
func failureOf(err error) string {
	if err == nil {
		return ""
	}
	for _, f := range failures {
		if errors.Is(err, f.is) {
			return f.word
		}
	}
	return "other"
}

package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/internal/wire"
)

// Why an answer could not be used. Each is wrapped in a *providers.Error.
var (
	// ErrHTML means that the server sent a web page instead of JSON: the base URL is most likely not that of the API.
	ErrHTML = errors.New("the base URL answers with an HTML page; it should be the address of the API")
	// ErrRedirect means that the server redirects to a place where the token must not go.
	ErrRedirect = errors.New("the server redirects to another address; the base URL should be the final one (http or https, with or without www)")
	// ErrTooLarge means that a body exceeds the cap.
	ErrTooLarge = errors.New("the answer is too large")
	// ErrTimeout means that one attempt took longer than Config.Timeout.
	ErrTimeout = errors.New("no complete answer in time")

	// ErrTLS means that TLS failed: only one side speaks it, or the certificate is not accepted.
	ErrTLS = errors.New("TLS")
	// ErrProxy means that a proxy refuses, which neither the platform nor its credentials can change.
	ErrProxy = errors.New("proxy")

	errNotJSON  = errors.New("the answer is not JSON")
	errCut      = errors.New("the answer was cut off")
	errConnect  = errors.New("the connection broke")
	errEncoding = errors.New("the answer has an unknown encoding")
)

// send makes the round trip and reads the body.
func (c *Client) send(req *http.Request) (Response, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return Response{}, sanitize(req.Context(), err)
	}
	defer resp.Body.Close()
	a := Response{Status: resp.StatusCode, Header: resp.Header, After: retryAfter(resp.Header, time.Now())}
	if isRedirect(resp.StatusCode) {
		return a, ErrRedirect
	}
	a.Body, err = c.read(resp)
	a.ObservedAt = time.Now().UTC().Truncate(time.Microsecond)
	if resp.StatusCode == http.StatusProxyAuthRequired {
		return a, &networkError{ErrProxy, redact.ProxyRefusal("", resp.StatusCode)}
	}
	if resp.StatusCode == http.StatusBadRequest && req.URL.Scheme == "http" && wantsTLS(a.Body) {
		return a, &networkError{ErrTLS, "the server speaks TLS; the base URL should begin with https://"}
	}
	if resp.StatusCode >= 300 {
		return a, nil // an error's body is only a hint, whole or not
	}
	if err != nil {
		return a, sanitize(req.Context(), err)
	}
	return a, check(resp, a.Body)
}

// isPage reports whether an answer is a web page.
func isPage(resp *http.Response, body []byte) bool {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return media == "text/html" || media == "application/xhtml+xml" ||
		bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n\ufeff"), []byte("<"))
}

func isRedirect(status int) bool {
	return status >= 300 && status < 400 && status != http.StatusNotModified
}

// read reads a body to its end and unpacks it, up to the cap. A body that announces a greater length is not read at all.
func (c *Client) read(resp *http.Response) ([]byte, error) {
	r, err := unpacked(resp, c.maxBody)
	if err != nil {
		return nil, err
	}
	body, err := readUpTo(r, max(resp.ContentLength, 0), c.maxBody+1)
	if int64(len(body)) > c.maxBody {
		return nil, tooLarge(c.maxBody)
	}
	return body, err
}

func tooLarge(limit int64) error { return fmt.Errorf("%w: more than %d MiB", ErrTooLarge, limit>>20) }

// unpacked is the body of an answer, unpacked. It is an error if the body announces a length beyond the limit.
func unpacked(resp *http.Response, limit int64) (io.Reader, error) {
	if resp.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
		return resp.Body, nil
	case "gzip":
		r, err := gzip.NewReader(resp.Body)
		if err != nil {
			return nil, errEncoding
		}
		return r, nil
	}
	return nil, errEncoding
}

// smallBody is larger than most bodies.
const smallBody = 128 << 10

// bodies are buffers for bodies of unknown length, which are copied out once the length is known.
var bodies = sync.Pool{New: func() any { return new([smallBody]byte) }}

// readUpTo reads at most limit bytes; expected is the likely length, 0 if unknown. Its buffer doubles as it grows, but never beyond
// the limit, so an endless body takes at most one and a half times the limit.
func readUpTo(r io.Reader, expected, limit int64) ([]byte, error) {
	if expected > 0 || limit < smallBody {
		const first = 4 << 10
		return readOn(r, make([]byte, 0, min(limit, max(first, expected+1))), limit)
	}
	buffer := bodies.Get().(*[smallBody]byte)
	defer bodies.Put(buffer)
	body, err := readOn(r, buffer[:0], smallBody)
	if err != nil || len(body) < smallBody {
		return bytes.Clone(body), err
	}
	return readOn(r, append(make([]byte, 0, min(limit, 2*smallBody)), body...), limit)
}

// readOn appends to body until the end or the limit.
func readOn(r io.Reader, body []byte, limit int64) ([]byte, error) {
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil || int64(len(body)) == limit:
			return body, err
		case len(body) == cap(body):
			next := 2 * int64(cap(body))
			if next > limit-limit/4 {
				next = limit
			}
			grown := make([]byte, len(body), next)
			copy(grown, body)
			body = grown
		}
	}
}

// check reports what is wrong with the body of a successful answer.
func check(resp *http.Response, body []byte) error {
	if resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if isPage(resp, body) {
		return ErrHTML
	}
	if wire.Valid(body) {
		return nil
	}
	delimited := resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.Uncompressed || resp.ProtoMajor > 1
	if !delimited {
		return errCut
	}
	return errNotJSON
}

// sanitize replaces an error of the HTTP client by one that contains nothing of the request or the answer. The texts of net/http
// contain the whole URL and, if the answer was not HTTP, the server's bytes.
func sanitize(ctx context.Context, err error) error {
	var (
		dns      *net.DNSError
		other    x509.HostnameError
		network  *net.OpError
		unknown  *tls.CertificateVerificationError
		notTLS   tls.RecordHeaderError
		proxy    *redact.Cause
		deadline interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, ErrRedirect):
		return ErrRedirect
	case errors.Is(err, ErrTooLarge), errors.Is(err, errEncoding):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &dns):
		if dns.IsNotFound { // without its name, which may come from an answer
			return errors.New("look up the host: no such host")
		}
		return errors.New("look up the host: the name server did not answer")
	case errors.As(err, &other):
		return &networkError{ErrTLS, "the server's certificate is for another host"}
	case errors.As(err, &proxy):
		return &networkError{ErrProxy, proxy.Error()}
	case errors.As(err, &unknown):
		return &networkError{ErrTLS, redact.Error(err).Error()}
	case errors.As(err, &notTLS), errors.Is(err, http.ErrSchemeMismatch):
		return &networkError{ErrTLS, "the server does not speak TLS there; check whether the base URL should begin with http://"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader):
		return errCut
	case errors.As(err, &network):
		return fmt.Errorf("%w: %w", errConnect, redact.Error(network))
	case errors.As(err, &deadline) && deadline.Timeout():
		return ErrTimeout
	}
	return errConnect
}

// networkError is an error that neither the platform nor its credentials cause.
type networkError struct {
	kind error // ErrTLS or ErrProxy
	text string
}

func (c *networkError) Error() string { return c.text }
func (c *networkError) Unwrap() error { return c.kind }

// wantsTLS reports whether an answer is what a TLS server, Go's or nginx's, sends to a client that does not use TLS.
func wantsTLS(body []byte) bool {
	return bytes.Contains(body, []byte("HTTP request to an HTTPS server")) || bytes.Contains(body, []byte("plain HTTP request was sent to HTTPS port"))
}

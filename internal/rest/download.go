package rest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/providers"
)

// downloadTimeout is the limit for one attempt at a file of hundreds of megabytes.
const downloadTimeout = 10 * time.Minute

var (
	errLink         = errors.New("the link is not an https address, or contains a login, and is not followed")
	errLinkHTML     = errors.New("the link leads to an HTML page instead of a file")
	errLinkRedirect = errors.New("the link redirects too often, or not to an https address")
)

// Download follows a link from an answer and writes the content, any bytes, into a file from its beginning; Size is their number. More
// than limit bytes are an error and are not read. The link carries its own permission, so no credentials are sent. It may lead to any
// public https host, and to an http host or a private address only if the base URL is one too (see linkDialer). Requests pass the lease
// and the gate like all others. An answer of any status is returned unchanged, but a file is written only if the status is 200. If a
// web page comes with status 200, the request is repeated; after that it is an error.
func (c *Client) Download(ctx context.Context, op, link string, to io.WriterAt, limit int64) (Response, error) {
	target, err := url.Parse(link)
	if err != nil || !c.mayFollow(target) {
		return Response{}, &providers.Error{Kind: providers.Malformed, Op: op, Err: errLink}
	}
	d := *c
	d.http = &http.Client{Transport: c.links, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if !c.mayFollow(req.URL) || len(via) > maxRedirects {
			return errLinkRedirect
		}
		req.Header.Del("Referer") // it would pass on the link's permission
		return nil
	}}
	p := patience{repeatable: true, waits: maxWaits}
	for {
		answer, err := d.download(ctx, op, target, &p, to, limit)
		again, err := p.judge(ctx, op, c.gate, answer, err)
		if !again {
			return answer, err
		}
	}
}

// mayFollow reports whether a link may be followed without credentials, as far as its text shows.
func (c *Client) mayFollow(u *url.URL) bool {
	return u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && c.base.Scheme == "http")
}

// download waits for lease and gate and then requests the file once.
func (c *Client) download(ctx context.Context, op string, target *url.URL, p *patience, to io.WriterAt, limit int64) (a Response, err error) {
	meter := providers.MeterFrom(ctx)
	pass, err := c.gate.Wait(ctx, p, meter)
	if err != nil {
		return Response{}, err
	}
	ctx, ended := c.watched(ctx, op, http.MethodGet, target)
	defer func() { ended(a.Status, err) }()
	defer func() {
		outcome := a
		if outcome.Header = nil; a.Status != http.StatusTooManyRequests {
			outcome.Status = 0 // refusals and headers of another host say nothing about the account
		}
		c.tell(pass, meter, outcome, err)
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTimeout, ErrTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return Response{}, errLink
	}
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	meter.Count()
	resp, err := c.http.Do(req)
	for _, refused := range []error{errLinkRedirect, errPrivate} {
		if errors.Is(err, refused) {
			return Response{}, refused
		}
	}
	if err != nil {
		return Response{}, sanitize(ctx, err)
	}
	defer resp.Body.Close()
	a = Response{Status: resp.StatusCode, Header: resp.Header, After: retryAfter(resp.Header, time.Now())}
	if a.Status == http.StatusProxyAuthRequired {
		return a, &networkError{ErrProxy, redact.ProxyRefusal("", a.Status)}
	}
	if a.Status >= 300 {
		return a, nil
	}
	a.Size, err = c.save(resp, to, limit)
	a.ObservedAt = time.Now().UTC().Truncate(time.Microsecond)
	var disk *writeError
	switch {
	case errors.As(err, &disk), errors.Is(err, errLinkHTML):
		return a, err
	case err != nil:
		return a, sanitize(ctx, err)
	}
	return a, nil
}

// writeError means that a file could not be written on this machine.
type writeError struct{ cause error }

func (w *writeError) Error() string {
	return "write the downloaded file: " + redact.Error(root(w.cause)).Error()
}
func (w *writeError) Unwrap() error { return w.cause }

// save unpacks and writes a body of at most limit bytes. A body that announces a greater length is not read at all.
func (c *Client) save(resp *http.Response, to io.WriterAt, limit int64) (size int64, err error) {
	body, err := unpacked(resp, limit)
	if err != nil {
		return 0, err
	}
	buffered := bufio.NewReaderSize(body, smallBody)
	const enough = 512 // bytes to recognize a web page
	if head, _ := buffered.Peek(enough); isPage(resp, head) {
		return 0, errLinkHTML
	}
	chunk := make([]byte, smallBody)
	for {
		n, err := buffered.Read(chunk)
		if size+int64(n) > limit {
			return size, tooLarge(limit)
		}
		if _, err := to.WriteAt(chunk[:n], size); err != nil {
			return size, &writeError{err}
		}
		size += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return size, nil
		case err != nil:
			return size, err
		}
	}
}

// root is the innermost cause, such as "no space left on device", without a path.
func root(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

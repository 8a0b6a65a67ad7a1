package rest

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// downloadTimeout is for one try at a file of hundreds of megabytes.
const downloadTimeout = 10 * time.Minute

var (
	errLink = errors.New("the link is no https address without a user, and is not followed")
	errPage = errors.New("the link leads to an HTML page instead of a file")
	errFar  = errors.New("the link redirects too often, or to no https address")
)

// Download reads what a link in an answer leads to, bytes of any kind, up to limit. The link carries its own
// permission and may lead to any https host (to an http one only where the base URL is http): no credentials are ever
// sent. Requests pass the lease and the gate as all others do. An answer of any status is returned as it is; a page for
// people with the status of a file is asked for again, and then an error.
func (c *Client) Download(ctx context.Context, op, link string, limit int64) (Response, error) {
	target, err := url.Parse(link)
	if err != nil || !c.open(target) {
		return Response{}, &providers.Error{Kind: providers.Malformed, Op: op, Err: errLink}
	}
	d := *c
	d.maxBody = limit
	d.http = &http.Client{Transport: c.http.Transport, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if !c.open(req.URL) || len(via) > maxRedirects {
			return errFar
		}
		req.Header.Del("Referer") // it would carry the link's permission
		return nil
	}}
	p := patience{repeatable: true, waits: maxWaits}
	for {
		answer, err := d.download(ctx, target, &p)
		again, err := p.judge(ctx, op, c.gate, answer, err)
		if !again {
			return answer, err
		}
	}
}

// open says that a link may be followed without credentials.
func (c *Client) open(u *url.URL) bool {
	return u.Host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && c.base.Scheme == "http")
}

// download asks for a file once, when lease and gate allow it.
func (c *Client) download(ctx context.Context, target *url.URL, p *patience) (a Response, err error) {
	meter := providers.MeterFrom(ctx)
	pass, err := c.gate.Wait(ctx, p, meter)
	if err != nil {
		return Response{}, err
	}
	defer func() {
		foreign := a
		if foreign.Header = nil; a.Status != http.StatusTooManyRequests {
			foreign.Status = 0 // another host's refusals and headers say nothing of the account
		}
		c.tell(pass, meter, foreign, err)
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, downloadTimeout, errTimeout)
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
	if errors.Is(err, errFar) {
		return Response{}, errFar
	}
	if err != nil {
		return Response{}, wordless(ctx, err)
	}
	defer resp.Body.Close()
	a = Response{Status: resp.StatusCode, Header: resp.Header, After: retryAfter(resp.Header, time.Now())}
	a.Body, err = c.read(resp)
	a.ObservedAt = time.Now().UTC().Truncate(time.Microsecond)
	if a.Status >= 300 {
		return a, nil
	}
	if err != nil {
		return a, wordless(ctx, err)
	}
	if isPage(resp, a.Body) {
		return a, errPage
	}
	return a, nil
}

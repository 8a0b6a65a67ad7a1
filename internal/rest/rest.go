// Package rest is HTTP as all platforms need it: one pinned host, one budget for the account, short waits inside and long
// waits left to the caller.
//
// A request passes, in this order: the lease of the activity (providers.Meter), the gate of the account (budget and
// pauses), the signer, the wire; its answer is read whole, capped, unpacked and checked to be JSON. Connection failures
// and 500, 502, 503, 504 are tried again at most twice, and only where a repetition is harmless; a 429 is waited out, for
// every goroutine of the client at once. What is left is the platform's business: an answer of any status is returned as
// it is.
//
// It must not know any vendor's fields, paths or credentials, and no body, token or query ever stands in its errors.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/providers"
)

// Config says where a client speaks to and how much it may ask.
type Config struct {
	BaseURL   string                    // absolute, http or https; paths of requests are below it
	Sign      func(*http.Request) error // adds credentials; called for every try
	UserAgent string
	Rate      providers.Rate
	// Classes are endpoints that the platform allows less of than of the rest, and Take counts the uses of them over all
	// processes; nil counts those of this one alone.
	Classes   []Class
	Take      func(context.Context, providers.Quota) error
	Timeout   time.Duration     // of one try, 60 s by default
	MaxBody   int64             // bytes of an unpacked body, 64 MiB by default
	Transport http.RoundTripper // nil is a pooled one
}

// Client speaks to one account. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	sign      func(*http.Request) error
	userAgent string
	timeout   time.Duration
	maxBody   int64
	gate      *gate
	classes   *classes
	http      *http.Client
	links     http.RoundTripper // for links in answers, to any host
}

const (
	defaultTimeout = 60 * time.Second
	defaultMaxBody = 64 << 20
	maxRedirects   = 3
)

// New makes a client. It does no network.
func New(c Config) (*Client, error) {
	base, err := parseBase(c.BaseURL)
	if err != nil {
		return nil, err
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxBody <= 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.Sign == nil {
		c.Sign = unsigned
	}
	if c.Transport == nil {
		c.Transport = pooled()
	}
	client := &Client{
		base: base, sign: c.Sign, userAgent: c.UserAgent, timeout: c.Timeout, maxBody: c.MaxBody,
		gate: newGate(c.Rate), classes: newClasses(c.Classes, c.Take),
	}
	client.http = &http.Client{Transport: c.Transport, CheckRedirect: client.checkRedirect}
	client.links = foreignTransport(base, c.Transport)
	return client, nil
}

func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.User != nil {
		return nil, errors.New("the base URL must be an absolute http or https address without a user")
	}
	base.RawQuery, base.Fragment = "", ""
	return base, nil
}

func pooled() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 128, 128
	t.OnProxyConnectResponse = redact.ProxyAnswer
	return t
}

// checkRedirect follows redirects on the pinned host only: Go's client would carry a token in a header of its own to
// any host.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if !c.pinned(req.URL) || len(via) > maxRedirects || req.Method != via[0].Method {
		return ErrRedirect
	}
	return nil
}

func (c *Client) pinned(u *url.URL) bool {
	return u.Scheme == c.base.Scheme && strings.EqualFold(u.Host, c.base.Host)
}

// Request is what to ask.
type Request struct {
	Op     string // what is being done, as it stands in errors: "list conversations"
	Method string // GET when empty
	Path   string // below the base URL, or an absolute link on the same host
	Query  url.Values
	JSON   any        // the body, nil for none
	Form   url.Values // the body as a form, where there is no JSON
	// Repeatable says that the request may be sent twice although its method does not say so: a search by POST.
	Repeatable bool
	// OwnQuota says that the endpoint has a quota of its own: a 429 is returned at once and pauses no other request.
	OwnQuota bool
	// LeastPause is how long to wait at least after a 429, where the platform asks for more than a second.
	LeastPause time.Duration
}

// Response is an answer of any status, read to its end.
type Response struct {
	Status     int
	Header     http.Header
	Body       []byte
	Size       int64         // of a file that was downloaded
	ObservedAt time.Time     // when the body had been read, UTC, in microseconds
	After      time.Duration // how long the answer said to wait, 0 where it did not
}

// Get asks for a path below the base URL.
func (c *Client) Get(ctx context.Context, op, path string, query url.Values) (Response, error) {
	return c.Do(ctx, Request{Op: op, Path: path, Query: query})
}

// Post sends a JSON body. It is not tried again after a failure.
func (c *Client) Post(ctx context.Context, op, path string, body any) (Response, error) {
	return c.Do(ctx, Request{Op: op, Method: http.MethodPost, Path: path, JSON: body})
}

// Do sends a request until there is an answer worth returning. Errors are *providers.Error: no answer (Transient), one
// that cannot be used (Malformed), or a wait too long for this call (Throttled).
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	target, err := c.target(r)
	if err != nil {
		return Response{}, &providers.Error{Kind: providers.Malformed, Op: r.Op, Err: err}
	}
	var body []byte
	if r.JSON != nil {
		if body, err = json.Marshal(r.JSON); err != nil {
			return Response{}, &providers.Error{Kind: providers.Malformed, Op: r.Op, Err: errors.New("the request cannot be written as JSON")}
		}
	} else if r.Form != nil {
		body = []byte(r.Form.Encode())
	}
	p := patience{repeatable: r.Repeatable || idempotent(r.Method), waits: maxWaits}
	for {
		if err := c.classes.wait(ctx, r.Op, target, &p); err != nil {
			return Response{}, err
		}
		answer, err := c.try(ctx, r, target, body, &p)
		if err == nil && answer.Status == http.StatusTooManyRequests && c.classes.refused(target, answer.After) {
			continue
		}
		if err == nil && r.OwnQuota && answer.Status == http.StatusTooManyRequests {
			return answer, nil
		}
		again, err := p.judge(ctx, r.Op, c.gate, answer, err)
		if !again {
			return answer, err
		}
	}
}

// target is where a request goes: a path below the base URL, or a link if it stays on the host.
func (c *Client) target(r Request) (*url.URL, error) {
	ref, err := url.Parse(r.Path)
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	u := ref
	if !ref.IsAbs() && ref.Host == "" {
		u = c.base.JoinPath(ref.EscapedPath())
		u.RawQuery = ref.RawQuery
	} else if !c.pinned(ref) {
		return nil, errors.New("the link leads to another host and is not followed")
	}
	if len(r.Query) > 0 {
		q := u.Query()
		for k, v := range r.Query {
			q[k] = v
		}
		u.RawQuery = q.Encode()
	}
	return u, nil
}

// try sends a request once, when lease and gate allow it.
func (c *Client) try(ctx context.Context, r Request, target *url.URL, body []byte, p *patience) (answer Response, err error) {
	meter := providers.MeterFrom(ctx)
	pass, err := c.gate.Wait(ctx, p, meter)
	if err != nil {
		return Response{}, err
	}
	defer func() {
		told := answer
		if told.Status == http.StatusTooManyRequests {
			if told.After = max(told.After, r.LeastPause); r.OwnQuota || c.classes.have(target) {
				meter.Throttle()
				told.Status = 0
			}
		}
		c.tell(pass, meter, told, err)
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errTimeout)
	defer cancel()
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), content)
	if err != nil {
		return Response{}, errors.New("the request cannot be made")
	}
	req.Header.Set("Accept", "application/json")
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	switch {
	case r.JSON != nil:
		req.Header.Set("Content-Type", "application/json")
	case r.Form != nil:
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := c.sign(req); err != nil {
		return Response{}, &providers.Error{Kind: providers.Denied, Op: r.Op, Err: fmt.Errorf("sign the request: %w", err)}
	}
	meter.Count()
	return c.send(req)
}

// tell tells the gate what became of a request.
func (c *Client) tell(p pass, m *providers.Meter, answer Response, err error) {
	switch {
	case answer.Status == http.StatusTooManyRequests:
		m.Throttle()
		c.gate.Throttled(p, answer.After)
	case err == nil && answer.Status > 0 && answer.Status < 500:
		c.gate.Answered(p, answer.Status, answer.Header)
	default:
		c.gate.Failed(p)
	}
}

func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions:
		return true
	}
	return false
}

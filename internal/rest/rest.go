// Package rest is the HTTP client that all providers use: one pinned host and one request budget per account. It handles short waits
// and leaves long ones to the caller.
//
// A request passes, in this order: the lease of the activity (providers.Meter), the gate of the account (budget and
// pauses), the signer, the wire. The client reads the whole answer up to a cap, unpacks it and checks that it is JSON. It
// retries connection failures and 500, 502, 503 and 504 at most twice, and only if a repetition is harmless. After a 429
// every goroutine of the client waits. Anything else is up to the provider: the client returns an answer of any status
// unchanged.
//
// It must not know any vendor's fields, paths or credentials, and its errors never contain a body, a token or a query.
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

// Config configures a client.
type Config struct {
	BaseURL   string                    // absolute, http or https; request paths are relative to it
	Sign      func(*http.Request) error // adds credentials; called for every attempt
	UserAgent string
	Rate      providers.Rate
	// Classes are endpoints with stricter limits than the rest. Take counts their uses across all processes; if it is nil,
	// only this process counts.
	Classes   []Class
	Take      func(context.Context, providers.Quota) error
	Watch     providers.Watch   // nil if nobody watches
	Timeout   time.Duration     // of one attempt, 60 s by default
	MaxBody   int64             // bytes of an unpacked body, 64 MiB by default
	Transport http.RoundTripper // nil means a pooled one
}

// Client sends the requests of one account. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	sign      func(*http.Request) error
	userAgent string
	timeout   time.Duration
	maxBody   int64
	gate      *gate
	classes   *classes
	watch     providers.Watch
	http      *http.Client
	links     http.RoundTripper // for links in answers, to any host
}

const (
	defaultTimeout = 60 * time.Second
	defaultMaxBody = 64 << 20
	maxRedirects   = 3
)

// New returns a client. It sends nothing yet.
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
		gate: newGate(c.Rate), classes: newClasses(c.Classes, c.Take), watch: c.Watch,
	}
	client.http = &http.Client{Transport: c.Transport, CheckRedirect: client.checkRedirect}
	client.links = linkTransport(base, c.Transport)
	return client, nil
}

func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.User != nil {
		return nil, errors.New("the base URL must be an absolute http or https address without a login")
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

// checkRedirect follows redirects only on the pinned host, because Go's client would carry a token in a custom header to
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

// Request is one request to send.
type Request struct {
	Op     string // what the request does, for errors: "list conversations"
	Method string // GET if empty
	Path   string // relative to the base URL, or an absolute link on the same host
	Query  url.Values
	JSON   any        // the body, nil for none
	Form   url.Values // the body as a form, if JSON is nil
	// Repeatable means that the request may safely be sent twice although its method does not imply it, as a search by POST.
	Repeatable bool
	// Once means that the request is sent at most once, because the caller must look before it asks again: a 429 is returned as an
	// answer. It pauses the account all the same.
	Once bool
	// OwnQuota means that the endpoint has a quota of its own: a 429 is returned at once and pauses no other request.
	OwnQuota bool
	// LeastPause is the minimum pause after a 429, for platforms that require more than a second.
	LeastPause time.Duration
}

// Response is an answer of any status, read to its end.
type Response struct {
	Status     int
	Header     http.Header
	Body       []byte
	Size       int64         // of a downloaded file, in bytes
	ObservedAt time.Time     // when the body had been read, UTC, in microseconds
	After      time.Duration // Retry-After, 0 if there is none
}

// Get requests a path relative to the base URL.
func (c *Client) Get(ctx context.Context, op, path string, query url.Values) (Response, error) {
	return c.Do(ctx, Request{Op: op, Path: path, Query: query})
}

// Post sends a JSON body. It does not retry after a failure.
func (c *Client) Post(ctx context.Context, op, path string, body any) (Response, error) {
	return c.Do(ctx, Request{Op: op, Method: http.MethodPost, Path: path, JSON: body})
}

// Do sends a request, with retries, until there is an answer worth returning. Errors are *providers.Error: no answer
// (Transient), an unusable answer (Malformed), or a wait too long for this call (Throttled).
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
			return Response{}, &providers.Error{Kind: providers.Malformed, Op: r.Op, Err: errors.New("the request cannot be encoded as JSON")}
		}
	} else if r.Form != nil {
		body = []byte(r.Form.Encode())
	}
	p := patience{repeatable: !r.Once && (r.Repeatable || idempotent(r.Method)), waits: maxWaits}
	for {
		if err := c.classes.wait(ctx, r.Op, target, &p); err != nil {
			return Response{}, err
		}
		answer, err := c.try(ctx, r, target, body, &p)
		if err == nil && answer.Status == http.StatusTooManyRequests && c.classes.refused(target, answer.After) && !r.Once {
			continue
		}
		if err == nil && (r.OwnQuota || r.Once) && answer.Status == http.StatusTooManyRequests {
			return answer, nil
		}
		again, err := p.judge(ctx, r.Op, c.gate, answer, err)
		if !again {
			return answer, err
		}
	}
}

// target is the URL of a request: a path relative to the base URL, or a link that stays on the same host.
func (c *Client) target(r Request) (*url.URL, error) {
	ref, err := url.Parse(r.Path)
	if err != nil {
		return nil, errors.New("the address is invalid")
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

// try waits for lease and gate and then sends the request once.
func (c *Client) try(ctx context.Context, r Request, target *url.URL, body []byte, p *patience) (answer Response, err error) {
	meter := providers.MeterFrom(ctx)
	pass, err := c.gate.Wait(ctx, p, meter)
	if err != nil {
		return Response{}, err
	}
	ctx, ended := c.watched(ctx, r.Op, r.Method, target)
	defer func() { ended(answer.Status, err) }()
	defer func() {
		told := answer
		if told.Status == http.StatusTooManyRequests {
			if told.After = max(told.After, r.LeastPause); r.OwnQuota || c.classes.contain(target) {
				meter.Throttle()
				told.Status = 0
			}
		}
		c.tell(pass, meter, told, err)
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, ErrTimeout)
	defer cancel()
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target.String(), content)
	if err != nil {
		return Response{}, errors.New("the request cannot be created")
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

// tell reports the outcome of a request to the gate.
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

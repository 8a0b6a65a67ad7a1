package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
)

const token = "tok-marker-91ab"

// roundTrip is a transport without a network, for tests in a synctest bubble.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answering(status int, body string, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{
		StatusCode: status, Header: h, ProtoMajor: 1, ProtoMinor: 1,
		ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)),
	}
}

func client(t *testing.T, base string, transport http.RoundTripper, change ...func(*Config)) *Client {
	t.Helper()
	config := Config{BaseURL: base, Transport: transport, UserAgent: "test", Sign: func(r *http.Request) error {
		r.Header.Set("X-Token", token)
		return nil
	}}
	for _, f := range change {
		f(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func serve(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func problem(t *testing.T, err error) *providers.Error {
	t.Helper()
	var e *providers.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v, want a *providers.Error", err)
	}
	for _, secret := range []string{token, "query-marker", "body-marker"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q stands in the error %q", secret, err)
		}
	}
	return e
}

func TestGet(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/sub/api/x" || r.URL.Query().Get("page") != "2" || r.Header.Get("X-Token") != token || r.Header.Get("User-Agent") != "test" {
			t.Errorf("the request is %s with header %v", r.URL, r.Header)
		}
		w.Header().Set("Content-Type", "application/json")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("the request does not accept gzip")
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		defer packed.Close()
		fmt.Fprint(packed, `{"a":1}`)
	})
	meter := providers.NewMeter(providers.Lease{})
	ctx := providers.WithMeter(t.Context(), meter)
	answer, err := client(t, base+"/sub/", nil).Get(ctx, "read", "/api/x", url.Values{"page": {"2"}})
	if err != nil || answer.Status != 200 || string(answer.Body) != `{"a":1}` {
		t.Errorf("the answer is %d %q, error %v", answer.Status, answer.Body, err)
	}
	if age := time.Since(answer.ObservedAt); age < 0 || age > time.Minute || meter.Requests() != 1 {
		t.Errorf("observed %s ago, %d requests", age, meter.Requests())
	}
}

func TestPostSendsJSON(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || string(body) != `{"q":"x"}` || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the request is %s %q", r.Method, body)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	answer, err := client(t, base, nil).Post(t.Context(), "search", "/q", map[string]string{"q": "x"})
	if err != nil || answer.Status != http.StatusNoContent {
		t.Errorf("the answer is %d, error %v", answer.Status, err)
	}
}

// TestBodyWithoutEndIsBounded: the memory for a body does not depend on its length.
func TestBodyWithoutEndIsBounded(t *testing.T) {
	const limit = 16 << 20
	base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		piece := bytes.Repeat([]byte(" "), 64<<10)
		for range 100_000_000 / len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	c := client(t, base, nil, func(c *Config) { c.MaxBody = limit })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.Get(t.Context(), "read it", "/x", nil)
	runtime.ReadMemStats(&after)
	if e := problem(t, err); !errors.Is(e, ErrTooLarge) {
		t.Errorf("the error is %v, want %v", err, ErrTooLarge)
	}
	if allocated := int64(after.TotalAlloc - before.TotalAlloc); allocated > limit*5/2 {
		t.Errorf("%d MiB were allocated for a body of 100 MB and a limit of %d MiB", allocated>>20, limit>>20)
	}
}

// TestUnusableAnswers has every way in which an answer can be unusable.
func TestUnusableAnswers(t *testing.T) {
	hijack := func(w http.ResponseWriter, raw string) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, raw)
		_ = conn.(*net.TCPConn).CloseWrite()
		_ = conn.Close()
	}
	tests := []struct {
		name  string
		serve http.HandlerFunc
		kind  providers.Kind
		is    error
		tries int64
	}{
		{"html", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>body-marker</html>")
		}, providers.Malformed, ErrHTML, 3},
		{"html that says it is JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, " <!doctype html>body-marker")
		}, providers.Malformed, ErrHTML, 3},
		{"not JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"a": "body-marker"`)
		}, providers.Malformed, errNotJSON, 3},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"a": "body-marker"`)
		}, providers.Transient, errCut, 3},
		{"cut off, length unknown", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{\"a\": \"body-marker\"")
		}, providers.Transient, errCut, 3},
		{"not HTTP", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "body-marker\r\n\r\n") }, providers.Transient, errConnect, 3},
		{"reset", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, providers.Transient, nil, 3},
		{"too large", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`"` + strings.Repeat("x", 2<<20) + `"`))
		}, providers.Malformed, ErrTooLarge, 1},
		{"too large by its own word", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(2<<20))
			_, _ = w.Write([]byte(`"`))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // the client does not wait for the rest
		}, providers.Malformed, ErrTooLarge, 1},
		{"unknown encoding", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			fmt.Fprint(w, "body-marker")
		}, providers.Malformed, errEncoding, 1},
		{"elsewhere", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://other.example.com/?body-marker")
			w.WriteHeader(http.StatusFound)
		}, providers.Malformed, ErrRedirect, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tries atomic.Int64
			base := serve(t, func(w http.ResponseWriter, r *http.Request) {
				tries.Add(1)
				tt.serve(w, r)
			})
			// Without kept-alive connections, because net/http itself repeats a request whose kept-alive connection was closed.
			transport := &http.Transport{DisableKeepAlives: true}
			_, err := client(t, base, transport, func(c *Config) { c.MaxBody = 1 << 20 }).Get(t.Context(), "read it", "/x", url.Values{"q": {"query-marker"}})
			e := problem(t, err)
			if e.Kind != tt.kind || tt.is != nil && !errors.Is(err, tt.is) || tries.Load() != tt.tries || e.Op != "read it" {
				t.Errorf("the error is %s %q after %d tries; want %s %v after %d", e.Kind, err, tries.Load(), tt.kind, tt.is, tt.tries)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	listener.Close()
	_, err = client(t, base, nil).Get(t.Context(), "read", "/x", url.Values{"q": {"query-marker"}})
	if e := problem(t, err); e.Kind != providers.Transient || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the error is %s %v", e.Kind, err)
	}
}

func TestRedirectOnTheSameHost(t *testing.T) {
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusMovedPermanently)
			return
		}
		if r.Header.Get("X-Token") != token {
			t.Error("the token was lost on the way")
		}
		fmt.Fprint(w, `{}`)
	})
	if _, err := client(t, base, nil).Get(t.Context(), "read", "/old", nil); err != nil {
		t.Error(err)
	}
}

func TestLinksStayOnTheHost(t *testing.T) {
	var asked []string
	c := client(t, "https://chat.example.com/base", roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.String())
		return answering(200, "{}"), nil
	}))
	tests := []struct {
		path string
		want string // target, empty for none
	}{
		{"/a/b", "https://chat.example.com/base/a/b"},
		{"a%2Fb?x=1", "https://chat.example.com/base/a%2Fb?x=1"},
		{"https://chat.example.com/next?cursor=1", "https://chat.example.com/next?cursor=1"},
		{"https://CHAT.example.com/next", "https://CHAT.example.com/next"},
		{"http://chat.example.com/next", ""},
		{"https://chat.example.com.evil.org/next", ""},
		{"https://chat.example.com:444/next", ""},
		{"//evil.org/next", ""},
		{"/../../secret", "https://chat.example.com/secret"},
		{"https://chat.example.com@evil.org/", ""},
	}
	for _, tt := range tests {
		asked = nil
		_, err := c.Get(t.Context(), "read", tt.path, nil)
		if got := strings.Join(asked, " "); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%q went to %q, error %v; want %q", tt.path, got, err, tt.want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for _, base := range []string{"", "chat.example.com", "ftp://chat.example.com", "https://", "https://user:pw@chat.example.com", "https://%zz"} {
		if _, err := New(Config{BaseURL: base}); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("New with the base URL %q: %v", base, err)
		}
	}
}

// script gives one answer after the other, and repeats the last.
func script(answers ...step) (http.RoundTripper, *int) {
	n := new(int)
	return roundTrip(func(*http.Request) (*http.Response, error) {
		f := answers[min(*n, len(answers)-1)]
		*n++
		return f()
	}), n
}

type step = func() (*http.Response, error)

func list(steps ...step) []step { return steps }

func status(code int, header ...string) step {
	return func() (*http.Response, error) { return answering(code, `{"error":"body-marker"}`, header...), nil }
}

func broken() (*http.Response, error) {
	return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
}

func TestTries(t *testing.T) {
	fine := status(200)
	tests := []struct {
		name    string
		method  string
		answers []step
		sent    int
		status  int
		kind    providers.Kind // of the error, empty for none
		after   time.Duration
		longest time.Duration
	}{
		{"a reset", "GET", list(broken, fine), 2, 200, "", 0, 2 * time.Second},
		{"three resets", "GET", list(broken), 3, 0, providers.Transient, 0, 5 * time.Second},
		{"a reset of a POST", "POST", list(broken, fine), 1, 0, providers.Transient, 0, 0},
		{"502 and 504", "GET", list(status(502), status(504), fine), 3, 200, "", 0, 5 * time.Second},
		{"503 for ever", "GET", list(status(503)), 3, 503, "", 0, 5 * time.Second},
		{"503 of a POST", "POST", list(status(503)), 1, 503, "", 0, 0},
		{"503 with a short wait", "GET", list(status(503, "Retry-After", "4"), fine), 2, 200, "", 0, 5 * time.Second},
		{"503 with a long wait", "GET", list(status(503, "Retry-After", "600")), 1, 503, "", 10 * time.Minute, 0},
		{"500 once", "GET", list(status(500), fine), 2, 200, "", 0, 5 * time.Second},
		{"500 for ever", "GET", list(status(500)), 3, 500, "", 0, 5 * time.Second},
		{"501", "GET", list(status(501)), 1, 501, "", 0, 0},
		{"404", "GET", list(status(404)), 1, 404, "", 0, 0},
		{"429 with a wait", "POST", list(status(429, "Retry-After", "20"), fine), 2, 200, "", 0, 21 * time.Second},
		{"429 with a long wait", "GET", list(status(429, "Retry-After", "1200")), 1, 0, providers.Throttled, 20 * time.Minute, 0},
		{"429 for ever", "GET", list(status(429)), 9, 0, providers.Throttled, 256 * time.Second, 10 * time.Minute},
		{"429 for ever, at once", "GET", list(status(429, "Retry-After", "0.01")), 9, 0, providers.Throttled, 256 * time.Second, 20 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport, sent := script(tt.answers...)
				meter := providers.NewMeter(providers.Lease{})
				start := time.Now()
				answer, err := client(t, "https://chat.example.com", transport).
					Do(providers.WithMeter(t.Context(), meter), Request{Op: "read", Method: tt.method, Path: "/x"})
				if *sent != tt.sent || meter.Requests() != int64(tt.sent) {
					t.Errorf("%d requests were sent and %d counted, want %d", *sent, meter.Requests(), tt.sent)
				}
				if took := time.Since(start); took > tt.longest {
					t.Errorf("it took %s", took)
				}
				if tt.kind == "" {
					if err != nil || answer.Status != tt.status || answer.After != tt.after {
						t.Errorf("status %d, after %s, error %v", answer.Status, answer.After, err)
					}
					return
				}
				if e := problem(t, err); e.Kind != tt.kind || e.After != tt.after {
					t.Errorf("the error is %s %v after %s", e.Kind, err, e.After)
				}
			})
		})
	}
}

func TestThrottlesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, _ := script(status(429), status(429), status(200))
		meter := providers.NewMeter(providers.Lease{})
		if _, err := client(t, "https://chat.example.com", transport).Get(providers.WithMeter(t.Context(), meter), "read", "/x", nil); err != nil {
			t.Fatal(err)
		}
		if meter.Throttled() != 2 || meter.Requests() != 3 {
			t.Errorf("%d of %d requests were throttled", meter.Throttled(), meter.Requests())
		}
	})
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		c := client(t, "https://chat.example.com", roundTrip(func(r *http.Request) (*http.Response, error) {
			sent++
			<-r.Context().Done()
			return nil, r.Context().Err()
		}))
		start := time.Now()
		_, err := c.Get(t.Context(), "read", "/x", nil)
		if e := problem(t, err); e.Kind != providers.Transient || !errors.Is(err, ErrTimeout) || time.Since(start) != defaultTimeout || sent != 1 {
			t.Errorf("%v after %s and %d tries", err, time.Since(start), sent)
		}
	})
}

func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport, _ := script(status(429, "Retry-After", "120"))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		start := time.Now()
		_, err := client(t, "https://chat.example.com", transport).Get(ctx, "read", "/x", nil)
		problem(t, err)
		if !errors.Is(err, context.Canceled) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestSignFails(t *testing.T) {
	c := client(t, "https://chat.example.com", roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("the request was sent unsigned")
		return answering(200, "{}"), nil
	}), func(c *Config) { c.Sign = func(*http.Request) error { return errors.New("no key") } })
	_, err := c.Get(t.Context(), "read", "/x", nil)
	if e := problem(t, err); e.Kind != providers.Denied {
		t.Errorf("the error is %s %v", e.Kind, err)
	}
}

package s3test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// Proxy stands between a client and s until t ends: every request goes to intercept, which may look at it, hold it,
// answer it itself, or hand it to next, which asks s. It returns s with the endpoint to use instead; all else is as it
// was.
//
//   - To cut the connection, intercept panics with http.ErrAbortHandler.
//   - To lose the answer of something that was done, it calls next with an httptest.ResponseRecorder and then panics.
//   - When s is down the connection is cut as well: next does not return.
//
// The path of a request is /<bucket>/<key>; a key's "=" may be written %3D in r.URL.EscapedPath, never in r.URL.Path.
// intercept is called by several goroutines at once.
func Proxy(t testing.TB, s Server, intercept func(w http.ResponseWriter, r *http.Request, next http.Handler)) Server {
	t.Helper()
	to, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatalf("the endpoint of the S3 server: %v", err)
	}
	// Without compression of its own: headers are signed, and pass as they are.
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32}
	next := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host // the header Host stays: it is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0), // cut connections are the purpose
	}
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { intercept(w, r, next) }))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		transport.CloseIdleConnections()
	})
	s.Endpoint = front.URL
	return s
}

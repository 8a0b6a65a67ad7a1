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

// Proxy forwards requests from a client to s until t ends. Every request goes to intercept, which may inspect it, hold it, answer
// it itself, or pass it to next, which forwards it to s. Proxy returns s with the proxy's endpoint.
//
//   - To cut the connection, intercept panics with http.ErrAbortHandler.
//   - To lose the response of a completed request, intercept calls next with an httptest.ResponseRecorder and then panics.
//   - If s is down, the connection is cut as well: next does not return.
//
// The path of a request is /<bucket>/<key>; a key's "=" may be written %3D in r.URL.EscapedPath, never in r.URL.Path.
// intercept is called concurrently.
func Proxy(t testing.TB, s Server, intercept func(w http.ResponseWriter, r *http.Request, next http.Handler)) Server {
	t.Helper()
	to, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatalf("the endpoint of the S3 server: %v", err)
	}
	// No compression of its own: headers are signed and must pass unchanged.
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32}
	next := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host // keep the Host header: it is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		ErrorLog:     log.New(io.Discard, "", 0), // connections are cut on purpose
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

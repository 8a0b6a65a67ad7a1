package rest

import (
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

// platform is a TLS server that answers with gzip if the client accepts it, and records how it was asked.
type platform struct {
	*httptest.Server
	connections, requests, packed, http2 atomic.Int64
}

func newPlatform(t *testing.T, http2 bool) *platform {
	p := &platform{}
	body := fmt.Sprintf(`{"text":%q}`, strings.Repeat("long ", 10_000))
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		if r.ProtoMajor == 2 {
			p.http2.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			_, _ = w.Write([]byte(body))
			return
		}
		p.packed.Add(1)
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		_, _ = packed.Write([]byte(body))
		_ = packed.Close()
	}))
	p.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			p.connections.Add(1)
		}
	}
	p.EnableHTTP2 = http2
	p.StartTLS()
	t.Cleanup(p.Close)
	return p
}

// trusting is a client's default transport that trusts the server of the test.
func (p *platform) trusting(t *testing.T) *http.Transport {
	transport, ok := pooled().(*http.Transport)
	if !ok {
		t.Fatal("the pooled transport is another")
	}
	known := x509.NewCertPool()
	known.AddCert(p.Certificate())
	transport.TLSClientConfig = &tls.Config{RootCAs: known}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// TestConnectionsAreReused sends many concurrent requests: they use HTTP/2 if offered, compression, and far fewer connections
// than requests.
func TestConnectionsAreReused(t *testing.T) {
	for _, tt := range []struct{ http2, atOnce int }{{0, 16}, {1, 16}, {0, 128}} {
		t.Run(fmt.Sprintf("http2 %d, %d at once", tt.http2, tt.atOnce), func(t *testing.T) {
			const requests = 1000
			p := newPlatform(t, tt.http2 == 1)
			c := client(t, p.URL, p.trusting(t))
			var all errgroup.Group
			all.SetLimit(tt.atOnce)
			for range requests {
				all.Go(func() error {
					answer, err := c.Get(t.Context(), "read", "/x", nil)
					if err == nil && len(answer.Body) < 50_000 {
						err = fmt.Errorf("%d bytes of a body", len(answer.Body))
					}
					return err
				})
			}
			if err := all.Wait(); err != nil {
				t.Fatal(err)
			}
			if n := p.requests.Load(); n != requests || p.packed.Load() != n || p.http2.Load() != n*int64(tt.http2) {
				t.Errorf("%d requests of %d, %d packed, %d over HTTP/2", n, requests, p.packed.Load(), p.http2.Load())
			}
			// A request that starts before the previous connection is free dials a new one, and may then use the old one anyway. So a
			// busy machine opens twice as many connections as there are requests in flight, or more. Without reuse, there would be one
			// for each request.
			if n := p.connections.Load(); n > requests/2 {
				t.Errorf("%d connections for %d requests at once", n, tt.atOnce)
			} else {
				t.Logf("%d connections", n)
			}
		})
	}
}

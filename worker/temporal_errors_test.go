package worker_test

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chatlake/chatlake/worker"
)

// TestTemporalThatCannotBeReached wants errors that name the key at fault, and quote nothing that the other side has sent.
func TestTemporalThatCannotBeReached(t *testing.T) {
	says := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, canary)
	})
	plain := httptest.NewServer(says)
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(says)
	secure.EnableHTTP2 = true
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	at := func(server *httptest.Server) string { return server.Listener.Addr().String() }
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for _, test := range []struct{ name, section, want string }{
		{"nobody", "address: '" + closed.Addr().String() + "'", "temporal.address: nothing answers there"},
		{"TLS to a plain server", "address: '" + at(plain) + "', tls: {enabled: true}", "temporal.tls.enabled: the server does not speak TLS"},
		{"an unknown authority", "address: '" + at(secure) + "', tls: {enabled: true}", "SSL_CERT_FILE"},
		{"another name", fmt.Sprintf("address: '%s', tls: {ca_file: '%s', server_name: other.example}", at(secure), authority), "temporal.tls.server_name: "},
		{"a web server", fmt.Sprintf("address: '%s', tls: {ca_file: '%s', server_name: example.com}", at(secure), authority), "temporal.address: no Temporal frontend answers there"},
		{"no TLS to a server of TLS", "address: '" + at(secure) + "'", "temporal.address: no Temporal frontend answers there, or it requires TLS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := load(t, "temporal: {"+test.section+"}\n"+minimal)
			connection, err := worker.Connect(t.Context(), c, worker.ConnectOptions{})
			if err == nil {
				_ = connection.Stop()
				t.Fatal("connected")
			}
			if !strings.HasPrefix(err.Error(), "chatlake.yaml:1: temporal.") || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), canary) {
				t.Errorf("error %v, want %q and nothing quoted", err, test.want)
			}
		})
	}
}

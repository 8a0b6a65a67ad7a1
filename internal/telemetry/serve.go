package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/chatlake/chatlake/internal/redact"
)

// server serves the endpoints. Other packages may add theirs.
type server struct {
	mux      *http.ServeMux
	listener net.Listener
	http     *http.Server
}

// listen begins to serve on an address.
func (t *Telemetry) listen(address string) (*server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for /metrics and the page: %w; choose another address with --listen", address, err)
	}
	s := &server{mux: http.NewServeMux(), listener: listener}
	s.mux.Handle("GET /metrics", promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{ErrorLog: complaints{t.log}, MaxRequestsInFlight: 4}))
	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok\n") })
	s.mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { t.ready(w) })
	s.http = &http.Server{
		Handler: s.mux, MaxHeaderBytes: 32 << 10, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	go func() { _ = s.http.Serve(listener) }() // it ends with stop
	return s, nil
}

// complaints logs what the handler of metrics cannot do.
type complaints struct{ log *slog.Logger }

func (c complaints) Println(v ...any) {
	c.log.Warn("metrics cannot be served", "error", fmt.Sprint(v...))
}

func (s *server) stop(ctx context.Context) {
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}

// Address is the address that is listened on; empty if none is.
func (t *Telemetry) Address() string {
	if t == nil || t.server == nil {
		return ""
	}
	return t.server.listener.Addr().String()
}

// Handle adds an endpoint to the address that is listened on, if there is one. The pattern is one of http.ServeMux.
func (t *Telemetry) Handle(pattern string, handler http.Handler) {
	if t != nil && t.server != nil {
		t.server.mux.Handle(pattern, handler)
	}
}

// check is the last result of a check of /readyz.
type check struct {
	at    time.Time
	valid time.Duration // after that, the result says nothing any more; 0 is for ever
	err   error
}

// wrong is what is wrong by a check, in words; empty if nothing is.
func (c check) wrong(now time.Time) string {
	switch {
	case c.err != nil:
		return redact.Mask(strings.Join(strings.Fields(c.err.Error()), " "))
	case c.valid > 0 && now.Sub(c.at) > c.valid:
		return "not checked since " + c.at.UTC().Format(time.RFC3339)
	}
	return ""
}

// errUnchecked is the result of a check before the first one.
var errUnchecked = errors.New("not checked yet")

// Check sets the result of a check of /readyz. The process is ready if all pass. A result older than valid is a failure, so that a check that hangs is noticed; 0 is valid for ever. The error must contain no secrets and no texts of conversations.
func (t *Telemetry) Check(name string, err error, valid time.Duration) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.checks[name] = check{time.Now(), valid, err}
}

// ready answers with a line for each check.
func (t *Telemetry) ready(w http.ResponseWriter) {
	t.mu.Lock()
	checks := maps.Clone(t.checks)
	t.mu.Unlock()
	status, text := http.StatusOK, ""
	for _, name := range slices.Sorted(maps.Keys(checks)) {
		wrong := checks[name].wrong(time.Now())
		if wrong == "" {
			wrong = "ok"
		} else {
			status = http.StatusServiceUnavailable
		}
		text += name + ": " + wrong + "\n"
	}
	answer(w, status, text)
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // whoever does not get it asks again
}

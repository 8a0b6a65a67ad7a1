package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// A Server serves a page on an address of its own.
type Server struct {
	listener net.Listener
	http     *http.Server
	rest     context.CancelFunc // ends Watch
}

// Listen begins to serve a page on an address, such as 127.0.0.1:8234.
func Listen(address string, p *Page) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s for the page: %w; choose another address", address, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{listener, &http.Server{
		Handler: p, MaxHeaderBytes: 32 << 10, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: longestAnswer + 5*time.Second,
		IdleTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}, cancel}
	go p.Watch(ctx)
	go func() { _ = s.http.Serve(listener) }() // it ends with Stop
	return s, nil
}

// URL is the address of the page.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() + "/" }

// IsLocal reports whether only this machine can reach the page.
func (s *Server) IsLocal() bool { return addressOf(s.listener.Addr().String()).IsLoopback() }

// Stop ends the server, after a moment for answers under way.
func (s *Server) Stop() {
	s.rest()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); errors.Is(err, context.DeadlineExceeded) {
		_ = s.http.Close()
	}
}

package faults

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// hosts is the whole network of the tests: listeners by name. A bubble's clock can advance while a goroutine waits for a pipe, but
// not while it waits for a socket.
var hosts sync.Map

// TestMain replaces the real network. The providers' clients derive from http.DefaultTransport, so they use the pipes.
func TestMain(m *testing.M) {
	http.DefaultTransport = &http.Transport{DialContext: dial, IdleConnTimeout: 90 * time.Second}
	os.Exit(m.Run())
}

func dial(ctx context.Context, _, address string) (net.Conn, error) {
	found, ok := hosts.Load(address)
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: syscall.ECONNREFUSED}
	}
	broken := &atomic.Bool{}
	ours, theirs := net.Pipe()
	select {
	case found.(*listener).calls <- &line{theirs, broken}:
		return &line{ours, broken}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// line is one end of a connection. It can end with a reset, as when a machine dies.
type line struct {
	net.Conn
	broken *atomic.Bool
}

// SetLinger with 0 makes the other side read a reset when the line is closed, as with a socket.
func (l *line) SetLinger(int) error {
	l.broken.Store(true)
	return nil
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if errors.Is(err, io.EOF) && l.broken.Load() {
		err = &net.OpError{Op: "read", Net: "pipe", Err: syscall.ECONNRESET}
	}
	return n, err
}

// listener accepts connections to one name.
type listener struct {
	calls chan net.Conn
	ended chan struct{}
	once  sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

var names atomic.Int64

// serve serves a handler under a new name. It returns the address, and a function that ends the server and all its connections.
func serve(handler http.Handler) (base string, end func()) {
	address := "site-" + strconv.FormatInt(names.Add(1), 10) + ".test:80"
	l := &listener{calls: make(chan net.Conn), ended: make(chan struct{})}
	hosts.Store(address, l)
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(l) }() // it ends with the listener
	return "http://" + address, func() {
		hosts.Delete(address)
		_ = server.Close()
	}
}

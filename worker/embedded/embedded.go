//go:build !noembedded

package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/temporal"
	"go.uber.org/dig"

	_ "github.com/chatlake/chatlake/internal/uid" // the server looks up the owner of the process
)

const (
	retention = 30 * 24 * time.Hour
	loopback  = "127.0.0.1"
)

// Server is a running server. Call Stop when done.
type Server struct {
	server temporal.Server
	ui     *uiserver.Server
	lock   *flock.Flock
	crash  *crash
	polls  *polls
	began  time.Time
	// unfinished are the workflows that had not ended by then.
	unfinished []Execution
	address    string
	uiURL      string
}

// Start starts a server and returns when it answers. Errors name the folder or the file at fault; if the database cannot be used,
// the error is a *DatabaseError.
func Start(ctx context.Context, c Config) (*Server, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("create state folder: %w", err)
	}
	lock, err := acquire(ctx, c.Dir)
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("state folder %s is in use by another chatlake process: stop that process, or choose another state_dir", c.Dir)
	}
	if err != nil {
		return nil, err
	}
	s := &Server{lock: lock}
	if err := s.start(ctx, c); err != nil {
		return nil, errors.Join(fmt.Errorf("start embedded Temporal: %w", err), s.lock.Unlock())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, c Config) error {
	if err := withdraw(c.Dir); err != nil {
		return err
	}
	database := filepath.Join(c.Dir, databaseName)
	s.began = time.Now()
	var err error
	if s.unfinished, err = check(ctx, database); err != nil {
		return err
	}
	if err := prepare(database, c.Keywords); err != nil {
		return unusable(database, err)
	}
	err = s.run(ctx, c, database)
	for again := 1; errors.Is(err, syscall.EADDRINUSE) && again < attempts; again++ { // another process took the port first, see reserve
		err = s.run(ctx, c, database)
	}
	if err != nil {
		return err
	}
	return s.announce(c.Dir)
}

// attempts is how often the server is started, each time on other ports, before Start returns its error.
const attempts = 5

// run starts the server's services, and the UI if requested, on free ports.
func (s *Server) run(ctx context.Context, c Config, database string) error {
	ports, err := reserve(len(services) + 1)
	if err != nil {
		return err
	}
	defer ports.release()
	uiPort := c.UIPort
	if uiPort == 0 {
		uiPort = ports.numbers[len(services)]
	} else if err := isFree(uiPort); err != nil {
		return err // the UI itself would end the whole process
	}
	ports.handOver()
	if err := s.launch(ctx, database, ports.numbers, c.Logger); err != nil {
		return err
	}
	if c.UI {
		s.startUI(uiPort)
	}
	return nil
}

// launch starts the server's services, each on its port.
func (s *Server) launch(ctx context.Context, database string, ports []int, log *slog.Logger) error {
	crash := newCrash(log)
	polls := newPolls()
	s.polls, s.crash, s.address = polls, crash, net.JoinHostPort(loopback, strconv.Itoa(ports[0]))
	type launched struct {
		server temporal.Server
		err    error
	}
	done := make(chan launched, 1)
	go func() { // never returns after a crash
		server, err := temporal.NewServer(
			temporal.WithConfig(serverConfig(database, ports)),
			temporal.ForServices(temporal.DefaultServices),
			temporal.WithStaticHosts(staticHosts(ports)),
			temporal.WithLogger(crash),
			temporal.WithDynamicConfigClient(dynamicConfig()),
			temporal.WithChainedFrontendGrpcInterceptors(polls.intercept),
		)
		if err == nil {
			err = server.Start()
		}
		done <- launched{server, dig.RootCause(err)} // without the path through the server's constructors
	}()
	select {
	case l := <-done:
		s.server = l.server
		return l.err
	case <-crash.done:
		return crash.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) startUI(port int) {
	s.uiURL = "http://" + net.JoinHostPort(loopback, strconv.Itoa(port))
	s.ui = uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		TemporalGRPCAddress: s.address,
		Host:                loopback,
		Port:                port,
		EnableUI:            true,
		DefaultNamespace:    Namespace,
		DisableNewsFetch:    true,
		HideLogs:            true,
		CORS:                uiconfig.CORS{CookieInsecure: true},
	}))
	go func() { _ = s.ui.Start() }() // returns nil, after Stop
}

// Address is the host and port for clients.
func (s *Server) Address() string { return s.address }

// Unfinished returns the workflows that had not ended when the server started.
func (s *Server) Unfinished() []Execution { return s.unfinished }

// UIURL is the address of the UI, or "" if there is none.
func (s *Server) UIURL() string { return s.uiURL }

// Failed is closed when the server stops unexpectedly. Err then returns the reason.
func (s *Server) Failed() <-chan struct{} { return s.crash.done }

// Err returns the reason why the server stopped unexpectedly, or nil while it runs.
func (s *Server) Err() error {
	select {
	case <-s.crash.done:
		return fmt.Errorf("the embedded Temporal server stopped unexpectedly: %w", s.crash.err)
	default:
		return nil
	}
}

// Stop stops the server and frees the state folder.
func (s *Server) Stop() error {
	if s.ui != nil {
		s.ui.Stop()
	}
	if s.Err() != nil { // stopping the rest would wait forever for the part that has stopped
		return s.lock.Unlock()
	}
	s.crash.stopping.Store(true)
	s.polls.stop()
	return errors.Join(s.server.Stop(), s.lock.Unlock())
}

// announce publishes the server's address.
func (s *Server) announce(dir string) error {
	return os.WriteFile(filepath.Join(dir, addressName), []byte(s.address+"\n"), 0o600)
}

// withdraw removes the address of an earlier server, because another process may use that address by now.
func withdraw(dir string) error {
	if err := os.Remove(filepath.Join(dir, addressName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the address of an earlier server: %w", err)
	}
	return nil
}

func isFree(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("port %d for the Temporal UI: %w", port, err)
	}
	return l.Close()
}

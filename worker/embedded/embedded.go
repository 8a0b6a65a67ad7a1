// Package embedded runs a Temporal server, with its UI, inside the process: for laptops and single machines that have no
// Temporal cluster. Its state is one SQLite file that survives a killed process.
//
// Nothing but package worker knows of it, and it knows nothing of chatlake.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gofrs/flock"
	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Namespace is the only namespace of the server.
const Namespace = "default"

const (
	// databaseName carries the server's minor version: its SQLite schema changes between minors and cannot be migrated.
	// What matters for longer than a run is in the lake.
	databaseName = "temporal-1.32.db"
	lockName     = "temporal.lock"
	retention    = 30 * 24 * time.Hour
	loopback     = "127.0.0.1"
)

// Config says where the server keeps its state.
type Config struct {
	Dir    string // created where it does not exist; used by one process at a time
	UI     bool
	UIPort int // 0 takes a free one
}

// Server is a running server. It must be stopped.
type Server struct {
	server  temporal.Server
	ui      *uiserver.Server
	lock    *flock.Flock
	address string
	uiURL   string
}

// Start starts a server and returns when it answers.
func Start(_ context.Context, c Config) (*Server, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	s := &Server{lock: flock.New(filepath.Join(c.Dir, lockName))}
	locked, err := s.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock state folder %s: %w", c.Dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("state folder %s is in use by another chatlake process: stop that one, or choose another state_dir", c.Dir)
	}
	if err := s.start(c); err != nil {
		return nil, errors.Join(fmt.Errorf("start embedded Temporal: %w", err), s.lock.Unlock())
	}
	return s, nil
}

func (s *Server) start(c Config) error {
	ports, err := freePorts(len(services) + 1)
	if err != nil {
		return err
	}
	uiPort := c.UIPort
	if uiPort == 0 {
		uiPort = ports[len(services)]
	} else if err := isFree(uiPort); err != nil {
		return err // the UI would end the whole process
	}
	s.address = net.JoinHostPort(loopback, strconv.Itoa(ports[0]))
	if err := s.announce(c.Dir); err != nil {
		return err
	}
	cfg := serverConfig(filepath.Join(c.Dir, databaseName), ports)
	if err := prepare(cfg.Persistence.DataStores[storeName].SQL); err != nil {
		return err
	}
	s.server, err = temporal.NewServer(
		temporal.WithConfig(cfg),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(staticHosts(ports)),
		temporal.WithLogger(log.NewNoopLogger()),
		temporal.WithDynamicConfigClient(dynamicConfig()),
	)
	if err != nil {
		return err
	}
	if err := s.server.Start(); err != nil {
		return err
	}
	if c.UI {
		s.startUI(uiPort)
	}
	return nil
}

// prepare makes the tables of a new database, and the namespace.
func prepare(store *config.SQL) error {
	if info, err := os.Stat(store.DatabaseName); errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		if err := createDatabase(store); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	namespace, err := sqlite.NewNamespaceConfig(clusterName, Namespace, false, nil)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	return sqlite.CreateNamespaces(store, namespace)
}

// createDatabase makes the tables under another name first, so that a process that is killed meanwhile leaves no
// database with half of them.
func createDatabase(store *config.SQL) error {
	name := store.DatabaseName
	building := *store
	building.DatabaseName = name + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(building.DatabaseName + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	// The server would make it readable to all users. Its log and its index get the mode of the database.
	if err := os.WriteFile(building.DatabaseName, nil, 0o600); err != nil {
		return err
	}
	// Without a write-ahead log all of it is in the one file that is renamed.
	building.ConnectAttributes = map[string]string{"mode": "rwc"}
	if err := sqlite.SetupSchema(&building); err != nil {
		return err
	}
	return os.Rename(building.DatabaseName, name)
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

// Address is the host and port that clients dial.
func (s *Server) Address() string { return s.address }

// UIURL is where a browser finds the UI, empty without one.
func (s *Server) UIURL() string { return s.uiURL }

// Stop stops the server and frees the state folder.
func (s *Server) Stop() error {
	if s.ui != nil {
		s.ui.Stop()
	}
	return errors.Join(s.server.Stop(), s.lock.Unlock())
}

// freePorts finds ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

func isFree(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("port %d for the Temporal UI: %w", port, err)
	}
	return l.Close()
}

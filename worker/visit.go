package worker

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"github.com/chatlake/chatlake/worker/embedded"
)

// Visit connects to Temporal to query or steer exports. If the configuration names no server, it connects to the server of
// another chatlake process that uses the state folder. If there is none, it starts the server and sets Embedded: then no worker
// runs.
func Visit(ctx context.Context, c Config) (*Temporal, error) {
	t, err := Meet(ctx, c)
	if t == nil && err == nil {
		return Connect(ctx, c, ConnectOptions{})
	}
	return t, err
}

// Meet is Visit for those who must not start a server: it returns nil if the configuration names none and no chatlake process uses the
// state folder.
func Meet(ctx context.Context, c Config) (*Temporal, error) {
	if c.Temporal != nil {
		return Connect(ctx, c, ConnectOptions{})
	}
	address, err := embedded.Running(c.StateDir)
	if err != nil || address == "" {
		return nil, err
	}
	t := &Temporal{}
	t.Client, err = client.DialContext(ctx, client.Options{
		HostPort: address, Namespace: embedded.Namespace, Logger: temporallog.NewStructuredLogger(logger(nil)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(cleanRPC(nil))}},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the chatlake process that uses %s: %w", c.StateDir, err)
	}
	return t, nil
}

// Running reports whether a chatlake process uses a state folder.
func Running(stateDir string) (bool, error) {
	address, err := embedded.Running(stateDir)
	return address != "", err
}

// ErrInUse means that another chatlake process uses a state folder.
var ErrInUse = embedded.ErrInUse

// Alone calls do if no chatlake process uses a state folder, and keeps others from starting meanwhile. Otherwise it returns
// ErrInUse.
func Alone(stateDir string, do func() error) error { return embedded.Alone(stateDir, do) }

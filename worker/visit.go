package worker

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"

	"github.com/chatlake/chatlake/worker/embedded"
)

// Visit connects to Temporal to look or to give orders. Without a server in the configuration it is that of another
// chatlake process that works in the state folder; where there is none, it starts one, and Embedded is true: nobody works
// on what it holds.
func Visit(ctx context.Context, c Config) (*Temporal, error) {
	if c.Temporal != nil {
		return Connect(ctx, c, ConnectOptions{})
	}
	address, err := embedded.Running(c.StateDir)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return Connect(ctx, c, ConnectOptions{})
	}
	t := &Temporal{}
	t.Client, err = client.DialContext(ctx, client.Options{
		HostPort: address, Namespace: embedded.Namespace, Logger: temporallog.NewStructuredLogger(logger(nil)),
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(cleanRPC(nil))}},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the chatlake process that works in %s: %w", c.StateDir, err)
	}
	return t, nil
}

// Running says whether a chatlake process works in a state folder.
func Running(stateDir string) (bool, error) {
	address, err := embedded.Running(stateDir)
	return address != "", err
}

// ErrInUse says that another chatlake process works in a state folder.
var ErrInUse = embedded.ErrInUse

// Alone calls do while no chatlake process works in a state folder, and lets none begin meanwhile. Where one does, it returns
// ErrInUse.
func Alone(stateDir string, do func() error) error { return embedded.Alone(stateDir, do) }

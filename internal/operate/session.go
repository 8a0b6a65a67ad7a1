// Package operate starts exports, watches them and gives them orders, through a Temporal client.
//
// It returns data and prints nothing: a command and a page say the same things in their own ways. It must not know rows, documents
// or the ledger, so no text of a conversation can pass through it.
package operate

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/worker"
)

// queryTimeout is how long an export, or the server, has to answer a question.
const queryTimeout = 5 * time.Second

// A Session is a connection to a Temporal server and, after Work, a worker on it in this process. It must be stopped.
type Session struct {
	config   worker.Config
	temporal *worker.Temporal
	cancel   context.CancelFunc // of the worker
	failed   chan error         // the worker's end
	attended bool               // a worker of this process works, whose end is not this session's business
	tagging  sync.Once
	untagged error // why runs that begin have no search attributes
}

// Connect starts the server in process, or reaches the one that the configuration names.
func Connect(ctx context.Context, c worker.Config, o worker.ConnectOptions) (*Session, error) {
	t, err := worker.Connect(ctx, c, o)
	if err != nil {
		return nil, err
	}
	return &Session{config: c, temporal: t}, nil
}

// On is a session on a connection that exists. Stop stops the connection as well.
func On(c worker.Config, t *worker.Temporal) *Session { return &Session{config: c, temporal: t} }

// Visit reaches a server to look or to give orders: that of a chatlake process that works in the state folder, where there is one.
func Visit(ctx context.Context, c worker.Config) (*Session, error) {
	t, err := worker.Visit(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Session{config: c, temporal: t}, nil
}

// Meet is Visit for those who must not start a server: it returns nil if none runs that could be asked.
func Meet(ctx context.Context, c worker.Config) (*Session, error) {
	t, err := worker.Meet(ctx, c)
	if t == nil || err != nil {
		return nil, err
	}
	return &Session{config: c, temporal: t}, nil
}

// UIURL is where the UI of the server in process answers; empty for another server.
func (s *Session) UIURL() string { return s.temporal.UIURL }

// Unattended reports whether nobody works on what the server holds: it runs in this process, and no worker does. Exports give
// no answers then, and take no orders.
func (s *Session) Unattended() bool { return s.temporal.Embedded && s.cancel == nil && !s.attended }

// Work starts a worker, which runs until the session is stopped.
func (s *Session) Work(ctx context.Context) error {
	l, err := worker.OpenLake(ctx, s.config)
	if err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.failed = make(chan error, 1)
	go func() { s.failed <- worker.Run(ctx, s.config, s.temporal, l) }()
	return nil
}

// Stop ends the worker first, so that what it had in hand is given back, and then the server.
func (s *Session) Stop() error {
	var err error
	if s.cancel != nil {
		s.cancel()
		err = <-s.failed
	}
	return errors.Join(err, s.temporal.Stop())
}

func (s *Session) client() client.Client { return s.temporal.Client }

package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/chatlake/chatlake/worker"
)

// session is a connection to Temporal and, while it works, a worker beside it.
type session struct {
	config   worker.Config
	temporal *worker.Temporal
	cancel   context.CancelFunc // of the worker
	failed   chan error         // the worker's end
}

// load reads the configuration.
func (a *app) load() (worker.Config, error) {
	c, err := worker.Load(a.config)
	a.loaded = c
	return c, err
}

// connect reaches Temporal, and with work runs a worker in this process too.
func (a *app) connect(ctx context.Context, c worker.Config, o worker.ConnectOptions, work bool) (*session, error) {
	o.Logger = a.logger(slog.LevelError + 4) // what matters of a worker's life is in progress and outcome
	temporal, err := worker.Connect(ctx, c, o)
	if err != nil {
		return nil, err
	}
	s := &session{config: c, temporal: temporal}
	if work {
		if err := s.work(ctx); err != nil {
			return nil, errors.Join(err, s.stop())
		}
	}
	return s, nil
}

// work starts a worker, which runs until the session is stopped.
func (s *session) work(ctx context.Context) error {
	l, err := worker.OpenLake(ctx, s.config)
	if err != nil {
		return err
	}
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.failed = make(chan error, 1)
	go func() { s.failed <- worker.Run(ctx, s.config, s.temporal, l) }()
	return nil
}

// stop ends the worker first, so that what it had in hand is given back, and then the server.
func (s *session) stop() error {
	var err error
	if s.cancel != nil {
		s.cancel()
		err = <-s.failed
	}
	return errors.Join(err, s.temporal.Stop())
}

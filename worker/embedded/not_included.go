//go:build noembedded

package embedded

import "context"

// Server stands in for the server that this build does not contain.
type Server struct{}

// Start returns ErrNotIncluded.
func Start(context.Context, Config) (*Server, error) { return nil, ErrNotIncluded }

// Address is empty.
func (*Server) Address() string { return "" }

// Unfinished is empty.
func (*Server) Unfinished() []Execution { return nil }

// FreeTasks does nothing.
func (*Server) FreeTasks(context.Context) error { return nil }

// UIURL is empty.
func (*Server) UIURL() string { return "" }

// Failed is never closed.
func (*Server) Failed() <-chan struct{} { return nil }

// Err is ErrNotIncluded.
func (*Server) Err() error { return ErrNotIncluded }

// Stop does nothing.
func (*Server) Stop() error { return nil }

// Package embedded runs a Temporal server and its UI inside the process, for laptops and single machines without a
// Temporal cluster. Its state is one SQLite file that survives a killed process.
//
// A build with the tag noembedded has no server: Start returns ErrNotIncluded, but reading the state folder works.
//
// Only package worker uses it. It knows nothing of chatlake.
package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
)

// Namespace is the only namespace of the server.
const Namespace = "default"

const (
	// databaseName contains the server's minor version, because its SQLite schema changes between minor versions and cannot be
	// migrated. Everything that must last longer than one run is in the lake.
	databaseName = "temporal-1.32.db"
	lockName     = "temporal.lock"
)

// Config is where the server keeps its state, and whether it has a UI.
type Config struct {
	Dir    string // created if it does not exist; used by one process at a time
	UI     bool
	UIPort int // 0 picks a free port
	// Keywords are the search attributes of a new database, all of type Keyword.
	Keywords []string
	Logger   *slog.Logger // of the server; nil drops its messages
}

// Execution is one run of a workflow.
type Execution struct{ Workflow, Run string }

// ErrNotIncluded is the error of Start in a build with the tag noembedded, which contains no server.
var ErrNotIncluded = errors.New("this build of chatlake contains no Temporal server")

// DatabaseError means that the server's database cannot be used.
type DatabaseError struct {
	File    string
	Damaged bool // its content is not, or no longer, a database
	Err     error
}

func (e *DatabaseError) Error() string {
	if e.Damaged {
		return fmt.Sprintf("database %s is damaged: %v", e.File, e.Err)
	}
	return fmt.Sprintf("database %s cannot be used: %v", e.File, e.Err)
}

func (e *DatabaseError) Unwrap() error { return e.Err }

// HasState reports whether a folder contains a server's database.
func HasState(dir string) bool { return !isNew(filepath.Join(dir, databaseName)) }

// isNew reports whether a database has no tables yet.
func isNew(file string) bool {
	info, err := os.Stat(file)
	return errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0
}

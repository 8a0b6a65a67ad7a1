package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// DatabaseError says that the server's database cannot be used.
type DatabaseError struct {
	File    string
	Damaged bool // what is in it is not, or no longer, a database
	Err     error
}

func (e *DatabaseError) Error() string {
	if e.Damaged {
		return fmt.Sprintf("database %s is damaged: %v", e.File, e.Err)
	}
	return fmt.Sprintf("database %s cannot be used: %v", e.File, e.Err)
}

func (e *DatabaseError) Unwrap() error { return e.Err }

// The result codes with which SQLite tells of a damaged file, https://www.sqlite.org/rescode.html.
const (
	sqliteCorrupt = 11
	sqliteNotADB  = 26
	sqlitePrimary = 0xff // the bits of the primary code
)

func unusable(file string, err error) error {
	var coded interface {
		error
		Code() int
	}
	damaged := errors.As(err, &coded) && (coded.Code()&sqlitePrimary == sqliteCorrupt || coded.Code()&sqlitePrimary == sqliteNotADB)
	return &DatabaseError{file, damaged, err}
}

// check reads the structure of a database that exists, and tries whether it can be written. The server waits for ever for pages
// that are damaged.
func check(ctx context.Context, file string) error {
	if isNew(file) {
		return nil
	}
	db, err := sql.Open(storeName, "file:"+escaped(file)+"?mode=rw&_pragma=busy_timeout%3D10000")
	if err != nil {
		return unusable(file, err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return unusable(file, err)
	}
	if found != "ok" {
		return &DatabaseError{file, true, errors.New(strings.Join(strings.Fields(found), " "))}
	}
	for _, statement := range []string{"BEGIN IMMEDIATE", "ROLLBACK"} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return unusable(file, err)
		}
	}
	return nil
}

// HasState reports whether a folder has a database of a server.
func HasState(dir string) bool { return !isNew(filepath.Join(dir, databaseName)) }

// isNew reports whether a database has no tables yet.
func isNew(file string) bool {
	info, err := os.Stat(file)
	return errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0
}

// escaped is a path as SQLite wants it in a URI, which the server makes of it.
func escaped(file string) string { return (&url.URL{Path: file}).EscapedPath() }

// prepare makes the tables of a new database, and the namespace.
func prepare(file string) error {
	if isNew(file) {
		if err := create(file); err != nil {
			return err
		}
	}
	namespace, err := sqlite.NewNamespaceConfig(clusterName, Namespace, false, nil)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	return sqlite.CreateNamespaces(sqlConfig(file), namespace)
}

// create makes the tables under another name first, so that a process that is killed meanwhile leaves no database with half of
// them.
func create(file string) error {
	building := file + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(building + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	// The server would make it readable to all users. Its log and its index get the mode of the database.
	if err := os.WriteFile(building, nil, 0o600); err != nil {
		return err
	}
	store := sqlConfig(building)
	// Without a write-ahead log all of it is in the one file that is renamed.
	store.ConnectAttributes = map[string]string{"mode": "rwc"}
	if err := sqlite.SetupSchema(store); err != nil {
		return err
	}
	return os.Rename(building, file)
}

//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	enumsserver "go.temporal.io/server/api/enums/v1"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// The result codes by which SQLite reports a damaged file, https://www.sqlite.org/rescode.html.
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

// check reads the structure of an existing database and checks that it is writable. The server itself would wait forever for
// damaged pages. It returns the workflows that have not ended.
func check(ctx context.Context, file string) ([]Execution, error) {
	if isNew(file) {
		return nil, nil
	}
	db, err := sql.Open(storeName, "file:"+escaped(file)+"?mode=rw&_pragma=busy_timeout%3D10000")
	if err != nil {
		return nil, unusable(file, err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var found string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
		return nil, unusable(file, err)
	}
	if found != "ok" {
		return nil, &DatabaseError{file, true, errors.New(strings.Join(strings.Fields(found), " "))}
	}
	for _, statement := range []string{"BEGIN IMMEDIATE", "ROLLBACK"} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return nil, unusable(file, err)
		}
	}
	all, err := unfinished(ctx, db)
	if err != nil {
		return nil, unusable(file, err)
	}
	return all, nil
}

// unfinished lists the runs in the server's namespace that have not ended. The server's own list lags behind its workflows.
func unfinished(ctx context.Context, db *sql.DB) ([]Execution, error) {
	rows, err := db.QueryContext(ctx, `SELECT e.workflow_id, e.run_id FROM current_executions e JOIN namespaces n ON n.id = e.namespace_id
		WHERE n.name = ? AND e.state IN (?, ?)`, Namespace, enumsserver.WORKFLOW_EXECUTION_STATE_CREATED, enumsserver.WORKFLOW_EXECUTION_STATE_RUNNING)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Execution
	for rows.Next() {
		var workflow string
		var run []byte
		if err := rows.Scan(&workflow, &run); err != nil {
			return nil, err
		}
		id, err := uuid.FromBytes(run)
		if err != nil {
			return nil, fmt.Errorf("read the run of workflow %s: %w", workflow, err)
		}
		all = append(all, Execution{workflow, id.String()})
	}
	return all, rows.Err()
}

// escaped returns a path escaped for the URI that the server builds for SQLite.
func escaped(file string) string { return (&url.URL{Path: file}).EscapedPath() }

// prepare creates the tables of a new database, and the namespace with search attributes.
func prepare(file string, keywords []string) error {
	if isNew(file) {
		if err := create(file); err != nil {
			return err
		}
	}
	attributes := map[string]enums.IndexedValueType{}
	for _, name := range keywords {
		attributes[name] = enums.INDEXED_VALUE_TYPE_KEYWORD
	}
	namespace, err := sqlite.NewNamespaceConfig(clusterName, Namespace, false, attributes)
	if err != nil {
		return err
	}
	namespace.Detail.Config.Retention = durationpb.New(retention)
	return sqlite.CreateNamespaces(sqlConfig(file), namespace)
}

// create builds the tables in a file of another name first, so that a process killed meanwhile does not leave a database with
// only some of them.
func create(file string) error {
	building := file + ".new"
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(building + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	// The server would make the file readable to all users. SQLite gives its log and its index the mode of the database.
	if err := os.WriteFile(building, nil, 0o600); err != nil {
		return err
	}
	store := sqlConfig(building)
	// Without a write-ahead log, everything is in the one file that is renamed. It is written through once, not with every table.
	store.ConnectAttributes = map[string]string{"mode": "rwc", "journal_mode": "memory", "synchronous": "off"}
	if err := sqlite.SetupSchema(store); err != nil {
		return err
	}
	if err := flush(building); err != nil {
		return err
	}
	return os.Rename(building, file)
}

// flush waits until a file is on the disk.
func flush(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

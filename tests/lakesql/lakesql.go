// Package lakesql reads a lake as any outsider would: with DuckDB, from the ledger's JSON and the Parquet files that it
// names.
//
// It must not know the code that writes lakes, only the Go structs used to compare rows.
package lakesql

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver named duckdb
)

// readerRule creates the view files: for every shard, exactly the files of its highest generation. %s is the ledger.
const readerRule = `
CREATE VIEW files AS
SELECT shard, generation, unnest(files, recursive := true)
FROM (
	SELECT shard, generation, files,
	       row_number() OVER (PARTITION BY shard ORDER BY generation DESC) AS age
	FROM read_json('%s', columns = {
		shard: 'STRUCT(provider VARCHAR, account VARCHAR, stream VARCHAR, "window" STRUCT("from" VARCHAR, "to" VARCHAR))',
		generation: 'BIGINT',
		files: 'STRUCT("table" VARCHAR, "key" VARCHAR, bytes BIGINT, "rows" BIGINT)[]'
	})
)
WHERE age = 1`

// Lake is an open lake in a folder.
type Lake struct {
	// Account and Stream, if not empty, restrict which shards are read, and Shard restricts them to one of Shards.
	Account, Stream, Shard string
	db                     *sql.DB
	root                   string
}

// Open reads the current ledger of the lake in a folder.
func Open(ctx context.Context, root string) (*Lake, error) {
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // views live in the one database in memory
	l := &Lake{db: db, root: root}
	ledger := filepath.Join(root, "_ledger", "v1", "*", "*", "*", "*", "g*.json")
	if _, err := db.ExecContext(ctx, fmt.Sprintf(readerRule, quote(ledger))); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return l, nil
}

// Close releases the lake.
func (l *Lake) Close() error { return l.db.Close() }

// Files lists the Parquet files that count for a table, as absolute paths in the order of their keys.
func (l *Lake) Files(ctx context.Context, table string) ([]string, error) {
	rows, err := l.db.QueryContext(ctx, `SELECT "key" FROM files WHERE "table" = ? AND ? IN ('', shard.account) AND ? IN ('', shard.stream) AND ? IN ('', `+shardName+`) ORDER BY "key"`,
		table, l.Account, l.Stream, l.Shard)
	files, err := texts(rows, err)
	for i, key := range files {
		files[i] = filepath.Join(l.root, filepath.FromSlash(key))
	}
	return files, err
}

// Shards names the shards that have files.
func (l *Lake) Shards(ctx context.Context) ([]string, error) {
	return texts(l.db.QueryContext(ctx, "SELECT DISTINCT "+shardName+" FROM files WHERE ? IN ('', shard.account) AND ? IN ('', shard.stream) ORDER BY 1",
		l.Account, l.Stream))
}

// shardName is the name of a shard: account/stream/from~to.
const shardName = `concat(shard.account, '/', shard.stream, '/', shard."window"."from", '~', shard."window"."to")`

func texts(rows *sql.Rows, err error) (all []string, _ error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

// Rows reads all rows of a table, each as an R. The table's columns and R's fields must match: the field CreatedAt is the
// column created_at. The partition columns are not in R; they must be what the path of the file says. A table without files has no rows.
func Rows[R any](ctx context.Context, l *Lake, table string) ([]R, error) {
	files, err := l.Files(ctx, table)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	for i, f := range files {
		files[i] = "'" + quote(f) + "'"
	}
	from := fmt.Sprintf("FROM read_parquet([%s], hive_partitioning = false, filename = true)", strings.Join(files, ", "))
	var elsewhere int64
	err = l.db.QueryRowContext(ctx, "SELECT count(*) "+from+
		" WHERE NOT contains(filename, concat('/provider=', provider, '/account=', account, '/stream=', stream, '/month=', month, '/'))").Scan(&elsewhere)
	if err == nil && elsewhere > 0 {
		err = fmt.Errorf("%d rows have other partition columns than the paths of their files", elsewhere)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	rows, err := l.db.QueryContext(ctx, "SELECT * EXCLUDE (filename, provider, account, stream, month) "+from)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	fields, err := match(columns, reflect.TypeFor[R]())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", table, err)
	}
	var all []R
	values := make([]any, len(columns))
	for rows.Next() {
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, fmt.Errorf("read %s: %w", table, err)
		}
		var row R
		for i, v := range values {
			if err := fill(reflect.ValueOf(&row).Elem().Field(fields[i]), *v.(*any)); err != nil {
				return nil, fmt.Errorf("read %s.%s: %w", table, columns[i], err)
			}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

func quote(s string) string { return strings.ReplaceAll(s, "'", "''") }

//go:build cgo

package main

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // the driver named duckdb

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// rewrite has DuckDB write a new version of every file of a lake in a folder: the same rows in the same order, with zstd and
// otherwise DuckDB's defaults. Then it reads the messages of both.
func rewrite(ctx context.Context, root string, files []ledger.File, to string) (*Parquet, error) {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return nil, err
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	p := &Parquet{}
	var ours, theirs []string
	for i, f := range files {
		from := filepath.Join(root, filepath.FromSlash(f.Key))
		made := filepath.Join(to, fmt.Sprintf("%06d.parquet", i))
		query := fmt.Sprintf("COPY (SELECT * FROM %s) TO %s (FORMAT parquet, COMPRESSION zstd)", source(from), quoted(made))
		if _, err := db.ExecContext(ctx, query); err != nil {
			return nil, fmt.Errorf("rewrite %s: %w", f.Key, err)
		}
		info, err := os.Stat(made)
		if err != nil {
			return nil, err
		}
		p.add(f, info.Size())
		if f.Table == schemas.Messages.Table {
			ours, theirs = append(ours, from), append(theirs, made)
		}
	}
	p.Scan, p.ScanRewritten, err = scans(ctx, db, ours, theirs)
	return p, err
}

func (p *Parquet) add(f ledger.File, rewritten int64) {
	i := slices.IndexFunc(p.Tables, func(t ParquetTable) bool { return t.Table == f.Table })
	if i < 0 {
		i = len(p.Tables)
		p.Tables = append(p.Tables, ParquetTable{Table: f.Table})
	}
	t := &p.Tables[i]
	t.Rows, t.Bytes, t.Rewritten = t.Rows+f.Rows, t.Bytes+f.Bytes, t.Rewritten+rewritten
}

// scanRounds is how often both are read, alternately; the fastest round counts.
const scanRounds = 7

// scans reads every value of two sets of files.
func scans(ctx context.Context, db *sql.DB, ours, theirs []string) (float64, float64, error) {
	best := [2]float64{math.Inf(1), math.Inf(1)}
	for range scanRounds {
		for i, files := range [][]string{ours, theirs} {
			began := time.Now()
			rows, err := db.QueryContext(ctx, "SELECT count(COLUMNS(*)) FROM "+source(files...))
			if err == nil {
				for rows.Next() {
				}
				err = rows.Close()
			}
			if err != nil {
				return 0, 0, fmt.Errorf("scan the messages: %w", err)
			}
			best[i] = min(best[i], time.Since(began).Seconds())
		}
	}
	return best[0], best[1], nil
}

// source is files as a table. The partition columns are in the path and are not read.
func source(files ...string) string {
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = quoted(f)
	}
	return "read_parquet([" + strings.Join(names, ", ") + "], hive_partitioning = false)"
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

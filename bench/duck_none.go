//go:build !cgo

package main

import (
	"context"

	"github.com/chatlake/chatlake/internal/ledger"
)

// rewrite needs DuckDB, which needs cgo.
func rewrite(context.Context, string, []ledger.File, string) (*Parquet, error) { return nil, nil }

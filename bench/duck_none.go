//go:build !cgo

package main

import (
	"context"

	"github.com/chatlake/chatlake/internal/lake"
)

// rewrite needs DuckDB, which needs C.
func rewrite(context.Context, string, []lake.File, string) (*Parquet, error) { return nil, nil }

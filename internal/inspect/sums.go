package inspect

import (
	"cmp"
	"context"
	"slices"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
)

// A TableSum is what the lake holds of one table.
type TableSum struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// sumTables adds up the files of records by table.
func sumTables(records []ledger.Record) []TableSum {
	byTable := map[string]*TableSum{}
	for _, r := range records {
		for _, f := range r.Files {
			sum := byTable[f.Table]
			if sum == nil {
				sum = &TableSum{Table: f.Table}
				byTable[f.Table] = sum
			}
			sum.Rows += f.Rows
			sum.Files++
			sum.Bytes += f.Bytes
		}
	}
	var sums []TableSum
	for _, sum := range byTable {
		sums = append(sums, *sum)
	}
	slices.SortFunc(sums, func(a, b TableSum) int { return cmp.Or(cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Table, b.Table)) })
	return sums
}

// Held is what the lake holds, by table, of the windows of an account that a range touches, and of its newest directory. The largest
// table comes first.
func Held(ctx context.Context, c worker.Config, account string, of schemas.Window) ([]TableSum, error) {
	records, err := recordsOf(ctx, c, account, of)
	if err != nil {
		return nil, err
	}
	return sumTables(records), nil
}

// recordsOf is what the ledger has of the range of an export, and the account's newest directory.
func recordsOf(ctx context.Context, c worker.Config, account string, of schemas.Window) ([]ledger.Record, error) {
	l, err := worker.OpenLake(ctx, c)
	if err != nil {
		return nil, err
	}
	var records []ledger.Record
	for _, stream := range []schemas.Stream{schemas.StreamCreated, schemas.StreamReports} {
		found, err := l.Current(ctx, ledger.Filter{Account: account, Stream: stream, Window: of})
		if err != nil {
			return nil, err
		}
		records = append(records, found...)
	}
	directory, err := l.Current(ctx, ledger.Filter{Account: account, Stream: schemas.StreamDirectory})
	if n := len(directory); n > 0 {
		records = append(records, directory[n-1]) // the newest snapshot
	}
	return records, err
}

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
	var all tableSums
	for _, r := range records {
		for _, f := range r.Files {
			all.add(TableSum{f.Table, f.Rows, 1, f.Bytes})
		}
	}
	return all.sorted()
}

// SumFiles adds up files by table, the largest table first.
func SumFiles(files []Located) []TableSum {
	var all tableSums
	for _, f := range files {
		all.add(TableSum{f.Table, f.Rows, 1, f.Bytes})
	}
	return all.sorted()
}

// AddTables adds up sums by table, the largest table first.
func AddTables(sums ...[]TableSum) []TableSum {
	var all tableSums
	for _, one := range sums {
		for _, t := range one {
			all.add(t)
		}
	}
	return all.sorted()
}

// tableSums are sums by table. The zero value is empty.
type tableSums map[string]*TableSum

func (s *tableSums) add(t TableSum) {
	if *s == nil {
		*s = tableSums{}
	}
	sum := (*s)[t.Table]
	if sum == nil {
		sum = &TableSum{Table: t.Table}
		(*s)[t.Table] = sum
	}
	sum.Rows, sum.Files, sum.Bytes = sum.Rows+t.Rows, sum.Files+t.Files, sum.Bytes+t.Bytes
}

func (s tableSums) sorted() []TableSum {
	var sums []TableSum
	for _, sum := range s {
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

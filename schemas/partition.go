package schemas

import "slices"

// Partition is what all rows of a data file share. The path of the file contains it and, since version 2, so do columns of every table.
type Partition struct {
	Provider string
	Account  string
	Stream   Stream
	Month    string // of the window's beginning, in UTC: 2026-05
}

// PartitionColumns are the names of the partition columns, in the order of paths and tables.
func PartitionColumns() []string { return []string{"provider", "account", "stream", "month"} }

// IsPartition reports whether a column is a partition column.
func IsPartition(column string) bool { return slices.Contains(PartitionColumns(), column) }

// Value returns the value of a partition column; it is empty for other columns.
func (p Partition) Value(column string) string {
	switch column {
	case "provider":
		return p.Provider
	case "account":
		return p.Account
	case "stream":
		return string(p.Stream)
	case "month":
		return p.Month
	}
	return ""
}

// withPartition inserts the partition columns after the columns of version 1, which is their place since version 2.
func withPartition[R any](columns []Column[R]) []Column[R] {
	at := slices.IndexFunc(columns, func(c Column[R]) bool { return c.node.Since > 1 })
	if at < 0 {
		at = len(columns)
	}
	var shared []Column[R]
	for _, name := range PartitionColumns() {
		shared = append(shared, Column[R]{
			node:  Node{Name: name, Kind: KindText, Since: 2, Dictionary: true, Statistics: true},
			width: 1,
			shred: func(*R, level, []Leaf) {}, // rows do not contain it
			apart: true,
		})
	}
	return slices.Insert(slices.Clone(columns), at, shared...)
}

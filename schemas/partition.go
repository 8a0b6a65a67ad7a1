package schemas

import "slices"

// Partition is what all rows of a data file share. It stands in the path of the file and, since version 2, in columns of every table.
type Partition struct {
	Provider string
	Account  string
	Stream   Stream
	Month    string // in which the window begins, in UTC: 2026-05
}

// PartitionColumns are the names of the partition columns, in the order in which they stand in paths and tables.
func PartitionColumns() []string { return []string{"provider", "account", "stream", "month"} }

// IsPartition says whether a column is a partition column.
func IsPartition(column string) bool { return slices.Contains(PartitionColumns(), column) }

// Value is the value of a partition column. Other columns have none.
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

// withPartition puts the partition columns where version 2 has them: after the columns of version 1.
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
			shred: func(*R, level, []Leaf) {}, // no row has it
			apart: true,
		})
	}
	return slices.Insert(slices.Clone(columns), at, shared...)
}

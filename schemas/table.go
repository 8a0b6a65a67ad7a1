package schemas

import (
	"fmt"
	"time"
)

// Table says how rows of type R become a table of the lake.
type Table[R any] struct {
	Shape
	columns []Column[R]
	paths   [][]path // of the leaves of each column
	created func(row *R) (time.Time, bool)
}

// table is a table by its columns, in order; new ones are appended, optional and marked with since. Where createdAt is not empty it
// names the column of times that a file is known by.
func table[R any](name, createdAt string, columns ...Column[R]) *Table[R] {
	t := &Table[R]{Shape: Shape{Table: name, CreatedAt: createdAt}, columns: withPartition(columns)}
	for _, c := range t.columns {
		node := c.node.clone()
		node.setSince(1)
		t.Columns = append(t.Columns, node)
		t.paths = append(t.paths, node.paths("", 0, -1))
		if c.node.Name == createdAt {
			t.created = c.when
		}
	}
	number(t.Columns)
	if createdAt != "" && t.created == nil {
		panic(fmt.Sprintf("table %s: %s is no column of optional times", name, createdAt))
	}
	return t
}

// Shred appends a row to the leaves, which are those that Leaves returned, except those of the partition columns.
func (t *Table[R]) Shred(row *R, leaves []Leaf) {
	for _, c := range t.columns {
		c.shred(row, level{}, leaves[:c.width])
		leaves = leaves[c.width:]
	}
}

// Created is the time that the row is known by, where the table has such a column and the row such a time.
func (t *Table[R]) Created(row *R) (time.Time, bool) {
	if t.created == nil {
		return time.Time{}, false
	}
	return t.created(row)
}

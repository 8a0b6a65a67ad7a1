package schemas

import (
	"fmt"
	"time"
)

// Table describes how rows of type R become a table of the lake.
type Table[R any] struct {
	Shape
	columns []Column[R]
	paths   [][]path // of the leaves of each column
	created func(row *R) (time.Time, bool)
}

// table returns a table with columns in this order. New columns are appended, are optional, and are marked with since. createdAt, if not
// empty, names the column of times whose range describes a file.
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

// Shred appends a row to the leaves returned by Leaves, except to those of the partition columns.
func (t *Table[R]) Shred(row *R, leaves []Leaf) {
	for _, c := range t.columns {
		c.shred(row, level{}, leaves[:c.width])
		leaves = leaves[c.width:]
	}
}

// Created returns the row's time in the column CreatedAt; false if the table has no such column or the row no such time.
func (t *Table[R]) Created(row *R) (time.Time, bool) {
	if t.created == nil {
		return time.Time{}, false
	}
	return t.created(row)
}

package schemas

import (
	"fmt"
	"strings"
)

// Kind is the type of a column or of a part of one.
type Kind int

// The kinds. Lists have one child, the element; maps have two, key and value; structs have their fields.
const (
	KindText    Kind = iota + 1 // valid UTF-8
	KindBytes                   // any bytes, as sent
	KindInteger                 // 64 bits, signed
	KindNumber                  // 64 bits, binary floating point
	KindBoolean
	KindInstant // microseconds since 1970 in UTC, as an integer
	KindList
	KindMap
	KindStruct
)

var kindNames = map[Kind]string{
	KindText: "text", KindBytes: "bytes", KindInteger: "integer", KindNumber: "number", KindBoolean: "boolean",
	KindInstant: "instant", KindList: "list", KindMap: "map", KindStruct: "struct",
}

func (k Kind) String() string { return kindNames[k] }

// Node is the shape of a column or of a part of one. Lists, maps, list elements and map keys are never null. Map values always may be.
type Node struct {
	Name       string
	ID         int32 // field id; unique in the table and never reused
	Kind       Kind
	Since      int // the schema version that added it
	Optional   bool
	Dictionary bool // few different values, at least among neighbouring rows: worth a dictionary
	Statistics bool // minimum and maximum help readers to skip row groups
	Children   []Node
}

// firstNumbered is the schema version whose columns got their ids together with those of all earlier versions.
const firstNumbered = 2

// number assigns ids to the columns of a table. Columns up to version firstNumbered get the ids that Iceberg assigns when a table is
// created with these columns: first to all nodes of a level, and then to the children of each node in turn. So files can be added to
// tables that others have created. Columns of later versions get the next ids, so that existing ids never change.
func number(columns []Node) {
	next, last := int32(1), firstNumbered
	for version := firstNumbered; version <= last; version++ {
		next = numberSince(columns, version, next, &last)
	}
}

func numberSince(nodes []Node, version int, next int32, last *int) int32 {
	for i := range nodes {
		if max(nodes[i].Since, firstNumbered) == version {
			nodes[i].ID = next
			next++
		}
		*last = max(*last, nodes[i].Since)
	}
	for i := range nodes {
		next = numberSince(nodes[i].Children, version, next, last)
	}
	return next
}

// setSince sets the version that added the node and its children.
func (n *Node) setSince(version int) {
	n.Since = max(n.Since, version)
	for i := range n.Children {
		n.Children[i].setSince(n.Since)
	}
}

// leaves calls visit for each leaf of the node, in the order in which shredding fills them.
func (n *Node) leaves(definition, repetition int16, visit func(n *Node, maxDefinition, maxRepetition int16)) {
	if n.Optional {
		definition++
	}
	switch n.Kind {
	case KindList, KindMap:
		definition++
		repetition++
	case KindStruct:
	default:
		visit(n, definition, repetition)
	}
	for i := range n.Children {
		n.Children[i].leaves(definition, repetition, visit)
	}
}

// setLeaves changes all leaves of the node.
func (n *Node) setLeaves(set func(*Node)) {
	n.leaves(0, 0, func(leaf *Node, _, _ int16) { set(leaf) })
}

// clone returns a deep copy of n.
func (n Node) clone() Node {
	children := n.Children
	n.Children = nil
	for _, c := range children {
		n.Children = append(n.Children, c.clone())
	}
	return n
}

func (n *Node) print(b *strings.Builder, indent int) {
	fmt.Fprintf(b, "%6d  %s%s %s", n.ID, strings.Repeat("  ", indent), n.Name, n.Kind)
	if n.Optional {
		b.WriteString(" optional")
	}
	if n.Dictionary {
		b.WriteString(" dictionary")
	}
	if !n.Statistics && len(n.Children) == 0 {
		b.WriteString(" no-statistics")
	}
	if n.Since > 1 {
		fmt.Fprintf(b, " since-%d", n.Since)
	}
	b.WriteByte('\n')
	for i := range n.Children {
		n.Children[i].print(b, indent+1)
	}
}

// Shape is a table without the type of its rows.
type Shape struct {
	Table   string
	Columns []Node
	// CreatedAt names the column whose minimum and maximum describe a file; empty if rows have no such time.
	CreatedAt string
}

// Leaves returns empty buffers for Shred, one for each leaf column, in order. Those of the partition columns stay empty.
func (s Shape) Leaves() []Leaf {
	var all []Leaf
	for i := range s.Columns {
		s.Columns[i].leaves(0, 0, func(n *Node, maxDefinition, maxRepetition int16) {
			all = append(all, Leaf{
				Kind: n.Kind, Dictionary: n.Dictionary, Statistics: n.Statistics,
				MaxDefinition: maxDefinition, MaxRepetition: maxRepetition,
			})
			if IsPartition(n.Name) && &s.Columns[i] == n {
				all[len(all)-1].Partition = n.Name
			}
		})
	}
	return all
}

// String prints the table: each column with its field id, its kind and how it is stored.
func (s Shape) String() string {
	var b strings.Builder
	b.WriteString("table " + s.Table)
	if s.CreatedAt != "" {
		b.WriteString(" by " + s.CreatedAt)
	}
	b.WriteByte('\n')
	for i := range s.Columns {
		s.Columns[i].print(&b, 0)
	}
	return b.String()
}

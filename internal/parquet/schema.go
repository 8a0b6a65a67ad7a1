package parquet

import (
	"fmt"

	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/schema"

	"github.com/chatlake/chatlake/schemas"
)

const noID = -1

// rootOf returns the Parquet schema of a table. Every node has a field id, except the root and the repeated groups inside lists
// and maps, which belong to Parquet's encoding and not to the table.
func rootOf(shape schemas.Shape) (*schema.GroupNode, error) {
	columns, err := nodesOf(shape.Columns)
	if err != nil {
		return nil, fmt.Errorf("schema of %s: %w", shape.Table, err)
	}
	return schema.NewGroupNode("schema", parquet.Repetitions.Required, columns, noID)
}

func nodesOf(nodes []schemas.Node) (schema.FieldList, error) {
	fields := make(schema.FieldList, 0, len(nodes))
	for _, n := range nodes {
		field, err := nodeOf(n)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Name, err)
		}
		fields = append(fields, field)
	}
	return fields, nil
}

func nodeOf(n schemas.Node) (schema.Node, error) {
	repetition := parquet.Repetitions.Required
	if n.Optional {
		repetition = parquet.Repetitions.Optional
	}
	leaf := func(logical schema.LogicalType, physical parquet.Type) (schema.Node, error) {
		return schema.NewPrimitiveNodeLogical(n.Name, repetition, logical, physical, -1, n.ID)
	}
	switch n.Kind {
	case schemas.KindText:
		return leaf(schema.StringLogicalType{}, parquet.Types.ByteArray)
	case schemas.KindBytes:
		return leaf(nil, parquet.Types.ByteArray)
	case schemas.KindInteger:
		return leaf(nil, parquet.Types.Int64)
	case schemas.KindNumber:
		return leaf(nil, parquet.Types.Double)
	case schemas.KindBoolean:
		return leaf(nil, parquet.Types.Boolean)
	case schemas.KindInstant:
		return leaf(schema.NewTimestampLogicalType(true, schema.TimeUnitMicros), parquet.Types.Int64)
	}
	children, err := nodesOf(n.Children)
	if err != nil {
		return nil, err
	}
	switch n.Kind {
	case schemas.KindList:
		return repeated(n, repetition, "list", schema.NewListLogicalType(), children)
	case schemas.KindMap:
		return repeated(n, repetition, "key_value", schema.MapLogicalType{}, children)
	case schemas.KindStruct:
		return schema.NewGroupNode(n.Name, repetition, children, n.ID)
	}
	return nil, fmt.Errorf("kind %d has no Parquet type", n.Kind)
}

// repeated returns a list or a map in three levels: the column, a repeated group named name, and the children.
func repeated(n schemas.Node, repetition parquet.Repetition, name string, logical schema.LogicalType, children schema.FieldList) (schema.Node, error) {
	entries, err := schema.NewGroupNode(name, parquet.Repetitions.Repeated, children, noID)
	if err != nil {
		return nil, err
	}
	return schema.NewGroupNodeLogical(n.Name, repetition, schema.FieldList{entries}, logical, n.ID)
}

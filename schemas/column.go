package schemas

import (
	"slices"
	"time"
	"unicode/utf8"
)

// Column is one column of a table: a name, a shape, and how to get its value from a row.
type Column[R any] struct {
	node  Node
	width int // number of leaf columns
	shred func(row *R, at level, leaves []Leaf)
	when  func(row *R) (time.Time, bool) // for the column of times whose range describes a file
	apart bool                           // not part of a thread's digest
}

// required is a column that is never null.
func required[R, V any](name string, kind Kind, get func(*R) V, put func(*Leaf, V)) Column[R] {
	return Column[R]{
		node:  Node{Name: name, Kind: kind, Statistics: true},
		width: 1,
		shred: func(row *R, at level, leaves []Leaf) {
			leaves[0].place(at.definition, at.repetition)
			put(&leaves[0], get(row))
		},
	}
}

// optional is a column that is null if the row has nil.
func optional[R, V any](name string, kind Kind, get func(*R) *V, put func(*Leaf, V)) Column[R] {
	return Column[R]{
		node:  Node{Name: name, Kind: kind, Optional: true, Statistics: true},
		width: 1,
		shred: func(row *R, at level, leaves []Leaf) {
			v := get(row)
			if v == nil {
				leaves[0].place(at.definition, at.repetition)
				return
			}
			leaves[0].place(at.definition+1, at.repetition)
			put(&leaves[0], *v)
		},
	}
}

func text[R any](name string, get func(*R) string) Column[R] {
	return required(name, KindText, get, (*Leaf).putText)
}

func optText[R any](name string, get func(*R) *string) Column[R] {
	return optional(name, KindText, get, (*Leaf).putText)
}

// bytesUnlessText is null if the bytes are valid UTF-8, which textOf contains.
func bytesUnlessText[R any](name string, get func(*R) []byte) Column[R] {
	return optional(name, KindBytes, func(r *R) *[]byte {
		b := get(r)
		if utf8.Valid(b) {
			return nil
		}
		return &b
	}, (*Leaf).putBytes)
}

// textOf is a text that is null if the bytes are not valid UTF-8.
func textOf[R any](name string, get func(*R) []byte) Column[R] {
	return optional(name, KindText, func(r *R) *[]byte {
		b := get(r)
		if !utf8.Valid(b) {
			return nil
		}
		return &b
	}, (*Leaf).putBytes)
}

func integer[R any](name string, get func(*R) int64) Column[R] {
	return required(name, KindInteger, get, (*Leaf).putInteger)
}

func optInteger[R any](name string, get func(*R) *int64) Column[R] {
	return optional(name, KindInteger, get, (*Leaf).putInteger)
}

func optNumber[R any](name string, get func(*R) *float64) Column[R] {
	return optional(name, KindNumber, get, (*Leaf).putNumber)
}

func boolean[R any](name string, get func(*R) bool) Column[R] {
	return required(name, KindBoolean, get, (*Leaf).putBoolean)
}

func optBoolean[R any](name string, get func(*R) *bool) Column[R] {
	return optional(name, KindBoolean, get, (*Leaf).putBoolean)
}

func instant[R any](name string, get func(*R) time.Time) Column[R] {
	return required(name, KindInstant, get, (*Leaf).putInstant)
}

func optInstant[R any](name string, get func(*R) *time.Time) Column[R] {
	c := optional(name, KindInstant, get, (*Leaf).putInstant)
	c.when = func(row *R) (time.Time, bool) {
		t := get(row)
		if t == nil {
			return time.Time{}, false
		}
		return *t, true
	}
	return c
}

// itself gets the value from an entry of a list of plain values.
func itself[V any](v *V) V { return *v }

// texts is a list of texts.
func texts[R any](name string, get func(*R) []string) Column[R] {
	element := text("element", itself[string])
	return list(name, get, element.node, 1, element.shred)
}

// structs is a list of structs, whose fields are columns like those of a table.
func structs[R, E any](name string, get func(*R) []E, fields ...Column[E]) Column[R] {
	element := Node{Name: "element", Kind: KindStruct}
	width := 0
	for _, f := range fields {
		element.Children = append(element.Children, f.node)
		width += f.width
	}
	return list(name, get, element, width, func(entry *E, at level, leaves []Leaf) {
		for _, f := range fields {
			f.shred(entry, at, leaves[:f.width])
			leaves = leaves[f.width:]
		}
	})
}

// list is never null; nil means an empty list.
func list[R, E any](name string, get func(*R) []E, element Node, width int, shred func(*E, level, []Leaf)) Column[R] {
	return Column[R]{
		node:  Node{Name: name, Kind: KindList, Children: []Node{element}},
		width: width,
		shred: func(row *R, at level, leaves []Leaf) {
			entries := get(row)
			if len(entries) == 0 {
				for i := range leaves {
					leaves[i].place(at.definition, at.repetition)
				}
				return
			}
			for i := range entries {
				shred(&entries[i], at.deeper(i), leaves)
			}
		},
	}
}

// textMap is a map of texts in the order of its keys; nil means an empty map. There are few different keys, but too many different
// values for statistics.
func textMap[R any](name string, get func(*R) map[string]*string) Column[R] {
	return Column[R]{
		node: Node{Name: name, Kind: KindMap, Children: []Node{
			{Name: "key", Kind: KindText, Dictionary: true},
			{Name: "value", Kind: KindText, Optional: true},
		}},
		width: 2,
		shred: func(row *R, at level, leaves []Leaf) { shredMap(get(row), at, &leaves[0], &leaves[1]) },
	}
}

func shredMap(entries map[string]*string, at level, keyLeaf, valueLeaf *Leaf) {
	if len(entries) == 0 {
		keyLeaf.place(at.definition, at.repetition)
		valueLeaf.place(at.definition, at.repetition)
		return
	}
	var few [16]string // on the stack: this runs for every row
	keys := few[:0]
	for key := range entries {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, name := range validKeys(keys) {
		inner := at.deeper(i)
		keyLeaf.place(inner.definition, inner.repetition)
		keyLeaf.putText(name)
		value := entries[keys[i]]
		if value == nil {
			valueLeaf.place(inner.definition, inner.repetition)
			continue
		}
		valueLeaf.place(inner.definition+1, inner.repetition)
		valueLeaf.putText(*value)
	}
}

// validKeys returns the keys as valid UTF-8. Keys that would become the same text stay different: U+FFFD is appended to the later ones.
func validKeys(keys []string) []string {
	allValid := true
	for _, key := range keys {
		allValid = allValid && utf8.ValidString(key)
	}
	if allValid {
		return keys
	}
	taken := make(map[string]bool, len(keys))
	for _, key := range keys {
		taken[key] = utf8.ValidString(key)
	}
	valid := slices.Clone(keys)
	for i, key := range keys {
		if utf8.ValidString(key) {
			continue
		}
		key = validText(key)
		for taken[key] {
			key += "\uFFFD"
		}
		taken[key], valid[i] = true, key
	}
	return valid
}

// dictionary marks a column with few different values, at least among neighbouring rows.
func (c Column[R]) dictionary() Column[R] {
	c.node = c.node.clone()
	c.node.setLeaves(func(n *Node) { n.Dictionary = true })
	return c
}

// large marks a column whose minimum and maximum are of no use.
func (c Column[R]) large() Column[R] {
	c.node = c.node.clone()
	c.node.setLeaves(func(n *Node) { n.Statistics = false })
	return c
}

// since sets the schema version that added the column.
func (c Column[R]) since(version int) Column[R] {
	c.node = c.node.clone()
	c.node.setSince(version)
	return c
}

// undigested excludes the column from the digest of a thread.
func (c Column[R]) undigested() Column[R] {
	c.apart = true
	return c
}

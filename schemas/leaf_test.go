package schemas

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func some[V any](v V) *V { return &v }

// room, shelf and book are nested deeper than any table of the lake: a list in a struct in a list, beside a map.
type room struct {
	shelves []shelf
	labels  map[string]*string
}

type shelf struct {
	number *int64
	books  []string
}

var rooms = table("rooms", "",
	structs("shelves", func(r *room) []shelf { return r.shelves },
		optInteger("number", func(s *shelf) *int64 { return s.number }),
		texts("books", func(s *shelf) []string { return s.books }),
	),
	textMap("labels", func(r *room) map[string]*string { return r.labels }),
)

// TestLevels compares with levels that were determined by hand from the rules of the Dremel paper.
func TestLevels(t *testing.T) {
	rows := []room{
		{},
		{shelves: []shelf{{}}, labels: map[string]*string{"a": nil}},
		{
			shelves: []shelf{{number: some(int64(1)), books: []string{"x", "y"}}, {}, {books: []string{"z"}}},
			labels:  map[string]*string{"b": some("2"), "a": some("1"), "c": nil},
		},
	}
	leaves := rooms.Leaves()
	for i := range rows {
		rooms.Shred(&rows[i], leaves)
	}
	want := []Leaf{
		{
			Kind: KindInteger, Statistics: true, MaxDefinition: 2, MaxRepetition: 1,
			Integers: []int64{1}, Definitions: []int16{0, 1, 2, 1, 1}, Repetitions: []int16{0, 0, 0, 1, 1},
		},
		{
			Kind: KindText, MaxDefinition: 2, MaxRepetition: 2, Statistics: true,
			Data: []byte("xyz"), Ends: []uint32{1, 2, 3}, Definitions: []int16{0, 1, 2, 2, 1, 2}, Repetitions: []int16{0, 0, 0, 2, 1, 1},
		},
		{
			Kind: KindText, Dictionary: true, MaxDefinition: 1, MaxRepetition: 1,
			Data: []byte("aabc"), Ends: []uint32{1, 2, 3, 4}, Definitions: []int16{0, 1, 1, 1, 1}, Repetitions: []int16{0, 0, 0, 1, 1},
		},
		{
			Kind: KindText, MaxDefinition: 2, MaxRepetition: 1,
			Data: []byte("12"), Ends: []uint32{1, 2}, Definitions: []int16{0, 1, 2, 2, 1}, Repetitions: []int16{0, 0, 0, 1, 1},
		},
	}
	for _, column := range PartitionColumns() {
		want = append(want, Leaf{Kind: KindText, Dictionary: true, Statistics: true, Partition: column})
	}
	if diff := cmp.Diff(want, leaves); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLeafCounts(t *testing.T) {
	leaves := rooms.Leaves()
	rooms.Shred(&room{shelves: []shelf{{books: []string{"xyz", ""}}}}, leaves)
	if n := leaves[1].Places(); n != 2 {
		t.Errorf("%d places, want 2", n)
	}
	if n, want := leaves[1].Bytes(), 3+2*4+2*2+2*2; n != want {
		t.Errorf("%d bytes, want %d", n, want)
	}
	for i := range leaves {
		leaves[i].Reset()
		if leaves[i].Places() != 0 || leaves[i].Bytes() != 0 {
			t.Errorf("leaf %d after Reset: %d places, %d bytes", i, leaves[i].Places(), leaves[i].Bytes())
		}
	}
}

func TestValidKeys(t *testing.T) {
	tests := []struct {
		name       string
		keys, want []string
	}{
		{"none", nil, nil},
		{"valid", []string{"", "a", "b"}, []string{"", "a", "b"}},
		{"invalid", []string{"a", "b\xff"}, []string{"a", "b\uFFFD"}},
		{
			"invalid ones that would meet",
			[]string{"\uFFFD", "\xfe", "\xff"},
			[]string{"\uFFFD", "\uFFFD\uFFFD", "\uFFFD\uFFFD\uFFFD"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, validKeys(tt.keys)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestMapInOrderOfKeys shreds maps of many sizes, because Go iterates over maps in random order.
func TestMapInOrderOfKeys(t *testing.T) {
	for _, n := range []int{1, 2, 16, 17, 40} {
		entries, want := map[string]*string{}, ""
		for i := range n {
			key := fmt.Sprintf("%02d", i)
			entries[key], want = nil, want+key
		}
		leaves := rooms.Leaves()
		rooms.Shred(&room{labels: entries}, leaves)
		if keys := leaves[2]; string(keys.Data) != want || keys.Places() != n {
			t.Errorf("%d entries: %d keys %q, want %q", n, keys.Places(), keys.Data, want)
		}
	}
}

// TestAppendedColumnsKeepIDs tests a promise that Iceberg tables rely on.
func TestAppendedColumnsKeepIDs(t *testing.T) {
	longer := table("rooms", "",
		structs("shelves", func(r *room) []shelf { return r.shelves },
			optInteger("number", func(s *shelf) *int64 { return s.number }),
			texts("books", func(s *shelf) []string { return s.books }),
			optInteger("width", func(s *shelf) *int64 { return s.number }).since(4),
		),
		textMap("labels", func(r *room) map[string]*string { return r.labels }),
		texts("doors", func(*room) []string { return nil }).since(3),
	)
	before, after := map[int32]string{}, map[int32]string{}
	for i := range rooms.Columns {
		collectIDs(rooms.Columns[i], "", before)
	}
	for i := range longer.Columns {
		collectIDs(longer.Columns[i], "", after)
	}
	if len(after) != len(before)+3 {
		t.Errorf("%d ids, then %d: some are used twice", len(before), len(after))
	}
	for i, path := range []string{"/doors", "/doors/element", "/shelves/element/width"} {
		if id := int32(len(before) + i + 1); after[id] != path {
			t.Errorf("id %d is %q, want the next ids in the order of versions: %s", id, after[id], path)
		}
	}
	for id, path := range before {
		if after[id] != path {
			t.Errorf("id %d was %s and is now %q", id, path, after[id])
		}
	}
}

func collectIDs(n Node, path string, ids map[int32]string) {
	path += "/" + n.Name
	ids[n.ID] = path
	for _, c := range n.Children {
		collectIDs(c, path, ids)
	}
}

package schemas

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestShapesGolden pins what readers of the lake and Iceberg tables rely on. Lines may be added at the end of a table;
// a line that changes or moves breaks files already written.
func TestShapesGolden(t *testing.T) {
	var printed []string
	for _, s := range Shapes() {
		printed = append(printed, s.String())
	}
	got := strings.Join(printed, "\n")
	golden := filepath.Join("testdata", "tables.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the printed tables have changed; is Version still right? (-golden +now)\n%s", diff)
	}
}

func TestEveryFieldHasAColumn(t *testing.T) {
	rows := []any{
		Conversation{}, Message{}, Participant{}, Event{}, Rating{}, Attachment{}, Document{}, DeadLetter{}, Tombstone{},
		Agent{}, Contact{}, Group{}, Channel{}, Label{}, Field{},
		Audit{},
	}
	shapes := Shapes()
	if len(rows) != len(shapes) {
		t.Fatalf("%d row types, %d tables", len(rows), len(shapes))
	}
	for i, row := range rows {
		t.Run(shapes[i].Table, func(t *testing.T) { checkColumns(t, reflect.TypeOf(row), shapes[i].Columns) })
	}
}

// checkColumns compares the fields of a row type with the columns, by name. The table documents has its own order, and two columns for a body.
// No row has the partition columns.
func checkColumns(t *testing.T, row reflect.Type, columns []Node) {
	byName := map[string]Node{}
	for _, c := range columns {
		if !IsPartition(c.Name) && c.Name != "body_text" {
			byName[c.Name] = c
		}
	}
	if len(byName) != row.NumField() {
		t.Errorf("%s has %d fields, %d columns", row, row.NumField(), len(byName))
	}
	for i := range row.NumField() {
		f := row.Field(i)
		c, ok := byName[snake(f.Name)]
		if !ok {
			t.Errorf("%s.%s has no column %s", row, f.Name, snake(f.Name))
			continue
		}
		kind, optional := kindOf(f.Type)
		if row == reflect.TypeFor[Document]() && (f.Name == "ConversationID" || f.Name == "Body") {
			optional = true
		}
		if c.Kind != kind || c.Optional != optional {
			t.Errorf("%s.%s %s: column is %s, optional %v", row, f.Name, f.Type, c.Kind, c.Optional)
		}
		if kind == KindList && f.Type.Elem().Kind() == reflect.Struct {
			checkColumns(t, f.Type.Elem(), c.Children[0].Children)
		}
	}
}

func kindOf(f reflect.Type) (kind Kind, optional bool) {
	if f.Kind() == reflect.Pointer {
		kind, _ = kindOf(f.Elem())
		return kind, true
	}
	switch f {
	case reflect.TypeFor[time.Time]():
		return KindInstant, false
	case reflect.TypeFor[[]byte]():
		return KindBytes, false
	}
	switch f.Kind() {
	case reflect.String:
		return KindText, false
	case reflect.Int64:
		return KindInteger, false
	case reflect.Float64:
		return KindNumber, false
	case reflect.Bool:
		return KindBoolean, false
	case reflect.Slice:
		return KindList, false
	case reflect.Map:
		return KindMap, false
	}
	return 0, false
}

var wordEnd = regexp.MustCompile(`([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])`)

func snake(name string) string {
	return strings.ToLower(wordEnd.ReplaceAllString(name, "${1}${3}_${2}${4}"))
}

// TestColumnsReadTheirField fills one field after the other and checks which column gets the value, so that no column reads the field of
// another.
func TestColumnsReadTheirField(t *testing.T) {
	checkReads(t, Conversations)
	checkReads(t, Messages)
	checkReads(t, Participants)
	checkReads(t, Events)
	checkReads(t, Ratings)
	checkReads(t, Attachments)
	checkReads(t, Documents)
	checkReads(t, DeadLetters)
	checkReads(t, Tombstones)
	checkReads(t, Agents)
	checkReads(t, Contacts)
	checkReads(t, Groups)
	checkReads(t, Channels)
	checkReads(t, Labels)
	checkReads(t, Fields)
}

func checkReads[R any](t *testing.T, table *Table[R]) {
	t.Helper()
	var zero R
	empty := table.Leaves()
	table.Shred(&zero, empty)
	for i := range reflect.TypeFor[R]().NumField() {
		var row R
		field := reflect.ValueOf(&row).Elem().Field(i)
		if field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct {
			checkParts(t, table, i)
			continue
		}
		fill(field)
		checkChanged(t, table, &row, empty, snake(reflect.TypeFor[R]().Field(i).Name))
	}
}

// checkParts does for the structs of list i what checkReads does for the row.
func checkParts[R any](t *testing.T, table *Table[R], i int) {
	t.Helper()
	list := reflect.TypeFor[R]().Field(i)
	var one R
	reflect.ValueOf(&one).Elem().Field(i).Set(reflect.MakeSlice(list.Type, 1, 1))
	empty := table.Leaves()
	table.Shred(&one, empty)
	for j := range list.Type.Elem().NumField() {
		var row R
		entries := reflect.MakeSlice(list.Type, 1, 1)
		fill(entries.Index(0).Field(j))
		reflect.ValueOf(&row).Elem().Field(i).Set(entries)
		checkChanged(t, table, &row, empty, snake(list.Name)+"."+snake(list.Type.Elem().Field(j).Name))
	}
}

// checkChanged checks that shredding row differs from empty in the leaves of one column and in no others.
func checkChanged[R any](t *testing.T, table *Table[R], row *R, empty []Leaf, column string) {
	t.Helper()
	leaves, at := table.Leaves(), 0
	table.Shred(row, leaves)
	for i := range table.Columns {
		top := &table.Columns[i]
		name := top.Name
		top.leaves(0, 0, func(n *Node, _, _ int16) {
			if top.Kind == KindList && top.Children[0].Kind == KindStruct {
				name = top.Name + "." + n.Name
			}
			if changed := !cmp.Equal(leaves[at], empty[at]); changed != (strings.TrimSuffix(name, "_text") == column) {
				t.Errorf("%s: with %s filled, column %s changed: %v", table.Table, column, name, changed)
			}
			at++
		})
	}
}

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("x")
	case reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		if v.Type() == reflect.TypeFor[[]byte]() {
			v.SetBytes([]byte{0xff}) // which is not valid UTF-8
		}
	case reflect.Map:
		x := "x"
		v.Set(reflect.ValueOf(map[string]*string{"x": &x}))
	case reflect.Struct:
		v.Set(reflect.ValueOf(time.Unix(7, 0)))
	}
}

// TestIDs compares the ids with those that Iceberg assigns to a new table with the same columns, determined in another way: a struct
// first assigns ids to its fields, and then each field to its children; a list to its element; a map to its key and its value.
func TestIDs(t *testing.T) {
	for _, s := range Shapes() {
		next := int32(0)
		fresh := func(n Node) {
			if next++; n.ID != next {
				t.Errorf("%s.%s has id %d, want %d", s.Table, n.Name, n.ID, next)
			}
		}
		var within func(n Node)
		fields := func(nodes []Node) {
			for _, n := range nodes {
				fresh(n)
			}
			for _, n := range nodes {
				within(n)
			}
		}
		within = func(n Node) {
			switch n.Kind {
			case KindList:
				fresh(n.Children[0])
				within(n.Children[0])
			case KindMap:
				fresh(n.Children[0])
				fresh(n.Children[1])
				within(n.Children[0])
				within(n.Children[1])
			case KindStruct:
				fields(n.Children)
			}
		}
		fields(s.Columns)
	}
}

// TestPartitionColumns checks that every table has them after the columns of version 1, and that every later column may be null, except in
// tables that version 1 did not have.
func TestPartitionColumns(t *testing.T) {
	for _, s := range Shapes() {
		var names []string
		for i, c := range s.Columns {
			switch {
			case IsPartition(c.Name):
				names = append(names, c.Name)
				if i > 0 && !IsPartition(s.Columns[i-1].Name) && s.Columns[i-1].Since != 1 || c.Optional || !c.Dictionary || c.Since != 2 {
					t.Errorf("%s: %+v after %+v", s.Table, c, s.Columns[i-1])
				}
			case (c.Since > 1) != (len(names) > 0) || c.Since > 1 && !c.Optional && s.Columns[0].Since == 1:
				t.Errorf("%s.%s is of version %d, optional %v, after the partition columns %v", s.Table, c.Name, c.Since, c.Optional, names)
			}
		}
		if diff := cmp.Diff(PartitionColumns(), names); diff != "" {
			t.Errorf("%s (-want +got)\n%s", s.Table, diff)
		}
	}
	p := Partition{Provider: "a", Account: "b", Stream: "c", Month: "d"}
	var values []string
	for _, name := range PartitionColumns() {
		values = append(values, p.Value(name))
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d"}, values); diff != "" {
		t.Errorf("values (-want +got)\n%s", diff)
	}
}

package providertest

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// KeepsRest tests that a mapping keeps unknown fields. It adds two fields, a text and a nested object, to every object of body, with
// the same two names everywhere, and looks for their values in the attributes of the rows.
//
// tables names the table that must have the fields of an object, by the path of the object: "payload[].sender", or "" for the body
// itself. An object without an entry belongs to the table of the nearest object around it that has one. "-" marks objects whose
// unknown fields no row keeps. A table without attributes, such as Ratings, may have the values in any column.
func KeepsRest(t *testing.T, body []byte, tables map[string]string, rows func(body []byte) any) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	m := marks{}
	m.add("", doc)
	marked, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	kept := keptIn(t, reflect.ValueOf(rows(marked)))
	for mark, path := range m {
		table := tableOf(tables, path)
		if table == "" {
			t.Fatalf("tables has no entry for the object %q", path)
		}
		if found := strings.Contains(kept[table], mark); found != (table != "-") {
			t.Errorf("unknown field of the object %q: in table %q: %v", path, table, found)
		}
	}
}

// marks maps the added values to the paths of their objects.
type marks map[string]string

func (m marks) add(path string, v any) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			m.add(path+"[]", element)
		}
	case map[string]any:
		for key, member := range v {
			m.add(strings.TrimPrefix(path+"."+key, "."), member)
		}
		v["unheard"] = m.next(path)
		v["unheard_of"] = map[string]any{"inner": []any{m.next(path)}}
	}
}

func (m marks) next(path string) string {
	mark := "mark-" + strconv.Itoa(len(m)) + "-"
	m[mark] = path
	return mark
}

func tableOf(tables map[string]string, path string) string {
	for {
		if table, ok := tables[path]; ok || path == "" {
			return table
		}
		cut := strings.LastIndexAny(path, ".[")
		path = path[:max(cut, 0)]
	}
}

// keptIn returns the attributes of all rows of a thread or a snapshot, one text for each table.
func keptIn(t *testing.T, rows reflect.Value) map[string]string {
	kept := map[string]string{"-": ""}
	for i := range rows.NumField() {
		table, list := rows.Type().Field(i).Name, rows.Field(i)
		if list.Kind() == reflect.Struct {
			kept[table] = attributesOf(t, list)
			continue
		}
		for j := range list.Len() {
			kept[table] += attributesOf(t, list.Index(j))
		}
	}
	return kept
}

func attributesOf(t *testing.T, row reflect.Value) string {
	if attributes := row.FieldByName("Attributes"); attributes.IsValid() {
		row = attributes
	}
	text, err := json.Marshal(row.Interface())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintln(string(text))
}

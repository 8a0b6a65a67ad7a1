package providertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Expectation is one condition on the rows of a case. Value is compared with the column of every row that Where selects, which must
// be at least one. Count is compared with the number of these rows. AnyOf is true if one of its expectations is.
type Expectation struct {
	Table  string
	Where  map[string]any
	Column string
	Value  json.RawMessage
	Count  json.RawMessage
	AnyOf  []Expectation `json:"any_of"`
}

func (e Expectation) check(rows tables) error {
	if len(e.AnyOf) > 0 {
		var all []error
		for _, one := range e.AnyOf {
			err := one.check(rows)
			if err == nil {
				return nil
			}
			all = append(all, err)
		}
		return fmt.Errorf("none of %d alternatives is true: %w", len(all), errors.Join(all...))
	}
	selected, err := rows.selected(e.Table, e.Where)
	if err != nil {
		return err
	}
	if e.Count != nil {
		var want any
		if err := json.Unmarshal(e.Count, &want); err != nil {
			return fmt.Errorf("%s: count: %w", e.Table, err)
		}
		if ok, err := compares(float64(len(selected)), want); !ok {
			return errors.Join(err, fmt.Errorf("%s where %v: %d rows, want %s", e.Table, e.Where, len(selected), e.Count))
		}
		return nil
	}
	if len(selected) == 0 {
		return fmt.Errorf("%s where %v: no row", e.Table, e.Where)
	}
	var want any
	if err := json.Unmarshal(e.Value, &want); err != nil {
		return fmt.Errorf("%s.%s: the expectation has no valid value: %w", e.Table, e.Column, err)
	}
	for _, row := range selected {
		got := lookup(row, e.Column)
		ok, err := compares(got, want)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%s.%s where %v is %s, want %s", e.Table, e.Column, e.Where, plain(got), e.Value)
		}
	}
	return nil
}

// tables are rows as decoded by encoding/json, by table.
type tables map[string][]map[string]any

// add adds the rows of a schemas.Thread or schemas.Snapshot. Each field is a table.
func (all tables) add(t interface{ Fatal(...any) }, rows any) {
	v := reflect.ValueOf(rows)
	for i := range v.NumField() {
		name, field := snake(v.Type().Field(i).Name), v.Field(i)
		if field.Kind() == reflect.Struct {
			// A conversation that is gone has only a tombstone.
			if !field.IsZero() {
				all[name+"s"] = append(all[name+"s"], asRow(t, field))
			}
			continue
		}
		for j := range field.Len() {
			all[name] = append(all[name], asRow(t, field.Index(j)))
		}
	}
}

func asRow(t interface{ Fatal(...any) }, v reflect.Value) map[string]any {
	body, err := json.Marshal(columns(v))
	if err != nil {
		t.Fatal(err)
	}
	var row map[string]any
	if err := json.Unmarshal(body, &row); err != nil {
		t.Fatal(err)
	}
	return row
}

// columns returns the fields of a struct under their names in the lake, also in lists of structs.
func columns(v reflect.Value) map[string]any {
	row := map[string]any{}
	for i := range v.NumField() {
		f := v.Field(i)
		value := f.Interface()
		if f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct {
			list := []any{}
			for j := range f.Len() {
				list = append(list, columns(f.Index(j)))
			}
			value = list
		}
		row[snake(v.Type().Field(i).Name)] = value
	}
	return row
}

var humps = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// snake returns the column of a field: conversation_id for ConversationID.
func snake(name string) string {
	name = strings.Replace(name, "SHA256", "Sha256", 1)
	name = humps.ReplaceAllString(name, "${1}_$2")
	return strings.ToLower(strings.Replace(name, "URL", "Url", 1))
}

func (all tables) selected(table string, where map[string]any) ([]map[string]any, error) {
	var from []map[string]any
	if table == "*" {
		for _, rows := range all {
			from = append(from, rows...)
		}
	} else {
		from = all[table]
	}
	var selected []map[string]any
	for _, row := range from {
		fits := true
		for column, want := range where {
			ok, err := compares(lookup(row, column), want)
			if err != nil {
				return nil, err
			}
			fits = fits && ok
		}
		if fits {
			selected = append(selected, row)
		}
	}
	return selected, nil
}

// lookup returns the value at a path in a row: status, attributes.KEY, where KEY is everything after the first point, parts.0.text,
// parts.*.text, or * for the whole row. It returns nil if there is none.
func lookup(row map[string]any, path string) any {
	if path == "*" {
		return row
	}
	name, rest, deeper := strings.Cut(path, ".")
	value := row[name]
	if !deeper {
		return value
	}
	if list, ok := value.([]any); ok {
		return entry(list, rest)
	}
	object, _ := value.(map[string]any)
	return object[rest]
}

func entry(list []any, path string) any {
	index, column, _ := strings.Cut(path, ".")
	if index == "*" {
		values := []any{}
		for i := range list {
			values = append(values, entry(list, strconv.Itoa(i)+"."+column))
		}
		return values
	}
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(list) {
		return nil
	}
	if column == "" {
		return list[i]
	}
	object, _ := list[i].(map[string]any)
	return object[column]
}

// compares reports whether a value is the wanted one, or satisfies each member of the wanted form.
func compares(got, want any) (bool, error) {
	form, ok := want.(map[string]any)
	if !ok {
		return same(got, want), nil
	}
	for name, of := range form {
		ok, err := holds(got, name, of)
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func holds(got any, form string, of any) (bool, error) {
	switch form {
	case "contains":
		if list, ok := of.([]any); ok {
			for _, one := range list {
				if !strings.Contains(plain(got), plain(one)) {
					return false, nil
				}
			}
			return true, nil
		}
		return strings.Contains(plain(got), plain(of)), nil
	case "matches":
		list, ok := of.([]any)
		if !ok {
			list = []any{of}
		}
		for _, one := range list {
			re, err := regexp.Compile(plain(one))
			if err != nil {
				return false, err
			}
			if !re.MatchString(plain(got)) {
				return false, nil
			}
		}
		return true, nil
	case "one_of":
		list, _ := of.([]any)
		for _, one := range list {
			if ok, err := compares(got, one); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case "not":
		list, ok := of.([]any)
		if !ok {
			list = []any{of}
		}
		for _, one := range list {
			if ok, err := compares(got, one); ok || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	return false, fmt.Errorf("unknown form %q of a value", form)
}

func same(got, want any) bool {
	if a, ok := got.(string); ok {
		if b, ok := want.(string); ok {
			at, aErr := time.Parse(time.RFC3339Nano, a)
			bt, bErr := time.Parse(time.RFC3339Nano, b)
			return a == b || aErr == nil && bErr == nil && at.Equal(bt)
		}
	}
	a, aOK := got.([]any)
	b, bOK := want.([]any)
	if aOK && bOK {
		return slices.EqualFunc(a, b, same)
	}
	return reflect.DeepEqual(got, want)
}

// plain returns a value as the text that is searched: null is empty, and anything but a text is compact JSON.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(out.String(), "\n")
}

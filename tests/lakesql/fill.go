package lakesql

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

var humps = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// columnOf is the column of a field: CreatedAt is created_at.
func columnOf(field string) string {
	return strings.ToLower(humps.ReplaceAllString(field, "${1}_$2"))
}

// match finds the field of every column. A column without a field, or a field without a column, is an error.
func match(columns []string, row reflect.Type) ([]int, error) {
	byColumn := map[string]int{}
	for i := range row.NumField() {
		byColumn[columnOf(row.Field(i).Name)] = i
	}
	fields := make([]int, len(columns))
	for i, c := range columns {
		f, ok := byColumn[c]
		if !ok {
			return nil, fmt.Errorf("column %s has no field", c)
		}
		fields[i] = f
		delete(byColumn, c)
	}
	for c := range byColumn {
		return nil, fmt.Errorf("field %s has no column", c)
	}
	return fields, nil
}

// fill stores a value from DuckDB in a field. Only pointers accept null.
func fill(field reflect.Value, v any) error {
	if field.Kind() == reflect.Pointer {
		if v == nil {
			return nil
		}
		field.Set(reflect.New(field.Type().Elem()))
		return fill(field.Elem(), v)
	}
	switch v := v.(type) {
	case []any:
		return fillList(field, v)
	case map[string]any:
		return fillStruct(field, v)
	case duckdb.OrderedMap:
		return fillMap(field, v)
	case time.Time:
		return assign(field, v.UTC())
	default:
		return assign(field, v)
	}
}

func assign(field reflect.Value, v any) error {
	value := reflect.ValueOf(v)
	if !value.IsValid() || !value.Type().AssignableTo(field.Type()) {
		return fmt.Errorf("%T does not fit %s", v, field.Type())
	}
	field.Set(value)
	return nil
}

func fillList(field reflect.Value, v []any) error {
	if field.Kind() != reflect.Slice {
		return fmt.Errorf("a list does not fit %s", field.Type())
	}
	field.Set(reflect.MakeSlice(field.Type(), len(v), len(v)))
	for i := range v {
		if err := fill(field.Index(i), v[i]); err != nil {
			return err
		}
	}
	return nil
}

func fillStruct(field reflect.Value, v map[string]any) error {
	if field.Kind() != reflect.Struct {
		return fmt.Errorf("a struct does not fit %s", field.Type())
	}
	columns := make([]string, 0, len(v))
	for c := range v {
		columns = append(columns, c)
	}
	fields, err := match(columns, field.Type())
	if err != nil {
		return err
	}
	for i, c := range columns {
		if err := fill(field.Field(fields[i]), v[c]); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
	}
	return nil
}

func fillMap(field reflect.Value, v duckdb.OrderedMap) error {
	if field.Kind() != reflect.Map {
		return fmt.Errorf("a map does not fit %s", field.Type())
	}
	field.Set(reflect.MakeMap(field.Type()))
	values := v.Values()
	for i, k := range v.Keys() {
		key, value := reflect.New(field.Type().Key()).Elem(), reflect.New(field.Type().Elem()).Elem()
		if err := fill(key, k); err != nil {
			return err
		}
		if err := fill(value, values[i]); err != nil {
			return err
		}
		if field.MapIndex(key).IsValid() {
			return fmt.Errorf("a map has one key twice")
		}
		field.SetMapIndex(key, value)
	}
	return nil
}

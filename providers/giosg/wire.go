package giosg

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// What the platform sends is read field by field: most of its fields were seen in examples only, and one of another type
// must not cost a chat. A value is a field as sent; nil and null are the same.
type value = wire.Value

type object = wire.Object

// plain is a string as sent, the empty one too, and nil for all else.
func plain(v value) *string {
	s, ok := wire.Unquote(v)
	if !ok {
		return nil
	}
	return &s
}

// boolean is nil for what is neither true nor false.
func boolean(v value) *bool {
	b, err := strconv.ParseBool(wire.Word(v))
	if err != nil {
		return nil
	}
	return &b
}

func truth(v value) bool { b := boolean(v); return b != nil && *b }

func integer(v value) *int64 { return wire.Integer(wire.Word(v)) }

// moment is a time in ISO 8601. Samples of old lack the zone; it is UTC.
func moment(v value) *time.Time { return wire.Time(wire.Word(v), layouts) }

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05"}

// fields is an object's fields; nil where the value is none.
func fields(v value) object {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] != '{' || !wire.Valid(v) {
		return nil
	}
	return wire.Fields(v)
}

// items is an array's elements but nulls; nil where the value is none.
func items(v value) []value {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] != '[' || !wire.Valid(v) {
		return nil
	}
	return wire.Items(v)
}

// envelope is one page of a collection: its rows, and the link to the next page, empty on the last.
func envelope(body []byte) (rows []value, next string, err error) {
	body = bytes.TrimSpace(body)
	if !wire.Valid(body) {
		return nil, "", wire.ErrNotJSON
	}
	if body[0] == '[' {
		return items(body), "", nil
	}
	o := fields(body)
	results := o["results"]
	if wire.IsNull(results) || results[0] != '[' {
		return nil, "", wire.ErrShape
	}
	if !wire.IsNull(o["next"]) && o["next"][0] != '"' {
		return nil, "", wire.ErrShape
	}
	return items(results), wire.Word(o["next"]), nil
}

// attributes gathers the attributes of a row; what is null or empty leaves no trace.
type attributes map[string]*string

// addAll adds all members of an object but those named.
func (a attributes) addAll(prefix string, o object, but ...string) {
	for key, v := range o {
		if s := wire.Text(v); s != nil && !slices.Contains(but, key) {
			a[prefix+strings.ToValidUTF8(key, "\ufffd")] = s
		}
	}
}

func (a attributes) set(key, value string) {
	if value != "" {
		a[key] = &value
	}
}

// rows is the map as it stands in a row: none where nothing was gathered.
func (a attributes) rows() map[string]*string {
	if len(a) == 0 {
		return nil
	}
	return a
}

// compact is an object as JSON, its keys in the order of the alphabet; nil where it is empty.
func compact(o object) *string {
	body, err := json.Marshal(o)
	if err != nil {
		return nil
	}
	return wire.Text(body)
}

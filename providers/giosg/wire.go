package giosg

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// Responses are read field by field: most fields were seen only in examples, and one field of another type must not cost a chat.
// A value is a field as sent; nil and null are the same.
type value = wire.Value

type object = wire.Object

// plain returns a string as sent, even if it is empty, and nil for other values.
func plain(v value) *string {
	s, ok := wire.Unquote(v)
	if !ok {
		return nil
	}
	return &s
}

// boolean returns nil for values other than true and false.
func boolean(v value) *bool {
	b, err := strconv.ParseBool(wire.Word(v))
	if err != nil {
		return nil
	}
	return &b
}

func truth(v value) bool { b := boolean(v); return b != nil && *b }

func integer(v value) *int64 { return wire.Integer(wire.Word(v)) }

// moment parses a time in ISO 8601. Old samples lack the zone; it is UTC.
func moment(v value) *time.Time { return wire.Time(wire.Word(v), layouts) }

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05"}

// fields returns the fields of an object, or nil for other values.
func fields(v value) object {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] != '{' || !wire.Valid(v) {
		return nil
	}
	return wire.Fields(v)
}

// items returns the elements of an array except nulls, or nil for other values.
func items(v value) []value {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] != '[' || !wire.Valid(v) {
		return nil
	}
	return wire.Items(v)
}

// envelope reads one page of a collection: its rows, and the link to the next page, which is empty on the last.
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

// compact returns an object as JSON with sorted keys, or nil if it is empty.
func compact(o object) *string {
	body, err := json.Marshal(o)
	if err != nil {
		return nil
	}
	return wire.Text(body)
}

package freshchat

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// Bodies are read field by field. Accounts differ in the fields that they have and in the fields' types, and one odd field must not
// make a whole conversation fail. A value is a field as sent; nil and null mean the same.
type value = wire.Value

type object = wire.Object

func number(s string) *float64 { return wire.Number(strings.TrimSpace(s)) }

func integer(v value) *int64 { return wire.Integer(wire.Word(v)) }

// layouts of times: bodies have ISO 8601, and reports have a form without a zone, which means UTC (seen in exporters' code). A fraction
// of any length may follow the seconds.
var layouts = []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", time.DateOnly}

// instant parses a time from a body or a report. It returns nil for anything else.
func instant(s string) *time.Time {
	return wire.Time(strings.TrimSpace(s), layouts)
}

func moment(v value) *time.Time { return instant(wire.Word(v)) }

// leftover returns the members of an object that have no column, as compact JSON in the order sent; nil if there are none.
func leftover(v value, except ...string) *string {
	var b bytes.Buffer
	for key, member := range wire.Members(v) {
		if name, ok := wire.Unquote(key); !ok || slices.Contains(except, name) {
			continue
		}
		if b.Len() == 0 {
			b.WriteByte('{')
		} else {
			b.WriteByte(',')
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(member)
	}
	if b.Len() == 0 {
		return nil
	}
	b.WriteByte('}')
	return wire.Text(b.Bytes())
}

// listRows returns the rows of a body: {"<key>": [...]} or a bare array.
func listRows(body []byte, key string) ([]value, error) {
	body = bytes.TrimSpace(body)
	if !wire.Valid(body) {
		return nil, wire.ErrNotJSON
	}
	if body[0] == '[' {
		return wire.Items(body), nil
	}
	rows := wire.Field(body, key)
	if wire.IsNull(rows) || rows[0] != '[' {
		return nil, wire.ErrShape
	}
	return wire.Items(rows), nil
}

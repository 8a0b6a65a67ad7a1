package freshchat

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/wire"
)

// What the platform sends is read field by field: accounts differ in which fields they have and in their types, and one
// of them must not cost a conversation. A value is a field as sent; nil and null are the same.
type value = wire.Value

type object = wire.Object

// some is a text, nil where it is empty.
func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func number(s string) *float64 { return wire.Number(strings.TrimSpace(s)) }

func integer(v value) *int64 { return wire.Integer(wire.Word(v)) }

// layouts of times: ISO 8601 in bodies, and in reports a form without a zone that means UTC (seen in exporters' code).
// A fraction of any length may follow the seconds.
var layouts = []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", time.DateOnly}

// instant is a time as sent in a body or a report; nil where it is none, or none that a calendar holds.
func instant(s string) *time.Time {
	return wire.Time(strings.TrimSpace(s), layouts)
}

func moment(v value) *time.Time { return instant(wire.Word(v)) }

// attributes gathers the attributes of a row; what is null or empty leaves no trace.
type attributes map[string]*string

func (a attributes) put(key string, s *string) {
	if s != nil {
		a[strings.ToValidUTF8(key, "\ufffd")] = s
	}
}

func (a attributes) addAll(prefix string, o object, but ...string) {
	for key, v := range o {
		if !slices.Contains(but, key) {
			a.put(prefix+key, wire.Text(v))
		}
	}
}

// rows is the map as it stands in a row: none where nothing was gathered.
func (a attributes) rows() map[string]*string {
	if len(a) == 0 {
		return nil
	}
	return a
}

// leftover is what of an object stands in no column, as compact JSON in the order sent; nil where nothing is left.
func leftover(v value, but ...string) *string {
	var b bytes.Buffer
	for key, member := range wire.Members(v) {
		if name, ok := wire.Unquote(key); !ok || slices.Contains(but, name) {
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

// list finds the rows of an answer: {"<key>": [...]} or a bare array.
func list(body []byte, key string) ([]value, error) {
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

// only is an answer that must be one object.
func only(body []byte) (object, error) {
	body = bytes.TrimSpace(body)
	if !wire.Valid(body) {
		return nil, wire.ErrNotJSON
	}
	if body[0] != '{' {
		return nil, wire.ErrShape
	}
	return wire.Fields(body), nil
}

// Package wire reads JSON from platforms field by field. Versions and accounts differ in the fields that they have and in the
// fields' types, and one odd field must not make a whole conversation fail.
//
// It must not know any vendor's fields.
package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Errors about bodies. They quote nothing.
var (
	ErrNotJSON = errors.New("the body is not JSON")
	ErrShape   = errors.New("the body is JSON, but not in the expected form")
)

// Value is a field as sent; nil and null are the same.
type Value = json.RawMessage

// Object is an object's fields.
type Object map[string]Value

// IsNull reports whether there is no value.
func IsNull(v Value) bool { return len(v) == 0 || v[0] == 'n' }

// Text is a value as one string: strings unchanged, anything else as its JSON. Null and the empty string are nil.
func Text(v Value) *string {
	if IsNull(v) {
		return nil
	}
	var s string
	switch v[0] {
	case '"':
		var ok bool
		if s, ok = Unquote(v); !ok {
			return nil
		}
	case '{', '[':
		var b bytes.Buffer
		if json.Compact(&b, v) != nil {
			return nil
		}
		s = strings.ToValidUTF8(b.String(), "\ufffd")
	default:
		s = string(v)
	}
	if s == "" {
		return nil
	}
	return &s
}

// Word is Text, or empty if there is none.
func Word(v Value) string {
	if s := Text(v); s != nil {
		return *s
	}
	return ""
}

// Truth is true for true, and also for 1 and "true", which some versions send.
func Truth(v Value) bool {
	b, err := strconv.ParseBool(Word(v))
	return err == nil && b
}

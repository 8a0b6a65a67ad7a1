// Package wire reads JSON as platforms send it, field by field: versions and accounts differ in which fields they have and in
// their types, and one field must not cost a conversation.
//
// It must not know any vendor's fields.
package wire

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Value is a field as sent; nil and null are the same.
type Value = json.RawMessage

// Object is an object's fields.
type Object map[string]Value

// IsNull says that there is no value.
func IsNull(v Value) bool { return len(v) == 0 || v[0] == 'n' }

// Text is a value as one string: strings as they are, anything else as its JSON. Null and the empty string are nil.
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

// Word is Text, empty where there is none.
func Word(v Value) string {
	if s := Text(v); s != nil {
		return *s
	}
	return ""
}

// Truth is true for true, and for 1 and "true" as some versions write it.
func Truth(v Value) bool {
	b, err := strconv.ParseBool(Word(v))
	return err == nil && b
}

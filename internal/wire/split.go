package wire

import (
	"bytes"
	"iter"
	"strings"
)

// Bodies are checked to be JSON once, as a whole, and then only sliced: decoding level by level with encoding/json would
// read every byte some ten times. The slices share memory with the body. Input that is not JSON gives fewer members, never
// a panic.

// Members yields the members of an object in the order sent, with keys still in quotes, or the elements of an array, without
// keys.
func Members(v Value) iter.Seq2[Value, Value] {
	return func(yield func(key, member Value) bool) {
		if len(v) == 0 {
			return
		}
		object := v[0] == '{'
		for i := blank(v, 1); i < len(v) && v[i] != '}' && v[i] != ']'; i = blank(v, i) {
			if v[i] == ',' {
				i = blank(v, i+1)
			}
			var key Value
			if object {
				end := past(v, i)
				key = v[i:end:end]
				i = blank(v, end)
				if i >= len(v) || v[i] != ':' {
					return
				}
				i = blank(v, i+1)
			}
			end := past(v, i)
			if end <= i || !yield(key, v[i:end:end]) {
				return
			}
			i = end
		}
	}
}

// blank is the position of the first byte from i on that is not white space, at most len(v).
func blank(v Value, i int) int {
	for i < len(v) && (v[i] == ' ' || v[i] == '\n' || v[i] == '\t' || v[i] == '\r') {
		i++
	}
	return min(i, len(v))
}

// past is the position after the value that begins at i.
func past(v Value, i int) int {
	depth := 0
	for i < len(v) {
		switch v[i] {
		case '"':
			i = pastString(v, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
			i++
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return i
			}
			i++
			continue
		default:
			i++
			continue
		}
		if depth == 0 {
			return i
		}
	}
	return len(v)
}

// pastString is the position after the string that begins at i. A quote ends it unless an odd number of backslashes comes before it. That
// is faster than to look at each byte, and all that a body needs that has been checked to be JSON.
func pastString(v Value, i int) int {
	for from := i + 1; ; {
		n := bytes.IndexByte(v[from:], '"')
		if n < 0 {
			return len(v)
		}
		end := from + n
		first := end
		for first > i+1 && v[first-1] == '\\' {
			first--
		}
		if (end-first)%2 == 0 {
			return end + 1
		}
		from = end + 1
	}
}

// Field is one member of an object.
func Field(v Value, key string) Value {
	if len(v) == 0 || v[0] != '{' {
		return nil
	}
	var found Value
	for k, member := range Members(v) {
		if len(k) == len(key)+2 && string(k[1:len(k)-1]) == key {
			found = member
		}
	}
	return found
}

// Fields is an object's fields; nil if the value is not an object. An object that was stored as a string is also read.
func Fields(v Value) Object {
	v = bytes.TrimSpace(v)
	if len(v) > 0 && v[0] == '"' {
		inner := Value(strings.TrimSpace(Word(v)))
		if len(inner) == 0 || inner[0] != '{' || !Valid(inner) {
			return nil
		}
		v = inner
	}
	if len(v) == 0 || v[0] != '{' {
		return nil
	}
	type member struct{ key, value Value }
	var few [32]member
	all := few[:0]
	for key, value := range Members(v) {
		all = append(all, member{key, value})
	}
	o := make(Object, len(all))
	for _, m := range all {
		if name, ok := nameOf(m.key); ok {
			o[name] = m.value
		}
	}
	return o
}

// Items is an array's elements without nulls; nil if the value is not an array.
func Items(v Value) []Value {
	if IsNull(v) || v[0] != '[' {
		return nil
	}
	var all []Value
	for _, element := range Members(v) {
		if !IsNull(element) {
			all = append(all, element)
		}
	}
	return all
}

// ParseObject returns the fields of a body that must be one object. Its errors are ErrNotJSON and ErrShape.
func ParseObject(body []byte) (Object, error) {
	body = bytes.TrimSpace(body)
	switch {
	case !Valid(body):
		return nil, ErrNotJSON
	case body[0] != '{':
		return nil, ErrShape
	}
	return Fields(body), nil
}

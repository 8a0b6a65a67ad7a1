package freshchat

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"
)

// Bodies are checked to be JSON once, as a whole, and then only cut: decoding level by level with encoding/json would
// read every byte some ten times. What is cut shares memory with the body. Input that is no JSON gives fewer members,
// never a panic.

// members are the members of an object in the order sent, keys still in quotes; of an array the elements, without keys.
func members(v value) iter.Seq2[value, value] {
	return func(yield func(key, member value) bool) {
		if len(v) == 0 {
			return
		}
		object := v[0] == '{'
		for i := blank(v, 1); i < len(v) && v[i] != '}' && v[i] != ']'; i = blank(v, i) {
			if v[i] == ',' {
				i = blank(v, i+1)
			}
			var key value
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

// blank is the place of the first byte from i on that is not white space, at most len(v).
func blank(v value, i int) int {
	for i < len(v) && (v[i] == ' ' || v[i] == '\n' || v[i] == '\t' || v[i] == '\r') {
		i++
	}
	return min(i, len(v))
}

// past is the place after the value that begins at i.
func past(v value, i int) int {
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

func pastString(v value, i int) int {
	for i++; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(v)
}

// unquote is the text of a string in quotes.
func unquote(v value) (string, bool) {
	if len(v) < 2 || v[len(v)-1] != '"' {
		return "", false
	}
	inner := v[1 : len(v)-1]
	if bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner), true
	}
	var s string
	err := json.Unmarshal(v, &s)
	return s, err == nil
}

// field is one member of an object.
func field(v value, key string) value {
	if len(v) == 0 || v[0] != '{' {
		return nil
	}
	var found value
	for k, member := range members(v) {
		if len(k) == len(key)+2 && string(k[1:len(k)-1]) == key {
			found = member
		}
	}
	return found
}

// fields is an object's fields; nil where the value is none. An object that was stored as a string is read too.
func fields(v value) object {
	v = bytes.TrimSpace(v)
	if len(v) > 0 && v[0] == '"' {
		inner := value(strings.TrimSpace(word(v)))
		if len(inner) == 0 || inner[0] != '{' || !json.Valid(inner) {
			return nil
		}
		v = inner
	}
	if len(v) == 0 || v[0] != '{' {
		return nil
	}
	o := object{}
	for key, member := range members(v) {
		if name, ok := unquote(key); ok {
			o[name] = member
		}
	}
	return o
}

// items is an array's elements but nulls; nil where the value is none.
func items(v value) []value {
	if isNull(v) || v[0] != '[' {
		return nil
	}
	var all []value
	for _, element := range members(v) {
		if !isNull(element) {
			all = append(all, element)
		}
	}
	return all
}

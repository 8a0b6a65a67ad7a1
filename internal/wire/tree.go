package wire

import "encoding/json"

// Tree is a JSON value as encoding/json decodes it into an any: objects as maps, arrays as slices, numbers as json.Number.
// It returns false if v is not JSON.
func Tree(v []byte) (any, bool) {
	if !Valid(v) {
		return nil, false
	}
	t := tree{v: v, i: blank(v, 0)}
	return t.value(), true
}

// tree reads a value that has been checked to be JSON.
type tree struct {
	v []byte
	i int // where the next value begins
}

func (t *tree) value() any {
	begin := t.i
	switch t.v[begin] {
	case '{':
		return t.object()
	case '[':
		return t.array()
	case '"':
		t.i = pastString(t.v, begin)
		text, _ := Unquote(t.v[begin:t.i])
		return text
	}
	t.i = past(t.v, begin)
	switch t.v[begin] {
	case 't':
		return true
	case 'f':
		return false
	case 'n':
		return nil
	}
	return json.Number(t.v[begin:t.i])
}

func (t *tree) object() any {
	o := map[string]any{}
	for t.more('}') {
		begin := t.i
		t.i = pastString(t.v, begin)
		name, _ := nameOf(t.v[begin:t.i])
		t.i = blank(t.v, blank(t.v, t.i)+1) // the colon
		o[name] = t.value()
	}
	return o
}

func (t *tree) array() any {
	all := []any{}
	for t.more(']') {
		all = append(all, t.value())
	}
	return all
}

// more moves to the next member, past the opening bracket or a comma; at the end it moves past the closing bracket.
func (t *tree) more(end byte) bool {
	t.i = blank(t.v, t.i)
	if t.v[t.i] != end {
		t.i = blank(t.v, t.i+1)
	}
	if t.v[t.i] == end {
		t.i++
		return false
	}
	return true
}

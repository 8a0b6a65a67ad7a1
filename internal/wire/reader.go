package wire

import "strings"

// Reader reads an object field by field and remembers what was read. Whatever is left at the end has no column and belongs
// to the attributes of the row: see Rest.
type Reader struct {
	left   Object // the fields not read yet
	prefix string // of a nested object: comes before the names of its rest
	key    string // of a nested object: its name
	nested []*Reader
}

// Read starts to read an object. It never returns nil: a value that is not an object counts as one without fields.
func Read(v Value) *Reader { return ReadFields(Fields(v)) }

// ReadFields is Read for fields that are already split. It changes o.
func ReadFields(o Object) *Reader { return &Reader{left: o} }

// Empty reports whether no field is left.
func (r *Reader) Empty() bool { return len(r.left) == 0 }

// Peek returns a field without reading it.
func (r *Reader) Peek(key string) Value { return r.left[key] }

// Value reads a field.
func (r *Reader) Value(key string) Value {
	v := r.left[key]
	delete(r.left, key)
	return v
}

// Text reads a field as Text does.
func (r *Reader) Text(key string) *string { return Text(r.Value(key)) }

// Word reads a field as Word does.
func (r *Reader) Word(key string) string { return Word(r.Value(key)) }

// Truth reads a field as Truth does.
func (r *Reader) Truth(key string) bool { return Truth(r.Value(key)) }

// Skip marks fields as read, because another row has them.
func (r *Reader) Skip(keys ...string) {
	for _, key := range keys {
		delete(r.left, key)
	}
}

// Change replaces each unread field, except those opened with Nested, by the result of f; nil removes it.
func (r *Reader) Change(f func(key string, v Value) Value) {
	for key, v := range r.left {
		r.left[key] = f(key, v)
	}
}

// List reads the elements of an array without nulls. A value that is not an array stays for the rest.
func (r *Reader) List(key string) []Value {
	if v := r.left[key]; IsNull(v) || v[0] == '[' {
		return Items(r.Value(key))
	}
	return nil
}

// Object reads an object that becomes a separate row: its rest is up to the caller. A value that is not an object stays for
// the rest of r, and the result has no fields.
func (r *Reader) Object(key string) *Reader {
	o := Fields(r.left[key])
	if o != nil {
		delete(r.left, key)
	}
	return &Reader{left: o}
}

// Nested reads an object that belongs to the same row: its rest is part of the rest of r, with the prefix before each name.
// A value that is not an object stays for the rest of r unchanged.
func (r *Reader) Nested(prefix, key string) *Reader {
	inner := r.Object(key)
	inner.prefix, inner.key = prefix, key
	if inner.left != nil {
		r.nested = append(r.nested, inner)
	}
	return inner
}

// Parse reads a field with a function that returns nil for what it does not understand. Such a value stays for the rest,
// except a null, an empty text and a zero, which platforms send for a missing value.
func Parse[T any](r *Reader, key string, parse func(Value) *T) *T {
	v := r.left[key]
	parsed := parse(v)
	if word := Word(v); parsed != nil || strings.Trim(word, "0.") == "" {
		delete(r.left, key)
	}
	return parsed
}

// Rest returns the unread fields of r, and of all objects opened with Nested, as attributes: each value as returned by Text,
// objects and arrays as compact JSON. Nulls and empty texts are left out; the result is nil if nothing is left. If two fields
// would have the same name, both are kept: the name of the nested one is prefixed with its object's key.
func (r *Reader) Rest() map[string]*string {
	rest := map[string]*string{}
	r.rest(rest, "", "")
	if len(rest) == 0 {
		return nil
	}
	return rest
}

func (r *Reader) rest(rest map[string]*string, prefix, path string) {
	for name, v := range r.left {
		text := Text(v)
		if text == nil {
			continue
		}
		key := prefix + name
		for rest[key] != nil && path != "" {
			key = path + key
		}
		rest[key] = text
	}
	for _, inner := range r.nested {
		inner.rest(rest, prefix+inner.prefix, path+inner.key+".")
	}
}

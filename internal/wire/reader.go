package wire

import "strings"

// Reader reads an object field by field and remembers what was read. What is left at the end has no column, and belongs to
// the attributes of the row: see Rest.
type Reader struct {
	left   Object // the fields that nobody has read
	prefix string // of the names that the rest of a nested object gets
	key    string // of a nested object
	nested []*Reader
}

// Read starts to read an object. It is never nil: a value that is no object is read as one without fields.
func Read(v Value) *Reader { return ReadFields(Fields(v)) }

// ReadFields is Read for fields that were cut already. It changes o.
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

// Skip marks fields as read that another row has.
func (r *Reader) Skip(keys ...string) {
	for _, key := range keys {
		delete(r.left, key)
	}
}

// Change replaces each field that nobody has read, the nested ones that were opened aside, by what f makes of it; nil
// takes it out.
func (r *Reader) Change(f func(key string, v Value) Value) {
	for key, v := range r.left {
		r.left[key] = f(key, v)
	}
}

// List reads the elements of an array but nulls. What is no array stays for the rest.
func (r *Reader) List(key string) []Value {
	if v := r.left[key]; IsNull(v) || v[0] == '[' {
		return Items(r.Value(key))
	}
	return nil
}

// Object reads an object that becomes a row of its own: its rest is the caller's to keep. What is no object stays for
// the rest of r, and is read as an object without fields.
func (r *Reader) Object(key string) *Reader {
	o := Fields(r.left[key])
	if o != nil {
		delete(r.left, key)
	}
	return &Reader{left: o}
}

// Nested reads an object that is a part of the same row: its rest is part of the rest of r, each name with the prefix
// before it. What is no object stays for the rest of r as it is.
func (r *Reader) Nested(prefix, key string) *Reader {
	inner := r.Object(key)
	inner.prefix, inner.key = prefix, key
	if inner.left != nil {
		r.nested = append(r.nested, inner)
	}
	return inner
}

// Parse reads a field by a function that returns nil for what it does not understand. Such a value stays for the rest,
// except a null, an empty text and a zero, by which platforms say that there is no value.
func Parse[T any](r *Reader, key string, parse func(Value) *T) *T {
	v := r.left[key]
	parsed := parse(v)
	if word := Word(v); parsed != nil || strings.Trim(word, "0.") == "" {
		delete(r.left, key)
	}
	return parsed
}

// Rest returns what nobody has read, of r and of all that was opened by Nested, as attributes: each value as Text has it,
// objects and arrays as compact JSON. Nulls and empty texts leave no trace; nil where nothing is left. Two fields that
// would have the same name are both kept: that of the nested object gets the object's key before its name.
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

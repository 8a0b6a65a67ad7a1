package wire

import (
	"slices"
	"strings"
)

// Attributes collects the attributes of a row. Nulls and empty texts are left out.
type Attributes map[string]*string

// Attributes is Rest in a form that can be added to: it is never nil.
func (r *Reader) Attributes() Attributes {
	if rest := r.Rest(); rest != nil {
		return rest
	}
	return Attributes{}
}

// Put adds an attribute, unless text is nil.
func (a Attributes) Put(key string, text *string) {
	if text != nil {
		a[strings.ToValidUTF8(key, "\ufffd")] = text
	}
}

// AddAll adds the members of an object except the named ones, each with the prefix before its key.
func (a Attributes) AddAll(prefix string, o Object, except ...string) {
	for key, v := range o {
		if !slices.Contains(except, key) {
			a.Put(prefix+key, Text(v))
		}
	}
}

// Map returns the attributes for a row, nil if there are none.
func (a Attributes) Map() map[string]*string {
	if len(a) == 0 {
		return nil
	}
	return a
}

// NonEmpty returns a text, nil if it is empty.
func NonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

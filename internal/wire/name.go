package wire

import (
	"bytes"
	"sync/atomic"
)

// names are keys that were read lately: bodies of a platform have the same few, again and again. A name that meets another in
// its place takes it.
var names [1 << 10]atomic.Pointer[string]

// longestName is that of a key worth to be remembered.
const longestName = 40

// nameOf is the text of a key in quotes.
func nameOf(key Value) (string, bool) {
	if len(key) < 2 || len(key) > longestName+2 || key[0] != '"' || key[len(key)-1] != '"' || bytes.IndexByte(key, '\\') >= 0 {
		return Unquote(key)
	}
	hash := uint32(2166136261)
	for _, c := range key {
		hash = (hash ^ uint32(c)) * 16777619
	}
	place := &names[(hash^hash>>16)%uint32(len(names))]
	if name := place.Load(); name != nil && len(key) == len(*name)+2 && string(key[1:len(key)-1]) == *name {
		return *name, true
	}
	name, ok := Unquote(key)
	if ok {
		place.Store(&name)
	}
	return name, ok
}

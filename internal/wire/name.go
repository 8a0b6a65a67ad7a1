package wire

import (
	"bytes"
	"sync/atomic"
)

// names caches recently read keys, because the bodies of a platform have the same few keys again and again. In a collision, the
// newer name replaces the older one.
var names [1 << 10]atomic.Pointer[string]

// longestName is the length of the longest cached key.
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

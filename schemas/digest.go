package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// Digest is the hex SHA-256 of what the thread says, without when it was observed: the same conversation exported twice
// has the same digest. A time that no calendar has (before the year 0, after 9999) is an error.
func (t Thread) Digest() (string, error) {
	buffer := outlines.Get().(*[]byte)
	o := outline{b: append((*buffer)[:0], '{'), sum: sha256.New()}
	o.thread(&t)
	o.b = append(o.b, '}', '\n')
	o.sum.Write(o.b)
	if *buffer = o.b; cap(o.b) <= 8*outlineBytes {
		outlines.Put(buffer)
	}
	if o.err != nil {
		return "", o.err
	}
	return hex.EncodeToString(o.sum.Sum(nil)), nil
}

var outlines = sync.Pool{New: func() any { return new([]byte) }}

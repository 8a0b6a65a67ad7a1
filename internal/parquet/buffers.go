package parquet

import (
	"sync"

	"github.com/chatlake/chatlake/schemas"
)

// buffers is the memory of a writer. After a file has ended, its buffers have the size that a row group of the table needs, so
// the next file of that table reuses them.
type buffers struct {
	leaves []schemas.Leaf
	column columnWriter
}

var unused sync.Map // of *sync.Pool, by table

func buffersOf(shape schemas.Shape) *buffers {
	pool, ok := unused.Load(shape.Table)
	if ok {
		if b, ok := pool.(*sync.Pool).Get().(*buffers); ok {
			return b
		}
	}
	return &buffers{leaves: shape.Leaves()}
}

// giveBack takes back empty buffers that are no longer used.
func giveBack(shape schemas.Shape, b *buffers) {
	pool, _ := unused.LoadOrStore(shape.Table, new(sync.Pool))
	pool.(*sync.Pool).Put(b)
}

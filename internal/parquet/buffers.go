package parquet

import (
	"sync"

	"github.com/chatlake/chatlake/schemas"
)

// buffers are the memory of a writer. Those of a file that has ended have grown to what a row group of its table needs, and
// the next file of the table goes on with them.
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

// giveBack takes empty buffers that nobody uses any more.
func giveBack(shape schemas.Shape, b *buffers) {
	pool, _ := unused.LoadOrStore(shape.Table, new(sync.Pool))
	pool.(*sync.Pool).Put(b)
}

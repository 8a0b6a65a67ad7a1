package activities

import (
	"context"
	"iter"
	"sync"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// documentsAhead is how many documents of a conversation may wait until their turn comes.
const documentsAhead = 4

// inParallel fetches batches of refs side by side and yields their documents in the order of refs. What is fetched ahead
// of its turn is bounded, so that memory does not grow with the chunk. The first error ends all of it.
func inParallel(ctx context.Context, refs []providers.Ref, batch, parallel int, fetch func(context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]) iter.Seq2[schemas.Document, error] {
	batch, parallel = max(1, batch), max(1, parallel)
	return func(yield func(schemas.Document, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		turns := make(chan chan item, parallel-1)
		running.Go(func() {
			defer close(turns)
			for low := 0; low < len(refs); low += batch {
				turn := make(chan item, documentsAhead)
				select {
				case turns <- turn:
				case <-ctx.Done():
					return
				}
				part := refs[low:min(low+batch, len(refs))]
				running.Go(func() {
					send(ctx, turn, func(yield func(schemas.Document, error) bool) { fetch(ctx, part)(yield) }) // send catches its panics
				})
			}
		})
		for turn := range turns {
			for it := range turn {
				if it.panicked != nil {
					panic(it.panicked) // where the SDK makes an error of it: anywhere else it would end the process
				}
				if !yield(it.doc, it.err) || it.err != nil {
					return
				}
			}
			if err := ctx.Err(); err != nil { // the batch may have been cut short: nothing may follow it as if it were whole
				yield(schemas.Document{}, err)
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(schemas.Document{}, err)
		}
	}
}

type item struct {
	doc      schemas.Document
	err      error
	panicked any
}

// send passes documents on until they end or nobody wants them any more.
func send(ctx context.Context, to chan<- item, documents iter.Seq2[schemas.Document, error]) {
	defer close(to)
	pass := func(it item) bool {
		select {
		case to <- it:
			return true
		case <-ctx.Done():
			return false
		}
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			pass(item{panicked: panicked})
		}
	}()
	for doc, err := range documents {
		if !pass(item{doc: doc, err: err}) {
			return
		}
	}
}

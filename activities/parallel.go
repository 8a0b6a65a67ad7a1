package activities

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// How far fetches may run ahead of the consumer, so that one slow response does not delay the others: this many batches per slot,
// this many documents per batch, and about this many bytes in total.
const (
	batchesAhead   = 3
	documentsAhead = 4
	fetchedAhead   = 8 << 20
)

// inParallel fetches batches of refs concurrently and yields their documents in the order of refs. It limits what is fetched
// ahead, so that memory does not grow with the chunk. The first error ends it.
func inParallel(ctx context.Context, refs []providers.Ref, size, parallel int, fetch func(context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]) iter.Seq2[schemas.Document, error] {
	size, parallel = max(1, size), max(1, parallel)
	return func(yield func(schemas.Document, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		q := newFetchQueue(parallel)
		running.Go(func() {
			defer close(q.batches)
			for low := 0; low < len(refs); low += size {
				own, ok := q.enqueue(ctx)
				if !ok {
					return
				}
				part := refs[low:min(low+size, len(refs))]
				running.Go(func() {
					defer q.fetched(own)
					q.send(ctx, own, func(yield func(schemas.Document, error) bool) { fetch(ctx, part)(yield) }) // send recovers panics
				})
			}
		})
		for first := range q.batches {
			for it := range first.items {
				if it.panicked != nil {
					panic(it.panicked) // in this goroutine the SDK turns it into an error; in another it would end the process
				}
				q.consumed(it)
				if !yield(it.doc, it.err) || it.err != nil {
					return
				}
			}
			if err := ctx.Err(); err != nil { // the batch may have been cut short, so nothing may follow it
				yield(schemas.Document{}, err)
				return
			}
			q.dequeue(first)
		}
		if err := ctx.Err(); err != nil {
			yield(schemas.Document{}, err)
		}
	}
}

// fetchQueue holds the batches that were started and not yet consumed, in the order of their refs. Each running batch occupies a
// slot. A complete batch releases its slot while it waits for a slower batch before it, but not while it only waits for the
// consumer: if the consumer is slow, fetching further ahead gains nothing and is lost if the process dies.
type fetchQueue struct {
	batches chan *batch
	slots   chan struct{}
	bytes   atomic.Int64  // of documents that were not consumed yet
	freed   chan struct{} // signals that documents were consumed
	mu      sync.Mutex
	waiting []*batch
}

// batch is one batch in the queue.
type batch struct {
	items    chan item
	complete bool // all documents were fetched
	released bool // its slot is free for another batch
}

func newFetchQueue(slots int) *fetchQueue {
	return &fetchQueue{
		batches: make(chan *batch, batchesAhead*slots-1), slots: make(chan struct{}, slots), freed: make(chan struct{}, 1),
	}
}

// enqueue waits for a slot and adds a batch at the end of the queue. It returns false if ctx was cancelled.
func (q *fetchQueue) enqueue(ctx context.Context) (*batch, bool) {
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	for q.bytes.Load() > fetchedAhead {
		select {
		case <-q.freed:
		case <-ctx.Done():
			return nil, false
		}
	}
	b := &batch{items: make(chan item, documentsAhead)}
	q.mu.Lock()
	q.waiting = append(q.waiting, b)
	q.mu.Unlock()
	select {
	case q.batches <- b:
		return b, true
	case <-ctx.Done():
		return nil, false
	}
}

// fetched marks a batch as complete.
func (q *fetchQueue) fetched(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.complete = true
	for _, earlier := range q.waiting {
		if earlier == b || b.released {
			return
		}
		if !earlier.complete {
			q.releaseSlot(b)
		}
	}
}

// dequeue removes the first batch after all of it was consumed.
func (q *fetchQueue) dequeue(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = q.waiting[1:]
	if !b.released {
		q.releaseSlot(b)
	}
}

func (q *fetchQueue) releaseSlot(b *batch) {
	b.released = true
	<-q.slots
}

// consumed makes room for more documents.
func (q *fetchQueue) consumed(it item) {
	q.bytes.Add(-int64(len(it.doc.Body)))
	select {
	case q.freed <- struct{}{}:
	default:
	}
}

type item struct {
	doc      schemas.Document
	err      error
	panicked any
}

// send passes documents to the consumer until they end or ctx is cancelled.
func (q *fetchQueue) send(ctx context.Context, b *batch, documents iter.Seq2[schemas.Document, error]) {
	defer close(b.items)
	pass := func(it item) bool {
		q.bytes.Add(int64(len(it.doc.Body)))
		select {
		case b.items <- it:
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

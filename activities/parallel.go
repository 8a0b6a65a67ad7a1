package activities

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// How far fetches may be ahead of the one whose turn it is, so that one slow answer does not hold up the others: so many times as
// many batches as are under way at once, so many documents of each, and about so many bytes of all together.
const (
	turnsAhead     = 3
	documentsAhead = 4
	fetchedAhead   = 8 << 20
)

// inParallel fetches batches of refs side by side and yields their documents in the order of refs. What is fetched ahead
// of its turn is bounded, so that memory does not grow with the chunk. The first error ends all of it.
func inParallel(ctx context.Context, refs []providers.Ref, batch, parallel int, fetch func(context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]) iter.Seq2[schemas.Document, error] {
	batch, parallel = max(1, batch), max(1, parallel)
	return func(yield func(schemas.Document, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		l := newLine(parallel)
		running.Go(func() {
			defer close(l.turns)
			for low := 0; low < len(refs); low += batch {
				own, ok := l.join(ctx)
				if !ok {
					return
				}
				part := refs[low:min(low+batch, len(refs))]
				running.Go(func() {
					defer l.fetched(own)
					l.send(ctx, own, func(yield func(schemas.Document, error) bool) { fetch(ctx, part)(yield) }) // send catches its panics
				})
			}
		})
		for first := range l.turns {
			for it := range first.items {
				if it.panicked != nil {
					panic(it.panicked) // where the SDK makes an error of it: anywhere else it would end the process
				}
				l.drain(it)
				if !yield(it.doc, it.err) || it.err != nil {
					return
				}
			}
			if err := ctx.Err(); err != nil { // the batch may have been cut short: nothing may follow it as if it were whole
				yield(schemas.Document{}, err)
				return
			}
			l.leave(first)
		}
		if err := ctx.Err(); err != nil {
			yield(schemas.Document{}, err)
		}
	}
}

// line is the batches that were begun and not taken yet, in the order of their refs. As many as there are places are under way. One
// that is there gives its place to another while it waits for a slower one before it, but not while it only waits to be taken:
// where taking is what is slow, fetching ahead gains nothing, and is lost with the process.
type line struct {
	turns   chan *fetchTurn
	places  chan struct{}
	bytes   atomic.Int64  // of documents that were not taken yet
	drained chan struct{} // has an element when some were taken
	mu      sync.Mutex
	waiting []*fetchTurn
}

// fetchTurn is a batch in a line.
type fetchTurn struct {
	items    chan item
	there    bool // all of it
	replaced bool // its place is another's
}

func newLine(places int) *line {
	return &line{
		turns: make(chan *fetchTurn, turnsAhead*places-1), places: make(chan struct{}, places), drained: make(chan struct{}, 1),
	}
}

// join waits for a place at the end of the line; it is false when ctx has ended.
func (l *line) join(ctx context.Context) (*fetchTurn, bool) {
	select {
	case l.places <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	for l.bytes.Load() > fetchedAhead {
		select {
		case <-l.drained:
		case <-ctx.Done():
			return nil, false
		}
	}
	t := &fetchTurn{items: make(chan item, documentsAhead)}
	l.mu.Lock()
	l.waiting = append(l.waiting, t)
	l.mu.Unlock()
	select {
	case l.turns <- t:
		return t, true
	case <-ctx.Done():
		return nil, false
	}
}

// fetched is called when all of a batch is there.
func (l *line) fetched(t *fetchTurn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.there = true
	for _, earlier := range l.waiting {
		if earlier == t || t.replaced {
			return
		}
		if !earlier.there {
			l.replace(t)
		}
	}
}

// leave is called when all of the first batch was taken.
func (l *line) leave(t *fetchTurn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = l.waiting[1:]
	if !t.replaced {
		l.replace(t)
	}
}

func (l *line) replace(t *fetchTurn) {
	t.replaced = true
	<-l.places
}

// drain makes room for what was taken.
func (l *line) drain(it item) {
	l.bytes.Add(-int64(len(it.doc.Body)))
	select {
	case l.drained <- struct{}{}:
	default:
	}
}

type item struct {
	doc      schemas.Document
	err      error
	panicked any
}

// send passes documents on until they end or nobody wants them any more.
func (l *line) send(ctx context.Context, t *fetchTurn, documents iter.Seq2[schemas.Document, error]) {
	defer close(t.items)
	pass := func(it item) bool {
		l.bytes.Add(int64(len(it.doc.Body)))
		select {
		case t.items <- it:
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

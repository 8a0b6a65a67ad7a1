package activities

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/schemas"
)

// How many conversations a seal has read that are not written yet: so many, and so many bytes of documents. One that is
// larger goes alone.
const (
	conversationsAhead = 32
	bytesAhead         = 8 << 20
)

// turn is one conversation on its way into the tables.
type turn struct {
	bundle   bundle
	thread   schemas.Thread
	err      error // of its documents
	stop     error // of reading it: nothing comes after
	panicked any
	size     int64
	ready    chan struct{} // closed when all of the above is there
}

// inTurn reads bundles ahead, makes rows of them side by side, and yields them in their order.
func (p *press) inTurn(ctx context.Context, bundles func(context.Context) iter.Seq2[bundle, error]) iter.Seq2[*turn, error] {
	return func(yield func(*turn, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		turns, work := make(chan *turn, conversationsAhead), make(chan *turn)
		ahead := semaphore.NewWeighted(bytesAhead)
		running.Go(func() {
			defer close(turns)
			defer close(work)
			readAhead(ctx, bundles(ctx), ahead, turns, work)
		})
		for range runtime.GOMAXPROCS(0) {
			running.Go(func() {
				for t := range work {
					t.thread, t.err = p.rows(t.bundle.documents())
					close(t.ready)
				}
			})
		}
		for t := range turns {
			<-t.ready
			if t.panicked != nil {
				panic(t.panicked) // where the SDK makes an error of it: anywhere else it would end the process
			}
			if !yield(t, t.stop) || t.stop != nil {
				return
			}
			ahead.Release(t.size)
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// readAhead gives each bundle its turn, and to work those of which rows are to be made.
func readAhead(ctx context.Context, bundles iter.Seq2[bundle, error], ahead *semaphore.Weighted, turns, work chan<- *turn) {
	pass := func(to chan<- *turn, t *turn) bool {
		select {
		case to <- t:
			return true
		case <-ctx.Done():
			return false
		}
	}
	last := func(t *turn) {
		t.ready = make(chan struct{})
		close(t.ready)
		pass(turns, t)
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			last(&turn{panicked: panicked})
		}
	}()
	for b, err := range bundles {
		if err != nil {
			last(&turn{stop: err})
			return
		}
		t := &turn{bundle: b, size: min(b.size(), bytesAhead), ready: make(chan struct{})}
		if ahead.Acquire(ctx, t.size) != nil || !pass(turns, t) {
			return
		}
		if b.dead != nil || b.gone() {
			close(t.ready)
		} else if !pass(work, t) {
			close(t.ready) // nobody waits for it any more
			return
		}
	}
}

// rows makes rows of documents. It is a function of them alone.
func (p *press) rows(docs []schemas.Document) (schemas.Thread, error) {
	return guarded(func(docs []schemas.Document) (schemas.Thread, error) {
		thread, err := p.mapper.Thread(docs)
		if err == nil {
			thread.Conversation.ContentSHA256, err = thread.Digest()
		}
		return thread, err
	}, docs)
}

// size is how many bytes the documents have.
func (b bundle) size() (n int64) {
	for _, docs := range [][]schemas.Document{b.listed, b.messages, b.others} {
		for _, doc := range docs {
			n += int64(len(doc.Body))
		}
	}
	return n
}

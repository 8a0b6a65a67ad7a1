package activities

import (
	"context"
	"iter"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/chatlake/chatlake/schemas"
)

// Limits on how far a seal reads ahead of writing: this many conversations, and this many bytes of documents. A larger
// conversation is processed alone.
const (
	conversationsAhead = 32
	bytesAhead         = 8 << 20
)

// mapping is one conversation while it is turned into rows.
type mapping struct {
	conversation conversation
	thread       schemas.Thread
	err          error // of its documents
	stop         error // of reading it: nothing follows
	panicked     any
	size         int64
	ready        chan struct{} // closed when the conversation is mapped, or needs no mapping
}

// mapInOrder reads conversations ahead, maps them concurrently, and yields the results in order.
func (w *shardWriter) mapInOrder(ctx context.Context, conversations func(context.Context) iter.Seq2[conversation, error]) iter.Seq2[*mapping, error] {
	return func(yield func(*mapping, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		queue, work := make(chan *mapping, conversationsAhead), make(chan *mapping)
		ahead := semaphore.NewWeighted(bytesAhead)
		running.Go(func() {
			defer close(queue)
			defer close(work)
			readAhead(ctx, conversations(ctx), ahead, queue, work)
		})
		for range runtime.GOMAXPROCS(0) {
			running.Go(func() {
				for m := range work {
					if m.conversation, m.err = m.conversation.withEarlier(w.keeper); m.err == nil {
						m.thread, m.err = w.rows(m.conversation.mapped())
					}
					close(m.ready)
				}
			})
		}
		for m := range queue {
			<-m.ready
			if m.panicked != nil {
				panic(m.panicked) // in this goroutine the SDK turns it into an error; in another it would end the process
			}
			if !yield(m, m.stop) || m.stop != nil {
				return
			}
			ahead.Release(m.size)
		}
		if err := ctx.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// readAhead queues every conversation in order, and sends to work those that have to be mapped.
func readAhead(ctx context.Context, conversations iter.Seq2[conversation, error], ahead *semaphore.Weighted, queue, work chan<- *mapping) {
	pass := func(to chan<- *mapping, m *mapping) bool {
		select {
		case to <- m:
			return true
		case <-ctx.Done():
			return false
		}
	}
	last := func(m *mapping) {
		m.ready = make(chan struct{})
		close(m.ready)
		pass(queue, m)
	}
	defer func() {
		if panicked := recover(); panicked != nil {
			last(&mapping{panicked: panicked})
		}
	}()
	for c, err := range conversations {
		if err != nil {
			last(&mapping{stop: err})
			return
		}
		m := &mapping{conversation: c, size: min(c.size(), bytesAhead), ready: make(chan struct{})}
		if ahead.Acquire(ctx, m.size) != nil || !pass(queue, m) {
			return
		}
		if len(c.mapped()) == 0 {
			close(m.ready)
		} else if !pass(work, m) {
			close(m.ready) // nothing waits for it any more
			return
		}
	}
}

// rows maps documents to rows. The result depends on the documents only.
func (w *shardWriter) rows(docs []schemas.Document) (schemas.Thread, error) {
	return guarded(func(docs []schemas.Document) (schemas.Thread, error) {
		thread, err := w.mapper.Thread(docs)
		if err == nil {
			thread.Conversation.ContentSHA256, err = thread.Digest()
		}
		return thread, err
	}, docs)
}

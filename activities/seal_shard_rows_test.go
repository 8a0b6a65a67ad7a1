package activities

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// slow makes rows of even conversations at once, and of the others in a second.
type slow struct{}

func (slow) Thread(docs []schemas.Document) (schemas.Thread, error) {
	if id := docs[0].ConversationID; (id[len(id)-1]-'0')%2 == 1 {
		time.Sleep(time.Second)
	}
	return schemas.Thread{Conversation: schemas.Conversation{ConversationID: docs[0].ConversationID}}, nil
}

// bundlesOf counts how many of n bundles were asked for, each with so many bytes.
func bundlesOf(n, size int, asked *atomic.Int64) func(context.Context) iter.Seq2[bundle, error] {
	return func(context.Context) iter.Seq2[bundle, error] {
		return func(yield func(bundle, error) bool) {
			for i := range n {
				asked.Add(1)
				id := fmt.Sprint(i)
				doc := schemas.Document{ConversationID: id, Status: 200, Body: make([]byte, size)}
				if !yield(bundle{ref: providers.Ref{ID: id}, messages: []schemas.Document{doc}}, nil) {
					return
				}
			}
		}
	}
}

func TestRowsComeInTurn(t *testing.T) {
	for name, c := range map[string]struct{ size, most int }{
		"small conversations": {10, conversationsAhead + 3}, // one is being read, one waits for a place, one is written
		"large conversations": {bytesAhead / 2, 3},
		"huge conversations":  {2 * bytesAhead, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails when a goroutine stays behind
				var asked atomic.Int64
				n := 0
				p := &press{mapper: slow{}}
				for turn, err := range p.inTurn(t.Context(), bundlesOf(100, c.size, &asked)) {
					if err != nil || turn.err != nil || turn.thread.Conversation.ConversationID != fmt.Sprint(n) {
						t.Fatalf("turn %d: %+v, errors %v and %v", n, turn.thread.Conversation, err, turn.err)
					}
					synctest.Wait()
					if read := int(asked.Load()); read-n > c.most {
						t.Fatalf("%d conversations are read, %d written", read, n)
					}
					if n++; n == 60 && name == "small conversations" {
						break
					}
				}
				if n != 100 && n != 60 {
					t.Errorf("%d conversations, want all", n)
				}
			})
		})
	}
}

// TestRowsPanicWhereTheyAreAsked looks for a panic of who reads in the goroutine of who writes: in another one it would end
// the worker.
func TestRowsPanicWhereTheyAreAsked(t *testing.T) {
	n := 0
	defer func() {
		if got := recover(); got != "cannot be read" || n != 3 {
			t.Errorf("%d conversations, then the panic %v; want 3, then that of the reader", n, got)
		}
	}()
	var asked atomic.Int64
	p := &press{mapper: slow{}}
	bundles := func(ctx context.Context) iter.Seq2[bundle, error] {
		return func(yield func(bundle, error) bool) {
			for b, err := range bundlesOf(3, 1, &asked)(ctx) {
				if !yield(b, err) {
					return
				}
			}
			panic("cannot be read")
		}
	}
	for range p.inTurn(t.Context(), bundles) {
		n++
	}
}

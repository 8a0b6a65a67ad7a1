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

// slow maps even conversations at once and the others in a second.
type slow struct{}

func (slow) Thread(docs []schemas.Document) (schemas.Thread, error) {
	if id := docs[0].ConversationID; (id[len(id)-1]-'0')%2 == 1 {
		time.Sleep(time.Second)
	}
	return schemas.Thread{Conversation: schemas.Conversation{ConversationID: docs[0].ConversationID}}, nil
}

// conversationsOf returns n conversations of size bytes and counts how many were requested.
func conversationsOf(n, size int, asked *atomic.Int64) func(context.Context) iter.Seq2[conversation, error] {
	return func(context.Context) iter.Seq2[conversation, error] {
		return func(yield func(conversation, error) bool) {
			for i := range n {
				asked.Add(1)
				id := fmt.Sprint(i)
				doc := schemas.Document{ConversationID: id, Status: 200, Body: make([]byte, size)}
				if !yield(conversation{ref: providers.Ref{ID: id}, messages: []schemas.Document{doc}}, nil) {
					return
				}
			}
		}
	}
}

func TestRowsComeInTurn(t *testing.T) {
	for name, c := range map[string]struct{ size, most int }{
		"small conversations": {10, conversationsAhead + 3}, // one is being read, one waits, one is being written
		"large conversations": {bytesAhead / 2, 3},
		"huge conversations":  {2 * bytesAhead, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it fails if a goroutine is left over
				var asked atomic.Int64
				n := 0
				p := &shardWriter{mapper: slow{}}
				for m, err := range p.mapInOrder(t.Context(), conversationsOf(100, c.size, &asked)) {
					if err != nil || m.err != nil || m.thread.Conversation.ConversationID != fmt.Sprint(n) {
						t.Fatalf("conversation %d: %+v, errors %v and %v", n, m.thread.Conversation, err, m.err)
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

// TestRowsPanicWhereTheyAreAsked expects a panic of the reading goroutine in the writing one: elsewhere it would end the worker.
func TestRowsPanicWhereTheyAreAsked(t *testing.T) {
	n := 0
	defer func() {
		if got := recover(); got != "cannot be read" || n != 3 {
			t.Errorf("%d conversations, then the panic %v; want 3, then that of the reader", n, got)
		}
	}()
	var asked atomic.Int64
	p := &shardWriter{mapper: slow{}}
	conversations := func(ctx context.Context) iter.Seq2[conversation, error] {
		return func(yield func(conversation, error) bool) {
			for b, err := range conversationsOf(3, 1, &asked)(ctx) {
				if !yield(b, err) {
					return
				}
			}
			panic("cannot be read")
		}
	}
	for range p.mapInOrder(t.Context(), conversations) {
		n++
	}
}

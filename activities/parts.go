package activities

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"go.temporal.io/sdk/activity"
	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// A chunk is staged in parts, each under a name that says which page and which of its conversations it is of. So an attempt at
// a chunk finds what those before it have finished, however they ended, and a large chunk, which costs Temporal no more than a
// small one, costs the platform no more when a worker dies.

// mayBeAgain says whether an activity may have been attempted before. What no worker runs does not know.
func mayBeAgain(ctx context.Context) bool {
	return !activity.IsActivity(ctx) || activity.GetInfo(ctx).Attempt > 1
}

func byLow(a, b ChunkReceipt) int { return a.Low - b.Low }

// whole finds the parts of a chunk that are staged, as they were written, and that have no conversation in common.
func (a *Activities) whole(ctx context.Context, in FetchInput, name string) ([]ChunkReceipt, error) {
	found, err := a.Lake.FindStaged(ctx, in.Shard, in.Generation, name+"-")
	if err != nil {
		return nil, err
	}
	parts := make([]ChunkReceipt, 0, len(found))
	for _, f := range found {
		part := ChunkReceipt{Staged: f.Staged, Page: in.Page.Number}
		if _, err := fmt.Sscanf(f.Name[len(name):], "-%d-%d", &part.Low, &part.High); err == nil && in.Low <= part.Low && part.High <= in.High {
			parts = append(parts, part)
		}
	}
	slices.SortStableFunc(parts, byLow)
	var whole []ChunkReceipt
	next := in.Low
	for _, part := range parts {
		if part.Low < next || part.High <= part.Low {
			continue
		}
		err := a.Lake.CheckStaged(ctx, part.Staged)
		if errors.Is(err, lake.ErrStagingLost) {
			continue // it is fetched again
		}
		if err != nil {
			return nil, err
		}
		whole, next = append(whole, part), part.High
	}
	return whole, nil
}

// stretch is the conversations [Low, High) of a page.
type stretch struct{ Low, High int }

// gaps are what of [low, high) is in none of the parts, which are in order.
func gaps(parts []ChunkReceipt, low, high int) (left []stretch) {
	for _, part := range parts {
		if low < part.Low {
			left = append(left, stretch{low, part.Low})
		}
		low = part.High
	}
	if low < high {
		left = append(left, stretch{low, high})
	}
	return left
}

// binder stages documents in parts, and puts a part into the lake while the next one is being fetched.
type binder struct {
	ctx   context.Context // ends when a part cannot be put
	lake  *lake.Lake
	in    FetchInput
	name  string
	index map[string]int // the places of the chunk's conversations in the page
	stage *lake.Stage
	low   int // of the part that is being staged
	parts []ChunkReceipt
	puts  *errgroup.Group
}

func newBinder(ctx context.Context, l *lake.Lake, in FetchInput, name string, refs []providers.Ref) *binder {
	b := &binder{lake: l, in: in, name: name, index: make(map[string]int, in.High-in.Low)}
	for i := in.Low; i < in.High; i++ {
		b.index[refs[i].ID] = i
	}
	b.puts, b.ctx = errgroup.WithContext(ctx)
	b.puts.SetLimit(1)
	return b
}

// bind stages the documents of a stretch. They come in the order of its conversations.
func (b *binder) bind(of stretch, documents iter.Seq2[schemas.Document, error]) error {
	b.low = of.Low
	for doc, err := range documents {
		if err != nil {
			return b.fail(err)
		}
		if at, ok := b.index[doc.ConversationID]; ok && b.in.Part > 0 && at-b.low >= b.in.Part {
			b.cut(at)
		}
		if err := b.open(); err != nil {
			return b.fail(err)
		}
		if err := b.stage.Add(doc); err != nil {
			return b.fail(err)
		}
	}
	if err := b.open(); err != nil { // conversations without any document are a part too
		return b.fail(err)
	}
	b.cut(of.High)
	return nil
}

// open begins a part where none is begun.
func (b *binder) open() (err error) {
	if b.stage == nil {
		b.stage, err = b.lake.Stage(b.in.Shard, b.in.Generation, nil)
	}
	return err
}

// cut ends a part before the conversation at high.
func (b *binder) cut(high int) {
	stage, low := b.stage, b.low
	if stage == nil {
		return
	}
	b.stage, b.low = nil, high
	b.puts.Go(func() error {
		defer stage.Discard()
		staged, err := stage.Commit(b.ctx, fmt.Sprintf("%s-%04d-%04d", b.name, low, high))
		if err == nil {
			b.parts = append(b.parts, ChunkReceipt{Staged: staged, Page: b.in.Page.Number, Low: low, High: high})
		}
		return err
	})
}

// fail is the error that a chunk ends with: that of a part that could not be put, which ended all else, or err. What is being put
// is awaited, for the next attempt has use for it.
func (b *binder) fail(err error) error {
	if put := b.puts.Wait(); put != nil {
		return put
	}
	return err
}

// close waits until all parts are in the lake.
func (b *binder) close() ([]ChunkReceipt, error) {
	err := b.puts.Wait()
	return b.parts, err
}

// discard lets go of what is not in the lake.
func (b *binder) discard() {
	_ = b.puts.Wait() // close or fail has said it
	if b.stage != nil {
		b.stage.Discard()
	}
}

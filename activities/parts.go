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

// A chunk is staged in parts. The name of a part says which page and which of its conversations it contains, so an attempt finds
// what earlier attempts have finished, however they ended. A large chunk therefore costs Temporal no more than a small one, and
// costs the platform no more if a worker dies.

// mayBeRetry reports whether the activity may have been attempted before. Outside of a worker this is unknown, so it returns
// true.
func mayBeRetry(ctx context.Context) bool {
	return !activity.IsActivity(ctx) || activity.GetInfo(ctx).Attempt > 1
}

func byLow(a, b ChunkReceipt) int { return a.Low - b.Low }

// findParts returns the staged parts of a chunk that are intact and do not overlap.
func (a *Activities) findParts(ctx context.Context, in FetchInput, name string) ([]ChunkReceipt, error) {
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
			continue // it will be fetched again
		}
		if err != nil {
			return nil, err
		}
		whole, next = append(whole, part), part.High
	}
	return whole, nil
}

// span is the conversations [Low, High) of a page.
type span struct{ Low, High int }

// gaps returns the parts of [low, high) that the sorted parts do not cover.
func gaps(parts []ChunkReceipt, low, high int) (left []span) {
	for _, part := range parts {
		if low < part.Low {
			left = append(left, span{low, part.Low})
		}
		low = part.High
	}
	if low < high {
		left = append(left, span{low, high})
	}
	return left
}

// partWriter stages documents in parts. It uploads a part while the next one is being fetched.
type partWriter struct {
	ctx   context.Context // cancelled if an upload fails
	lake  *lake.Lake
	in    FetchInput
	name  string
	index map[string]int // the indexes of the chunk's conversations in the page
	stage *lake.Stage
	low   int // where the current part starts
	parts []ChunkReceipt
	puts  *errgroup.Group
}

func newPartWriter(ctx context.Context, l *lake.Lake, in FetchInput, name string, refs []providers.Ref) *partWriter {
	w := &partWriter{lake: l, in: in, name: name, index: make(map[string]int, in.High-in.Low)}
	for i := in.Low; i < in.High; i++ {
		w.index[refs[i].ID] = i
	}
	w.puts, w.ctx = errgroup.WithContext(ctx)
	w.puts.SetLimit(1)
	return w
}

// write stages the documents of a span, which arrive in the order of its conversations.
func (w *partWriter) write(of span, documents iter.Seq2[schemas.Document, error]) error {
	w.low = of.Low
	for doc, err := range documents {
		if err != nil {
			return w.fail(err)
		}
		if at, ok := w.index[doc.ConversationID]; ok && w.in.Part > 0 && at-w.low >= w.in.Part {
			w.cut(at)
		}
		if err := w.open(); err != nil {
			return w.fail(err)
		}
		if err := w.stage.Add(doc); err != nil {
			return w.fail(err)
		}
	}
	if err := w.open(); err != nil { // conversations without documents are a part too
		return w.fail(err)
	}
	w.cut(of.High)
	return nil
}

// open starts a part if none is open.
func (w *partWriter) open() (err error) {
	if w.stage == nil {
		w.stage, err = w.lake.Stage(w.in.Shard, w.in.Generation, nil)
	}
	return err
}

// cut ends the current part before the conversation at high and starts its upload.
func (w *partWriter) cut(high int) {
	stage, low := w.stage, w.low
	if stage == nil {
		return
	}
	w.stage, w.low = nil, high
	w.puts.Go(func() error {
		defer stage.Discard()
		staged, err := stage.Commit(w.ctx, fmt.Sprintf("%s-%04d-%04d", w.name, low, high))
		if err == nil {
			w.parts = append(w.parts, ChunkReceipt{Staged: staged, Page: w.in.Page.Number, Low: low, High: high})
		}
		return err
	})
}

// fail returns the error of a failed upload, which cancelled everything else, or err. It waits for running uploads, because the
// next attempt can use them.
func (w *partWriter) fail(err error) error {
	if put := w.puts.Wait(); put != nil {
		return put
	}
	return err
}

// close waits until all parts are in the lake.
func (w *partWriter) close() ([]ChunkReceipt, error) {
	err := w.puts.Wait()
	return w.parts, err
}

// discard drops what is not yet in the lake.
func (w *partWriter) discard() {
	_ = w.puts.Wait() // close or fail has returned the error
	if w.stage != nil {
		w.stage.Discard()
	}
}

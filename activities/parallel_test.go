package activities

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

func refs(n int) (all []providers.Ref) {
	for i := range n {
		all = append(all, providers.Ref{ID: fmt.Sprint(i)})
	}
	return all
}

func TestParallelFetchKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		fetch := func(_ context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
			return func(yield func(schemas.Document, error) bool) {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				for _, ref := range part {
					time.Sleep(time.Duration(len(ref.ID)*7%5+1) * time.Second)
					for range 20 { // more than fit into a batch's buffer
						if !yield(schemas.Document{ConversationID: ref.ID}, nil) {
							return
						}
					}
				}
			}
		}
		var got []string
		for doc, err := range inParallel(t.Context(), refs(50), 3, 4, fetch) {
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 || got[len(got)-1] != doc.ConversationID {
				got = append(got, doc.ConversationID)
			}
		}
		for i, id := range got {
			if id != fmt.Sprint(i) {
				t.Fatalf("conversation %s came as number %d", id, i)
			}
		}
		if len(got) != 50 || most.Load() < 3 || most.Load() > 5 {
			t.Errorf("%d conversations, %d batches at once; want 50, about 4 at once", len(got), most.Load())
		}
	})
}

func TestParallelFetchEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	fetch := func(_ context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
		return func(yield func(schemas.Document, error) bool) {
			if part[0].ID == "7" {
				yield(schemas.Document{}, broken)
				return
			}
			yield(schemas.Document{ConversationID: part[0].ID}, nil)
		}
	}
	n := 0
	var last error
	for _, err := range inParallel(t.Context(), refs(50), 1, 4, fetch) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 7 || !errors.Is(last, broken) {
		t.Errorf("%d documents, then %v; want 7, then the error", n, last)
	}
}

func TestParallelFetchEndsWhenNobodyWantsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it fails if a goroutine is left over
		fetch := func(ctx context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
			return func(yield func(schemas.Document, error) bool) {
				for yield(schemas.Document{ConversationID: part[0].ID}, ctx.Err()) && ctx.Err() == nil {
				}
			}
		}
		for range inParallel(t.Context(), refs(50), 1, 4, fetch) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for _, err := range inParallel(ctx, refs(50), 1, 4, fetch) {
			cancel()
			last = err
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("a cancelled fetch ended with %v", last)
		}
	})
}

// TestParallelFetchPutsNothingBehindABatchThatWasCutShort cancels in the middle of the first batch while later ones wait:
// otherwise whoever stages documents would take the first batch for complete.
func TestParallelFetchPutsNothingBehindABatchThatWasCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetch := func(ctx context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
			return func(yield func(schemas.Document, error) bool) {
				doc := schemas.Document{ConversationID: part[0].ID}
				if !yield(doc, nil) {
					return
				}
				if part[0].ID == "0" {
					<-ctx.Done()
					return // as if the rest had been lost in transit
				}
				yield(doc, nil)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		for doc, err := range inParallel(ctx, refs(8), 1, 4, fetch) {
			if last = err; err == nil && doc.ConversationID != "0" {
				t.Errorf("conversation %s came behind half of another", doc.ConversationID)
			}
			synctest.Wait() // the later ones are complete
			cancel()
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("it ended with %v", last)
		}
	})
}

// TestParallelFetchPanicsWhereItIsAsked expects a panic in the caller's goroutine: in another it would end the worker, and then
// the same conversation would end the next one.
func TestParallelFetchPanicsWhereItIsAsked(t *testing.T) {
	document := func(part []providers.Ref, panics bool) iter.Seq2[schemas.Document, error] {
		return func(yield func(schemas.Document, error) bool) {
			if panics {
				panic("cannot be read")
			}
			yield(schemas.Document{ConversationID: part[0].ID}, nil)
		}
	}
	for name, fetch := range map[string]func(context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]{
		"while it walks": func(_ context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
			return document(part, part[0].ID == "7")
		},
		"before it walks": func(_ context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
			if part[0].ID == "7" {
				panic("cannot be read")
			}
			return document(part, false)
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			defer func() {
				if got := recover(); got != "cannot be read" || n != 7 {
					t.Errorf("%d documents, then the panic %v; want 7, then that of the fetch", n, got)
				}
			}()
			for range inParallel(t.Context(), refs(50), 1, 4, fetch) {
				n++
			}
		})
	}
}

// TestParallelFetchGoesOnBesideASlowAnswer makes one of five responses twelve times slower: batches that wait for it must release
// their slots.
func TestParallelFetchGoesOnBesideASlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, places = 500, 8
		var now, most atomic.Int64
		var busy time.Duration
		slow := func(id string) time.Duration {
			if number, _ := strconv.Atoi(id); number%5 == 0 {
				return 1200 * time.Millisecond
			}
			return 100 * time.Millisecond
		}
		fetch := func(_ context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
			return func(yield func(schemas.Document, error) bool) {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				time.Sleep(slow(part[0].ID))
				yield(schemas.Document{ConversationID: part[0].ID}, nil)
			}
		}
		began, got := time.Now(), 0
		for doc, err := range inParallel(t.Context(), refs(n), 1, places, fetch) {
			if err != nil || doc.ConversationID != strconv.Itoa(got) {
				t.Fatalf("conversation %s (%v), want number %d", doc.ConversationID, err, got)
			}
			got++
			busy += slow(doc.ConversationID)
		}
		if share := float64(busy) / float64(places*time.Since(began)); got != n || share < 0.8 || most.Load() != places {
			t.Errorf("%d conversations, %d at once, %.0f %% of the places used; want all, %d and 80 %%", got, most.Load(), 100*share, places)
		}
	})
}

// TestParallelFetchIsNotFarAhead consumes documents more slowly than they arrive, in every way that a fetch can run ahead.
// Whatever was fetched but not consumed is lost with the process.
func TestParallelFetchIsNotFarAhead(t *testing.T) {
	const places = 4
	for name, test := range map[string]struct {
		body  int
		first time.Duration
		want  int64
	}{
		"all as fast":                 {want: 2 * places},
		"the first is slow":           {first: time.Hour, want: batchesAhead*places + 1},
		"the first is slow and large": {first: time.Hour, body: fetchedAhead / 2, want: 2 * places},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var fetched, taken, most atomic.Int64
				fetch := func(_ context.Context, part []providers.Ref) iter.Seq2[schemas.Document, error] {
					return func(yield func(schemas.Document, error) bool) {
						// In order: of responses that arrive at the same moment, a later one may see an earlier one as
						// incomplete.
						index, _ := strconv.Atoi(part[0].ID)
						time.Sleep(time.Second + time.Duration(index)*time.Millisecond)
						if index == 0 {
							time.Sleep(test.first)
						}
						most.Store(max(most.Load(), fetched.Add(1)-taken.Load()))
						yield(schemas.Document{ConversationID: part[0].ID, Body: make([]byte, test.body)}, nil)
					}
				}
				for _, err := range inParallel(t.Context(), refs(60), 1, places, fetch) {
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
					taken.Add(1)
				}
				if most.Load() > test.want || taken.Load() != 60 {
					t.Errorf("%d conversations, at most %d ahead, want at most %d", taken.Load(), most.Load(), test.want)
				}
			})
		})
	}
}

package worker_test

import (
	"context"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// benchmarked is how many conversations the benchmarks export.
const benchmarked = 2000

// BenchmarkExport is an export with all that makes it durable: workflows, staging, sealing, verifying, committing.
func BenchmarkExport(b *testing.B) {
	for range b.N {
		b.StopTimer()
		w := newWhole(b, benchmarked, activities.Connection{Shards: 2, Chunks: 4, Parallel: 4})
		b.StartTimer()
		if out := w.export(b); !out.Complete {
			b.Fatalf("%+v", out)
		}
	}
	b.ReportMetric(float64(b.N*benchmarked)/b.Elapsed().Seconds(), "conversations/s")
}

// BenchmarkBareLoop is the least that gives the same rows: the same requests by the same client, and the same Parquet
// writer; nothing survives anything.
func BenchmarkBareLoop(b *testing.B) {
	for range b.N {
		b.StopTimer()
		w := newWhole(b, benchmarked, activities.Connection{})
		b.StartTimer()
		if n := bareLoop(b, w); n != benchmarked {
			b.Fatalf("%d conversations, want %d", n, benchmarked)
		}
	}
	b.ReportMetric(float64(b.N*benchmarked)/b.Elapsed().Seconds(), "conversations/s")
}

func bareLoop(b *testing.B, w *whole) int {
	ctx := context.Background()
	window := schemas.Window{From: from, To: to}
	shard := lake.Shard{Provider: "chatwoot", Account: "acme", Stream: "created", Window: window}
	seal, err := lake.NewSeal(ctx, w.lake.Store(), w.lake.Scratch(), shard, "bare")
	if err != nil {
		b.Fatal(err)
	}
	defer seal.Discard()
	n := 0
	for page, err := range w.provider.Conversations(ctx, window, "") {
		if err != nil {
			b.Fatal(err)
		}
		threads := make([][]schemas.Document, len(page.Refs))
		var group errgroup.Group
		group.SetLimit(32) // as many requests at once as two shards of four chunks of four
		for i, ref := range page.Refs {
			group.Go(func() error {
				threads[i] = append(threads[i], page.Documents[i])
				refs := []providers.Ref{ref}
				for doc, err := range w.provider.Messages(ctx, refs) {
					if err != nil {
						return err
					}
					threads[i] = append(threads[i], doc)
				}
				for doc, err := range w.provider.Metadata(ctx, refs) {
					if err != nil {
						return err
					}
					threads[i] = append(threads[i], doc)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		for _, docs := range threads {
			thread, err := w.provider.Thread(docs)
			if err == nil {
				thread.Conversation.ContentSHA256, err = thread.Digest()
			}
			if err == nil {
				err = seal.Thread(thread)
			}
			for _, doc := range docs {
				if err == nil {
					err = seal.Document(doc)
				}
			}
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
	}
	if _, err := seal.Close(ctx); err != nil {
		b.Fatal(err)
	}
	return n
}

//go:build unix

package worker_test

import (
	"context"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/telemetry"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// benchmarked is how many conversations the benchmarks export.
const benchmarked = 2000

// BenchmarkExport measures an export with everything that makes it durable: workflows, staging, sealing, verifying, committing.
func BenchmarkExport(b *testing.B) { benchmarkExport(b, nil) }

// BenchmarkShownExport measures the same export with metrics. The difference is what they cost.
func BenchmarkShownExport(b *testing.B) {
	shown, err := telemetry.Start(b.Context(), telemetry.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer shown.Stop()
	benchmarkExport(b, shown)
}

// BenchmarkTracedExport measures it with metrics and with traces of everything, which the same process collects.
func BenchmarkTracedExport(b *testing.B) {
	_, endpoint := startCollector(b)
	shown, err := telemetry.Start(b.Context(), telemetry.Options{
		Listen: "127.0.0.1:0", OTLP: &telemetry.OTLP{Endpoint: endpoint, TraceRatio: 1, Every: time.Minute},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer shown.Stop()
	benchmarkExport(b, shown)
}

func benchmarkExport(b *testing.B, shown *telemetry.Telemetry) {
	used := time.Duration(0)
	for range b.N {
		b.StopTimer()
		w := newShownWhole(b, benchmarked, activities.Account{Shards: 2, ChunksInFlight: 4, Parallel: 4}, shown)
		before := processorTime(b)
		b.StartTimer()
		if out := w.export(b); !out.Complete {
			b.Fatalf("%+v", out)
		}
		used += processorTime(b) - before
	}
	each(b, used)
}

// BenchmarkBareLoop measures the least work that gives the same rows: the same requests by the same client, and the same
// Parquet writer. Nothing survives a crash.
func BenchmarkBareLoop(b *testing.B) {
	used := time.Duration(0)
	for range b.N {
		b.StopTimer()
		w := newWhole(b, benchmarked, activities.Account{})
		before := processorTime(b)
		b.StartTimer()
		if n := bareLoop(b, w); n != benchmarked {
			b.Fatalf("%d conversations, want %d", n, benchmarked)
		}
		used += processorTime(b) - before
	}
	each(b, used)
}

// each reports how fast conversations were copied, and the processor time per conversation, including the platform's.
func each(b *testing.B, used time.Duration) {
	n := float64(b.N * benchmarked)
	b.ReportMetric(n/b.Elapsed().Seconds(), "conversations/s")
	b.ReportMetric(used.Seconds()*1000/n, "cpu-ms/conversation")
}

// processorTime is the process's processor time so far.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func bareLoop(b *testing.B, w *whole) int {
	ctx := context.Background()
	window := schemas.Window{From: from, To: to}
	shard := ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: "created", Window: window}
	seal, err := lake.NewSeal(ctx, w.lake.Store(), w.lake.Scratch(), shard, "bare")
	if err != nil {
		b.Fatal(err)
	}
	defer seal.Discard()
	n := 0
	for page, err := range w.reader.Conversations(ctx, window, "") {
		if err != nil {
			b.Fatal(err)
		}
		threads := make([][]schemas.Document, len(page.Refs))
		var group errgroup.Group
		group.SetLimit(32) // as many concurrent requests as two shards with four chunks of four requests
		for i, ref := range page.Refs {
			group.Go(func() error {
				threads[i] = append(threads[i], page.Documents[i])
				refs := []providers.Ref{ref}
				for doc, err := range w.reader.Messages(ctx, refs) {
					if err != nil {
						return err
					}
					threads[i] = append(threads[i], doc)
				}
				for doc, err := range w.reader.Metadata(ctx, refs) {
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
			thread, err := w.mapper.Thread(docs)
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

package activities_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/chatwoot"
	"github.com/chatlake/chatlake/providers/freshchat"
	"github.com/chatlake/chatlake/providers/giosg"
	"github.com/chatlake/chatlake/providers/liveperson"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	fakechatwoot "github.com/chatlake/chatlake/simulator/chatwoot"
	fakefreshchat "github.com/chatlake/chatlake/simulator/freshchat"
	fakegiosg "github.com/chatlake/chatlake/simulator/giosg"
	fakeliveperson "github.com/chatlake/chatlake/simulator/liveperson"
)

// benchmarked are all providers, each with an account of the same simulated world.
var benchmarked = []struct {
	definition providers.Definition
	account    providers.Account
	path       string
	site       func(*simulator.Corpus) http.Handler
}{
	{
		chatwoot.Definition, providers.Account{AccountID: "1", Token: fakechatwoot.AdministratorToken}, "",
		func(c *simulator.Corpus) http.Handler { return fakechatwoot.New(c, fakechatwoot.Options{}) },
	}, {
		freshchat.Definition, providers.Account{Token: fakefreshchat.Token}, "/v2/",
		func(c *simulator.Corpus) http.Handler { return fakefreshchat.New(c, fakefreshchat.Options{}) },
	}, {
		giosg.Definition, providers.Account{AccountID: fakegiosg.Organization, Token: fakegiosg.ManagerToken}, "",
		func(c *simulator.Corpus) http.Handler { return fakegiosg.New(c, fakegiosg.Options{}) },
	}, {
		liveperson.Definition, providers.Account{AccountID: "12345678", Token: fakeliveperson.Token}, "",
		func(c *simulator.Corpus) http.Handler { return fakeliveperson.New(c, fakeliveperson.Options{}) },
	},
}

// benchmarkedWindow is one shard.
var benchmarkedWindow = schemas.Window{
	From: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 3, 11, 0, 0, 0, 0, time.UTC),
}

// eachProvider runs a benchmark with each provider. Each reads 500 conversations of the same world.
func eachProvider(b *testing.B, run func(*testing.B, providers.Definition, providertest.Recording)) {
	corpus := simulator.NewCorpus(simulator.CorpusConfig{
		Seed: 2, Conversations: 500, From: benchmarkedWindow.From, To: benchmarkedWindow.To,
	})
	for _, p := range benchmarked {
		b.Run(p.definition.Name, func(b *testing.B) {
			server := httptest.NewServer(p.site(corpus))
			b.Cleanup(server.Close)
			p.account.Name, p.account.BaseURL = "acme", server.URL+p.path
			reader, err := p.definition.Open(p.account)
			if err != nil {
				b.Fatal(err)
			}
			run(b, p.definition, providertest.Record(b, reader, mapperOf(b, p.definition), benchmarkedWindow))
		})
	}
}

func mapperOf(b *testing.B, p providers.Definition) providers.Mapper {
	b.Helper()
	mapper, err := p.Mapper(providers.Settings{})
	if err != nil {
		b.Fatal(err)
	}
	return mapper
}

// drain is a store that accepts everything and has nothing.
type drain struct{ ledger.Store }

func (drain) Put(_ context.Context, _ string, body io.ReadSeeker, _ int64, _ bool) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

func (drain) Stat(context.Context, string) (ledger.Object, error) {
	return ledger.Object{}, ledger.ErrNotExist
}

func shardOf(p providers.Definition) ledger.Shard {
	return ledger.Shard{Provider: p.Name, Account: "acme", Stream: schemas.StreamCreated, Window: benchmarkedWindow}
}

// BenchmarkEncode writes rows and documents as Parquet files.
func BenchmarkEncode(b *testing.B) {
	eachProvider(b, func(b *testing.B, p providers.Definition, r providertest.Recording) {
		threads := make([]schemas.Thread, len(r.Threads))
		for i, docs := range r.Threads {
			var err error
			if threads[i], err = r.Mapper.Thread(docs); err != nil {
				b.Fatal(err)
			}
		}
		scratch := b.TempDir()
		b.SetBytes(r.Bytes())
		b.ReportAllocs()
		for b.Loop() {
			seal, err := lake.NewSeal(b.Context(), drain{}, scratch, shardOf(p), "benchmark")
			if err != nil {
				b.Fatal(err)
			}
			for i, docs := range r.Threads {
				err = seal.Thread(threads[i])
				for _, doc := range docs {
					if err == nil {
						err = seal.Document(doc)
					}
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			if _, err := seal.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		eachConversation(b, len(threads))
	})
}

func eachConversation(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/conversation")
}

// BenchmarkDigest digests the content of conversations.
func BenchmarkDigest(b *testing.B) {
	eachProvider(b, func(b *testing.B, _ providers.Definition, r providertest.Recording) {
		threads := make([]schemas.Thread, len(r.Threads))
		for i, docs := range r.Threads {
			threads[i], _ = r.Mapper.Thread(docs)
		}
		b.SetBytes(r.Bytes())
		b.ReportAllocs()
		for b.Loop() {
			for _, thread := range threads {
				if _, err := thread.Digest(); err != nil {
					b.Fatal(err)
				}
			}
		}
		eachConversation(b, len(threads))
	})
}

// staged is a shard that was listed and fetched and is ready to be sealed.
type staged struct {
	activities *activities.Activities
	input      activities.SealShardInput
}

// stageShard lists and fetches everything from a base URL into a folder, in chunks as an export does.
func stageShard(b *testing.B, p providers.Definition, reader providers.Reader, folder string) staged {
	b.Helper()
	l, err := lake.Open(b.Context(), ledger.Config{URL: "file:" + folder}, lake.Config{Scratch: b.TempDir(), Writer: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	account := activities.Account{
		Reader: providertest.Reads(reader), Mapper: providertest.Maps(mapperOf(b, p)), Name: p.Name, Costs: p.Prices(nil).Costs,
		Batch: p.Batch, MetadataBatch: p.MetadataBatch, Parallel: 8,
	}
	s := staged{activities: &activities.Activities{
		Lake: l, Account: func(context.Context, string) (activities.Account, error) { return account, nil },
	}}
	s.input.Target = activities.Target{Shard: shardOf(p), Generation: 1}
	fetch := func(do func(context.Context, activities.FetchInput) (activities.FetchOutput, error), page activities.PageReceipt, chunk int) (all []activities.ChunkReceipt) {
		for low := 0; low < page.Refs; low += chunk {
			high := min(low+chunk, page.Refs)
			out, err := do(b.Context(), activities.FetchInput{Target: s.input.Target, Page: page, Low: low, High: high})
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, out.Parts...)
		}
		return all
	}
	r := &s.input.Receipts
	for next, number := providers.Cursor(""), 0; number == 0 || next != ""; number++ {
		out, err := s.activities.ListPage(b.Context(), activities.ListPageInput{Target: s.input.Target, Number: number, Cursor: next, Limit: 500})
		if err != nil {
			b.Fatal(err)
		}
		next, r.Pages = out.Next, append(r.Pages, out.Page)
		r.Messages = append(r.Messages, fetch(s.activities.FetchMessages, out.Page, 50)...)
		if p.Prices(nil).MetadataRequests > 0 {
			r.Metadata = append(r.Metadata, fetch(s.activities.FetchMetadata, out.Page, 250)...)
		}
	}
	return s
}

// BenchmarkSealShard seals the staged objects of a folder and writes the files there.
func BenchmarkSealShard(b *testing.B) {
	eachProvider(b, func(b *testing.B, p providers.Definition, r providertest.Recording) {
		folder := b.TempDir()
		s := stageShard(b, p, r.Reader, folder)
		b.SetBytes(r.Bytes())
		b.ReportAllocs()
		for b.Loop() {
			out, err := s.activities.SealShard(b.Context(), s.input)
			if err != nil || out.Counts.Conversations != int64(len(r.Threads)) {
				b.Fatalf("%+v, %v", out.Counts, err)
			}
			b.StopTimer()
			if err := os.RemoveAll(folder + "/data"); err != nil { // existing files are not written again
				b.Fatal(err)
			}
			b.StartTimer()
		}
		eachConversation(b, len(r.Threads))
	})
}

package providertest

import (
	"slices"
	"testing"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Recording contains the documents that a provider has read from a platform. A benchmark with it measures neither the network nor
// the platform.
type Recording struct {
	Reader  providers.Reader
	Mapper  providers.Mapper
	Threads [][]schemas.Document // all documents of each conversation
	Fetched []schemas.Document   // the documents that were fetched and not in the list
}

// Record reads all conversations of a window.
func Record(b *testing.B, p providers.Reader, mapper providers.Mapper, w schemas.Window) Recording {
	b.Helper()
	r := Recording{Reader: p, Mapper: mapper}
	at := map[string]int{}
	keep := func(doc schemas.Document, err error) {
		if err != nil {
			b.Fatal(err)
		}
		doc.Body = slices.Clip(doc.Body)
		r.Threads[at[doc.ConversationID]] = append(r.Threads[at[doc.ConversationID]], doc)
	}
	var refs []providers.Ref
	for page, err := range p.Conversations(b.Context(), w, "") {
		if err != nil {
			b.Fatal(err)
		}
		for _, ref := range page.Refs {
			if _, known := at[ref.ID]; known {
				b.Fatalf("conversation %s is listed twice", ref.ID)
			}
			at[ref.ID] = len(r.Threads)
			r.Threads, refs = append(r.Threads, nil), append(refs, ref)
		}
		for _, doc := range page.Documents {
			keep(doc, nil)
		}
	}
	for doc, err := range p.Messages(b.Context(), refs) {
		keep(doc, err)
		r.Fetched = append(r.Fetched, doc)
	}
	for doc, err := range p.Metadata(b.Context(), refs) {
		keep(doc, err)
		r.Fetched = append(r.Fetched, doc)
	}
	if len(r.Threads) == 0 || len(r.Fetched) == 0 {
		b.Fatalf("%d conversations, %d documents", len(r.Threads), len(r.Fetched))
	}
	return r
}

// Bytes returns the size of all documents.
func (r Recording) Bytes() (n int64) {
	for _, docs := range r.Threads {
		for _, doc := range docs {
			n += int64(len(doc.Body))
		}
	}
	return n
}

// BenchmarkDecode parses each fetched document as far as a fetch does to check it and to find the next page.
func BenchmarkDecode(b *testing.B, r Recording, read func(schemas.Document) error) {
	size := int64(0)
	for _, doc := range r.Fetched {
		size += int64(len(doc.Body))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range r.Fetched {
			if err := read(doc); err != nil {
				b.Fatal(err)
			}
		}
	}
	r.perConversation(b)
}

// BenchmarkNormalise maps the documents of each conversation to rows.
func BenchmarkNormalise(b *testing.B, r Recording) {
	b.SetBytes(r.Bytes())
	b.ReportAllocs()
	for b.Loop() {
		for _, docs := range r.Threads {
			if _, err := r.Mapper.Thread(docs); err != nil {
				b.Fatal(err)
			}
		}
	}
	r.perConversation(b)
}

// perConversation reports the time for each conversation.
func (r Recording) perConversation(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(r.Threads)), "ns/conversation")
}

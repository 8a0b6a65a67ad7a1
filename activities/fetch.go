package activities

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// FetchInput asks for the conversations [Low, High) of a page.
type FetchInput struct {
	Target
	Page  PageReceipt `json:"page"`
	Low   int         `json:"low"`
	High  int         `json:"high"`
	Lease Lease       `json:"lease"`
	// Part is the number of conversations staged together; 0 means all of them.
	Part int `json:"part,omitempty"`
	// Again means that this chunk, or a larger one that contained it, was dispatched before.
	Again bool `json:"again,omitempty"`
	// Grows is set if the lease may grow.
	Grows *Growing `json:"grows,omitempty"`
}

// FetchOutput names the staged objects.
type FetchOutput struct {
	Staged *ledger.Staged `json:"staged,omitempty"` // the found chunk, if it was not staged in parts
	Parts  []ChunkReceipt `json:"parts,omitempty"`
	Usage  Usage          `json:"usage"`
}

// Receipts returns the receipts of a fetched chunk.
func (o FetchOutput) Receipts(page, low, high int) []ChunkReceipt {
	if o.Staged != nil {
		return []ChunkReceipt{{Staged: *o.Staged, Page: page, Low: low, High: high}}
	}
	return o.Parts
}

// FetchMessages stages all messages of a chunk of conversations, in parts. A later attempt continues after the parts that are
// complete. The attempt whose result is accepted wins.
func (a *Activities) FetchMessages(ctx context.Context, in FetchInput) (FetchOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.fetch(a.withGrowing(ctx, in.Grows), in, fetchingMessages)
	return out, a.classify(ctx, err)
}

// FetchMetadata stages everything else about a chunk of conversations.
func (a *Activities) FetchMetadata(ctx context.Context, in FetchInput) (FetchOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.fetch(a.withGrowing(ctx, in.Grows), in, fetchingMetadata)
	return out, a.classify(ctx, err)
}

// messagesKind is the name of the fetch of messages.
const messagesKind = "messages"

// fetchKind is one kind of fetch: what it fetches, and how many conversations at a time.
type fetchKind struct {
	name      string
	documents func(providers.Reader, context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]
	batch     func(Account) int
}

var (
	fetchingMessages = fetchKind{messagesKind, providers.Reader.Messages, func(a Account) int { return a.Batch }}
	fetchingMetadata = fetchKind{"metadata", providers.Reader.Metadata, func(a Account) int { return a.MetadataBatch }}
)

// alone returns how to fetch everything about a conversation whose documents were to come from the lake. It is nil for metadata, so that
// the fetch of the messages alone decides.
func (k fetchKind) alone(s *session) fetcher {
	if k.name != messagesKind {
		return nil
	}
	return func(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
		if s.MetadataRequests == 0 {
			return s.reader.Messages(ctx, refs)
		}
		return func(yield func(schemas.Document, error) bool) {
			for _, documents := range []fetcher{s.reader.Messages, s.reader.Metadata} {
				for doc, err := range documents(ctx, refs) {
					if !yield(doc, err) || err != nil {
						return
					}
				}
			}
		}
	}
}

func (a *Activities) fetch(ctx context.Context, in FetchInput, l fetchKind) (FetchOutput, error) {
	var header pageHeader
	if err := a.Lake.ReadHeader(ctx, in.Page.Staged, &header); err != nil {
		return FetchOutput{}, err
	}
	if in.Low < 0 || in.High > len(header.Refs) || in.Low >= in.High {
		return FetchOutput{}, fmt.Errorf("chunk [%d, %d) of a page of %d conversations: %w", in.Low, in.High, len(header.Refs), errIncomplete)
	}
	ctx, s, err := a.session(ctx, in.Shard.Account, in.Lease)
	if err != nil {
		return FetchOutput{}, err
	}
	parts, err := a.fetchIn(ctx, s, in, header, l)
	if err != nil {
		return FetchOutput{}, err
	}
	return FetchOutput{Parts: parts, Usage: s.usage()}, nil
}

// fetchIn stages a chunk in parts and returns their receipts, those of earlier attempts among them.
func (a *Activities) fetchIn(ctx context.Context, s *session, in FetchInput, header pageHeader, l fetchKind) (found []ChunkReceipt, err error) {
	name := fmt.Sprintf("%s-%.16s", l.name, in.Page.Staged.SHA256) // other lists of the same window have other pages
	if in.Again || mayBeRetry(ctx) {
		if found, err = a.findParts(ctx, in, name); err != nil {
			return nil, err
		}
	}
	w := newPartWriter(ctx, a.Lake, in, name, header.Refs)
	defer w.discard()
	from := supply{lake: a.Lake, alone: l.alone(s), keeper: s.Keeper, fetch: func(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
		return l.documents(s.reader, ctx, refs)
	}}
	fetch := func(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
		return header.withLake(ctx, from, w.index, refs)
	}
	for _, gap := range gaps(found, in.Low, in.High) {
		refs := header.Refs[gap.Low:gap.High]
		if err := w.write(gap, inParallel(w.ctx, refs, l.batch(s.Account), s.Parallel, fetch)); err != nil {
			return nil, err
		}
	}
	parts, err := w.close()
	if err != nil {
		return nil, err
	}
	parts = append(parts, found...)
	slices.SortFunc(parts, byLow)
	return parts, nil
}

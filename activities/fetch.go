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
	// Part is how many conversations are staged together, 0 is all of them.
	Part int `json:"part,omitempty"`
	// Again says that the chunk, or one that it is a part of, was given out before.
	Again bool `json:"again,omitempty"`
}

// FetchOutput names what was staged.
type FetchOutput struct {
	Staged *ledger.Staged `json:"staged,omitempty"` // all of a chunk, where it was not staged in parts
	Parts  []ChunkReceipt `json:"parts,omitempty"`
	Usage  Usage          `json:"usage"`
}

// Receipts are what a shard keeps of a chunk that was fetched.
func (o FetchOutput) Receipts(page, low, high int) []ChunkReceipt {
	if o.Staged != nil {
		return []ChunkReceipt{{Staged: *o.Staged, Page: page, Low: low, High: high}}
	}
	return o.Parts
}

// FetchMessages stages all messages of a chunk of conversations, in parts. Another attempt goes on behind the parts that are
// whole, and the attempt whose result is accepted wins.
func (a *Activities) FetchMessages(ctx context.Context, in FetchInput) (FetchOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.fetch(ctx, in, lane{"messages", providers.Reader.Messages, func(a Account) int { return a.Batch }})
	return out, a.classify(ctx, err)
}

// FetchMetadata stages what else belongs to a chunk of conversations.
func (a *Activities) FetchMetadata(ctx context.Context, in FetchInput) (FetchOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.fetch(ctx, in, lane{"metadata", providers.Reader.Metadata, func(a Account) int { return a.MetadataBatch }})
	return out, a.classify(ctx, err)
}

// lane is what is fetched of conversations, and how many of them at a time.
type lane struct {
	name      string
	documents func(providers.Reader, context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]
	batch     func(Account) int
}

func (a *Activities) fetch(ctx context.Context, in FetchInput, l lane) (FetchOutput, error) {
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
	name := fmt.Sprintf("%s-%.16s", l.name, in.Page.Staged.SHA256) // another list of the same window has other pages
	var whole []ChunkReceipt
	if in.Again || mayBeAgain(ctx) {
		if whole, err = a.whole(ctx, in, name); err != nil {
			return FetchOutput{}, err
		}
	}
	b := newBinder(ctx, a.Lake, in, name, header.Refs)
	defer b.discard()
	fetch := func(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
		return l.documents(s.reader, ctx, refs)
	}
	for _, gap := range gaps(whole, in.Low, in.High) {
		refs := header.Refs[gap.Low:gap.High]
		if err := b.bind(gap, inParallel(b.ctx, refs, l.batch(s.Account), s.Parallel, fetch)); err != nil {
			return FetchOutput{}, err
		}
	}
	parts, err := b.close()
	if err != nil {
		return FetchOutput{}, err
	}
	parts = append(parts, whole...)
	slices.SortFunc(parts, byLow)
	return FetchOutput{Parts: parts, Usage: s.usage()}, nil
}

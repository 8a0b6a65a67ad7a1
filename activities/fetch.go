package activities

import (
	"context"
	"fmt"
	"iter"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// FetchInput asks for the conversations [Low, High) of a page.
type FetchInput struct {
	Target
	Page  PageReceipt     `json:"page"`
	Low   int             `json:"low"`
	High  int             `json:"high"`
	Lease providers.Lease `json:"lease"`
}

// FetchOutput names what was staged.
type FetchOutput struct {
	Staged lake.Staged `json:"staged"`
	Usage  Usage       `json:"usage"`
}

// FetchMessages stages all messages of a chunk of conversations. A chunk does not resume; another attempt fetches all of
// it again under another name, and the attempt whose result is accepted wins.
func (a *Activities) FetchMessages(ctx context.Context, in FetchInput) (FetchOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.fetch(ctx, in, lane{"messages", providers.Provider.Messages, func(c Connection) int { return c.Batch }})
	return out, classify(ctx, err)
}

// FetchMetadata stages what else belongs to a chunk of conversations.
func (a *Activities) FetchMetadata(ctx context.Context, in FetchInput) (FetchOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.fetch(ctx, in, lane{"metadata", providers.Provider.Metadata, func(c Connection) int { return c.MetadataBatch }})
	return out, classify(ctx, err)
}

// lane is what is fetched of conversations, and how many of them at a time.
type lane struct {
	name      string
	documents func(providers.Provider, context.Context, []providers.Ref) iter.Seq2[schemas.Document, error]
	batch     func(Connection) int
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
	name := fmt.Sprintf("%s-%05d-%04d-%04d", l.name, in.Page.Number, in.Low, in.High)
	stage, err := a.Lake.Stage(ctx, in.Shard, in.Generation, name, nil)
	if err != nil {
		return FetchOutput{}, err
	}
	defer stage.Discard()
	fetch := func(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
		return l.documents(s.Provider, ctx, refs)
	}
	for doc, err := range inParallel(ctx, header.Refs[in.Low:in.High], l.batch(s.Connection), s.Parallel, fetch) {
		if err != nil {
			return FetchOutput{}, err
		}
		if err := stage.Add(doc); err != nil {
			return FetchOutput{}, err
		}
	}
	staged, err := stage.Commit(ctx)
	if err != nil {
		return FetchOutput{}, err
	}
	return FetchOutput{Staged: staged, Usage: s.usage()}, nil
}

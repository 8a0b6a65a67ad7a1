package activities

import (
	"context"

	"github.com/chatlake/chatlake/internal/ledger"
)

// Receipts name what the accepted attempts of a shard have staged: the winners. Sealing reads nothing else.
type Receipts struct {
	Pages    []PageReceipt  `json:"pages,omitempty"`
	Messages []ChunkReceipt `json:"messages,omitempty"`
	Metadata []ChunkReceipt `json:"metadata,omitempty"`
	Dead     []DeadRef      `json:"dead,omitempty"`
	// Saved names objects with earlier receipts. They keep histories short however large a shard is.
	Saved []ledger.Staged `json:"saved,omitempty"`
}

// ChunkReceipt names what one fetch has staged for the conversations [Low, High) of a page.
type ChunkReceipt struct {
	Staged ledger.Staged `json:"staged"`
	Page   int           `json:"page"`
	Low    int           `json:"low"`
	High   int           `json:"high"`
}

// DeadRef is a conversation that one step has given up.
type DeadRef struct {
	Page     int    `json:"page"`
	Index    int    `json:"index"`
	Step     string `json:"step"` // FetchMessages or FetchMetadata
	Kind     string `json:"kind"`
	Detail   string `json:"detail"`
	Attempts int64  `json:"attempts"`
}

// SaveReceiptsInput has receipts to move out of a history.
type SaveReceiptsInput struct {
	Target
	Receipts Receipts `json:"receipts"`
}

// SaveReceiptsOutput names the object with the receipts.
type SaveReceiptsOutput struct {
	Saved ledger.Staged `json:"saved"`
}

// SaveReceipts stages receipts, so that a shard can continue as new with a small state.
func (a *Activities) SaveReceipts(ctx context.Context, in SaveReceiptsInput) (SaveReceiptsOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	stage, err := a.Lake.Stage(in.Shard, in.Generation, in.Receipts)
	if err != nil {
		return SaveReceiptsOutput{}, a.classify(ctx, err)
	}
	defer stage.Discard()
	saved, err := stage.Commit(ctx, "receipts")
	return SaveReceiptsOutput{Saved: saved}, a.classify(ctx, err)
}

// receipts reads the saved receipts and joins them with the others.
func (a *Activities) receipts(ctx context.Context, r Receipts) (Receipts, error) {
	var all Receipts
	for _, saved := range r.Saved {
		var part Receipts
		if err := a.Lake.ReadHeader(ctx, saved, &part); err != nil {
			return all, err
		}
		all.join(part)
	}
	all.join(r)
	return all, nil
}

func (r *Receipts) join(other Receipts) {
	r.Pages = append(r.Pages, other.Pages...)
	r.Messages = append(r.Messages, other.Messages...)
	r.Metadata = append(r.Metadata, other.Metadata...)
	r.Dead = append(r.Dead, other.Dead...)
}

// cover returns an error unless the chunks and the dead conversations of a page cover its n conversations exactly once.
func (c *chunkReceipts) cover(page int, dead map[int]bool, n int) error {
	chunks, err := c.page(page)
	if err != nil {
		return err
	}
	next := 0
	skipDead := func() {
		for dead[next] {
			next++
		}
	}
	for _, chunk := range chunks {
		skipDead()
		if chunk.Low != next || chunk.High <= chunk.Low {
			return errIncomplete
		}
		next = chunk.High
	}
	skipDead()
	if next != n {
		return errIncomplete
	}
	return nil
}

// hasMetadata reports whether every conversation must have metadata among the receipts: as when the run began, whatever the account's
// options say by now.
func hasMetadata(account Account, in SealShardInput, receipts *shelf) bool {
	return !in.NoMetadata && (account.MetadataRequests > 0 || !receipts.metadata.empty())
}

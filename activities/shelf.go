package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
)

// shelf has all receipts of a shard. Those of chunks are on disk if there are many: a window of a million conversations has tens of
// thousands.
type shelf struct {
	pages    []PageReceipt
	dead     []DeadRef
	messages *chunkReceipts
	metadata *chunkReceipts
}

// shelve reads the saved receipts and joins them with the others. The caller closes the shelf.
func (a *Activities) shelve(ctx context.Context, r Receipts) (_ *shelf, err error) {
	s := &shelf{messages: newChunkReceipts(a.Lake), metadata: newChunkReceipts(a.Lake)}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, saved := range r.Saved {
		var part Receipts
		if err := a.Lake.ReadHeader(ctx, saved, &part); err != nil {
			return nil, err
		}
		if err := s.add(part); err != nil {
			return nil, err
		}
	}
	return s, s.add(r)
}

func (s *shelf) add(r Receipts) error {
	s.pages, s.dead = append(s.pages, r.Pages...), append(s.dead, r.Dead...)
	if err := s.messages.add(r.Messages); err != nil {
		return err
	}
	return s.metadata.add(r.Metadata)
}

func (s *shelf) close() {
	s.messages.data.Close()
	s.metadata.data.Close()
}

// chunkReceipts are the receipts of one kind of fetch, by page.
type chunkReceipts struct {
	data *lake.Spill
	of   map[int][]extent
}

// extent is where a receipt is.
type extent struct {
	at    int64
	bytes int
}

func newChunkReceipts(l *lake.Lake) *chunkReceipts {
	return &chunkReceipts{data: l.NewSpill(), of: map[int][]extent{}}
}

func (c *chunkReceipts) add(all []ChunkReceipt) error {
	for _, receipt := range all {
		b, err := json.Marshal(receipt)
		if err != nil {
			return err
		}
		c.of[receipt.Page] = append(c.of[receipt.Page], extent{c.data.Size(), len(b)})
		if _, err := c.data.Write(b); err != nil {
			return fmt.Errorf("keep receipts: %w", err)
		}
	}
	return nil
}

// page returns the receipts of a page, sorted by conversation.
func (c *chunkReceipts) page(number int) ([]ChunkReceipt, error) {
	var all []ChunkReceipt
	for _, x := range c.of[number] {
		b := make([]byte, x.bytes)
		if _, err := c.data.ReadAt(b, x.at); err != nil {
			return nil, fmt.Errorf("read receipts: %w", err)
		}
		var receipt ChunkReceipt
		if err := json.Unmarshal(b, &receipt); err != nil {
			return nil, fmt.Errorf("read receipts: %w", err)
		}
		all = append(all, receipt)
	}
	slices.SortFunc(all, byLow)
	return all, nil
}

// empty reports whether there is no receipt.
func (c *chunkReceipts) empty() bool { return len(c.of) == 0 }

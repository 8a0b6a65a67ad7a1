package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/providers"
)

// ListUnlistedInput asks for the conversations that the lake has in a window of creation and that the platform's list no longer has.
type ListUnlistedInput struct {
	Target
	Number int              `json:"number"` // of the page in the shard; the list's own pages have lower numbers
	Cursor providers.Cursor `json:"cursor"` // empty for the first page
	Limit  int              `json:"limit"`  // maximum number of conversations on the page
	Depth  Depth            `json:"depth"`
	// Receipts name all pages of the shard so far.
	Receipts Receipts `json:"receipts"`
}

// ListUnlistedOutput is the staged page. It is fetched as any other page is.
type ListUnlistedOutput struct {
	Page PageReceipt      `json:"page"`
	Next providers.Cursor `json:"next"` // empty after the last page
}

// ListUnlisted stages one page of the conversations that the platform's list no longer has. It sends no request. At DepthList, those that
// the lake knows to be gone come from the lake; all others are asked for by id.
func (a *Activities) ListUnlisted(ctx context.Context, in ListUnlistedInput) (ListUnlistedOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.listUnlisted(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) listUnlisted(ctx context.Context, in ListUnlistedInput) (ListUnlistedOutput, error) {
	if !in.Shard.Stream.IsByCreation() || in.Depth == DepthWhole || in.Limit < 1 {
		return ListUnlistedOutput{}, fmt.Errorf("list what %s no longer has, with depth %q and at most %d: %w", in.Shard, in.Depth, in.Limit, errIncomplete)
	}
	after, err := parsePosition(in.Cursor)
	if err != nil {
		return ListUnlistedOutput{}, err
	}
	account, err := a.Account(ctx, in.Shard.Account)
	if err != nil {
		return ListUnlistedOutput{}, err
	}
	receipts, err := a.receipts(ctx, in.Receipts)
	if err != nil {
		return ListUnlistedOutput{}, err
	}
	had, err := a.Lake.Known(ctx, in.Shard, in.Generation)
	if err != nil {
		return ListUnlistedOutput{}, err
	}
	unlisted, err := had.Unlisted(ctx, in.Shard.Window, a.idsOf(ctx, receipts.Pages))
	if err != nil {
		return ListUnlistedOutput{}, err
	}
	var header pageHeader
	var next providers.Cursor
	for _, v := range unlisted {
		if !after.before(v) {
			continue
		}
		if len(header.Refs) == in.Limit {
			last := header.Refs[in.Limit-1]
			next = position{last.CreatedAt, last.ID}.cursor()
			break
		}
		ref := providers.Ref{ID: v.ID, CreatedAt: v.CreatedAt, Unlisted: true} // no list says how new it is now
		var unseen []lake.Version
		if account.Keeper != nil {
			all, err := had.Versions(ctx, v.ID, v.CreatedAt)
			if err != nil {
				return ListUnlistedOutput{}, err
			}
			if len(all) > 0 && all[0].Record == v.Record {
				unseen = unseenBy(account.Keeper, all)
			}
		}
		header.note(len(header.Refs), v, unseen, v.Gone && in.Depth == DepthList && v.Extent.Documents > 0)
		header.Refs = append(header.Refs, ref)
	}
	page, err := a.stagePage(ctx, in.Target, in.Number, header, nil)
	page.Unlisted = true
	return ListUnlistedOutput{Page: page, Next: next}, err
}

// idsOf yields the ids of the conversations on all pages.
func (a *Activities) idsOf(ctx context.Context, pages []PageReceipt) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, page := range pages {
			var header pageHeader
			if err := a.Lake.ReadHeader(ctx, page.Staged, &header); err != nil {
				yield("", err)
				return
			}
			for _, ref := range header.Refs {
				if !yield(ref.ID, nil) {
					return
				}
			}
		}
	}
}

// position is where a list of what is not listed continues: after a conversation. It holds even if the lake gets more conversations.
type position struct {
	CreatedAt time.Time `json:"created_at"`
	ID        string    `json:"id"`
}

func (p position) cursor() providers.Cursor {
	b, _ := json.Marshal(p) // never fails
	return providers.Cursor(b)
}

func parsePosition(at providers.Cursor) (p position, err error) {
	if at == "" {
		return p, nil
	}
	if err := json.Unmarshal([]byte(at), &p); err != nil {
		return p, fmt.Errorf("cursor of what is not listed: %w", errIncomplete)
	}
	return p, nil
}

// before reports whether a conversation comes after the position, in the order of a list.
func (p position) before(v lake.Version) bool {
	return cmp.Or(p.CreatedAt.Compare(v.CreatedAt), cmp.Compare(len(p.ID), len(v.ID)), cmp.Compare(p.ID, v.ID)) < 0
}

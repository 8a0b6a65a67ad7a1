package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// ListNamedInput asks for conversations by their ids.
type ListNamedInput struct {
	Target
	Number int      `json:"number"` // of the page in the shard
	Named  []string `json:"named"`
	Lease  Lease    `json:"lease"`
	// AtOnce asks for the conversations as well.
	AtOnce *AtOnce `json:"at_once,omitempty"`
}

// ListNamed stages one page of conversations that are named by their ids. All of them are fetched, whatever version the lake has: what
// happened to them may be something that no version shows. If the platform shows an older version than the lake has, the lake's stays.
func (a *Activities) ListNamed(ctx context.Context, in ListNamedInput) (ListPageOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.listNamed(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) listNamed(ctx context.Context, in ListNamedInput) (ListPageOutput, error) {
	if !in.Shard.Stream.IsByChange() || len(in.Named) == 0 {
		return ListPageOutput{}, fmt.Errorf("list %d named conversations of %s: %w", len(in.Named), in.Shard, errIncomplete)
	}
	ctx, s, err := a.session(ctx, in.Shard.Account, in.Lease)
	if err != nil {
		return ListPageOutput{}, err
	}
	had, err := a.Lake.Known(ctx, in.Shard, in.Generation)
	if err != nil {
		return ListPageOutput{}, err
	}
	named := slices.Clone(in.Named)
	slices.Sort(named)
	named = slices.Compact(named)
	page := providers.Page{}
	if finder, ok := s.reader.(providers.Finder); ok {
		if page, _, err = gather(finder.Find(ctx, named), len(named)*refsPerRequest, nil); err != nil {
			return ListPageOutput{}, err
		}
	}
	listed := map[string]bool{}
	for _, ref := range page.Refs {
		listed[ref.ID] = true
	}
	for _, id := range named {
		if listed[id] {
			continue
		}
		// No list says anything of it, so it is asked for by its id.
		v, found, err := had.Find(ctx, id, time.Time{})
		if err != nil {
			return ListPageOutput{}, err
		}
		ref := providers.Ref{ID: id, CreatedAt: in.Shard.Window.From, Unlisted: true}
		if found && !v.CreatedAt.IsZero() {
			ref.CreatedAt = v.CreatedAt
		}
		page.Refs = append(page.Refs, ref)
	}
	order(&page)
	header, err := a.compare(ctx, had, s.Keeper, ListPageInput{Target: in.Target}, &page)
	if err != nil {
		return ListPageOutput{}, err
	}
	header.Named = named
	receipt, err := a.stagePage(ctx, in.Target, in.Number, header, page.Documents)
	if err != nil {
		return ListPageOutput{}, err
	}
	receipt.Unwitnessed = page.Unwitnessed
	fetched := a.fetchAtOnce(ctx, s, in.Target, header, receipt, in.AtOnce)
	return ListPageOutput{Page: receipt, Fetched: fetched, Usage: s.usage()}, nil
}

package freshchat

import (
	"context"
	"iter"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Find requests the body of each conversation by its id, and the contacts that the bodies name. The version is that of the list where the
// body has an updated_time, unless a report has a later row. A body that does not say when its conversation was created is on no page: only
// a fetch can tell.
//
// A list of reports says more than the body: what a report has of a time of which the lake has no transcript is fetched by the next sync all
// the same.
func (a *account) Find(ctx context.Context, ids []string) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for some := range slices.Chunk(ids, a.perPage) {
			page, err := a.found(ctx, some)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

func (a *account) found(ctx context.Context, ids []string) (providers.Page, error) {
	all := make([]candidate, len(ids))
	err := a.inParallel(ctx, len(ids), func(ctx context.Context, i int) error {
		doc, err := a.conversation(ctx, ids[i])
		if err != nil || doc.Status != statusOK {
			return err
		}
		c := candidate{id: ids[i], docs: []schemas.Document{doc}, hint: hint{REST: a.lane == laneTranscript}}
		s, err := gatherSources(c.docs)
		if err != nil {
			return rest.Malformed("conversation "+c.id, err)
		}
		c.seen(s.updatedAt())
		c.at, c.user = s.statedCreation(), s.contactID()
		all[i] = c
		return nil
	})
	if err != nil {
		return providers.Page{}, err
	}
	return a.makePage(ctx, laneREST, slices.DeleteFunc(all, func(c candidate) bool { return c.at == nil }))
}

var _ providers.Finder = (*account)(nil)

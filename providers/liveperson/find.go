package liveperson

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Find requests the smallest kind of content of the records, a hundred at a time. Their versions are those of the list: both are made of the
// record's info. A conversation that the platform leaves out of an answer, and every one in mode consumer, is on no page: the consumer's API
// has no row of a single conversation.
func (a *account) Find(ctx context.Context, ids []string) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		if a.consumer {
			if ctx.Err() != nil {
				yield(providers.Page{}, &providers.Error{Kind: providers.Transient, Op: opList, Err: context.Cause(ctx)})
			}
			return
		}
		for batch := range slices.Chunk(ids, batchSize) {
			page, err := a.found(ctx, batch)
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// found asks for the records of a batch until an answer has none of those that are missing.
func (a *account) found(ctx context.Context, ids []string) (providers.Page, error) {
	var rows []row
	for left := slices.Clone(ids); len(left) > 0; {
		found, _, err := a.byID(ctx, left, smallest)
		if err != nil {
			return providers.Page{}, err
		}
		if len(found) == 0 {
			break
		}
		for _, r := range found {
			listed, err := readRow(r.doc.Body)
			if err != nil {
				return providers.Page{}, rest.Malformed(opList, err)
			}
			rows = append(rows, listed)
		}
		left = slices.DeleteFunc(left, func(id string) bool { _, ok := found[id]; return ok })
	}
	var page providers.Page
	for _, r := range inOrder(rows) {
		page.Refs = append(page.Refs, r.ref())
	}
	return page, nil
}

// smallest is the smallest kind of content, because naming none would return everything.
var smallest = []string{"summary"}

// inOrder returns rows in the order of a page.
func inOrder(rows []row) []row {
	return slices.SortedStableFunc(slices.Values(rows), func(x, y row) int {
		return cmp.Or(x.at.Compare(y.at), strings.Compare(x.id, y.id))
	})
}

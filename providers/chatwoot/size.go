package chatwoot

import (
	"context"
	"math"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// mostSized is how many requests may be spent on the length of a list that has no count.
const mostSized = 24

// Size counts the pages of the directory's paged lists: contacts by the server's own count, and survey responses by bisecting the numbers
// of pages. A snapshot requests each page twice.
func (a *account) Size(ctx context.Context) (providers.Size, error) {
	const answers = 2
	contacts := parts[slices.IndexFunc(parts, func(p part) bool { return p.kind == kindContacts })]
	surveys := parts[slices.IndexFunc(parts, func(p part) bool { return p.kind == kindSurveys })]
	// app/views/api/v1/accounts/contacts/index.json.jbuilder
	answer, err := a.get(ctx, contacts.op(), "/"+kindContacts, contacts.query(1))
	if err != nil {
		return providers.Size{}, err
	}
	rows, meta, err := envelope(answer.Body)
	if err != nil {
		return providers.Size{}, rest.Malformed(contacts.op(), err)
	}
	pages := float64(0)
	if count := integer(meta["count"]); count != nil && len(rows) > 0 {
		pages = math.Ceil(float64(*count) / float64(len(rows)))
	}
	of, all, err := a.pagesOf(ctx, surveys)
	return providers.Size{Directory: answers * (pages + float64(of)), AtLeast: !all}, err
}

// pagesOf returns how many pages of a list have rows. It returns false if there may be more.
func (a *account) pagesOf(ctx context.Context, p part) (pages int, all bool, err error) {
	low, high := 0, 0 // a page that has rows, and one that has none; 0 is not known
	next := 1
	for range mostSized {
		page, err := a.partPage(ctx, p, next)
		if err != nil {
			return low, false, err
		}
		if len(page.rows) > 0 {
			low = next
		} else {
			high = next
		}
		switch {
		case high == low+1:
			return low, true, nil
		case high == 0:
			next *= 2
		default:
			next = low + (high-low)/2
		}
	}
	return low, false, nil
}

var _ providers.Sizer = (*account)(nil)

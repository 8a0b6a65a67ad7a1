package freshchat

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
)

// Names of lists outside the directory that nothing else confirms.
const (
	listOfUsers         = "users"
	listOfConversations = "conversations of users"
	listOfMessages      = "messages"
)

// listPage is one answer to a request for a page of a list, or for a list that is not paged.
type listPage struct {
	answer rest.Response
	rows   []value
	ids    []string
	more   bool
	last   int // number of the last page, 0 if the answer does not give it
}

// same reports whether two answers contain the same page.
func (p listPage) same(q listPage) bool {
	return p.answer.Status == q.answer.Status && slices.Equal(p.ids, q.ids) && p.more == q.more && p.last == q.last
}

// agreed requests a page until answers agree. If allowed returns true for an error, a refusal is an answer too.
func (a *account) agreed(ctx context.Context, op, path, key string, query url.Values, page int, allowed func(error) bool) (listPage, error) {
	p, err := witness.Agree(ctx, &a.doubt, func(ctx context.Context) (listPage, error) {
		answer, err := a.get(ctx, op, path, query)
		p := listPage{answer: answer}
		switch {
		case err != nil && allowed(err):
			return p, nil
		case err != nil:
			return p, err
		case key == "":
			if _, err = wire.ParseObject(answer.Body); err != nil {
				err = rest.Malformed(op, err)
			}
			return p, err
		}
		if p.rows, err = listRows(answer.Body, key); err != nil {
			return p, rest.Malformed(op, err)
		}
		for _, row := range p.rows {
			p.ids = append(p.ids, wire.Word(wire.Field(row, "id")))
		}
		p.more, p.last = hasMore(answer.Body, len(p.rows), page, rowsPerPage), totalPages(answer.Body)
		return p, nil
	}, listPage.same)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: op, Err: err}
	}
	return p, err
}

func never(error) bool { return false }

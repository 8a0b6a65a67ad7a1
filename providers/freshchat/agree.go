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

// What is said of lists that are no part of the directory, where nothing witnesses them.
const (
	listOfUsers         = "users"
	listOfConversations = "conversations of users"
	listOfMessages      = "messages"
)

// sheet is one answer to a request for a page of a list, or for a list that has one page.
type sheet struct {
	answer rest.Response
	rows   []value
	ids    []string
	more   bool
	last   int // number of the last page, 0 where the answer does not say
}

// same says that two answers are of one page.
func (p sheet) same(q sheet) bool {
	return p.answer.Status == q.answer.Status && slices.Equal(p.ids, q.ids) && p.more == q.more && p.last == q.last
}

// agreed asks for a page until answers agree. A refusal that may says is no error is an answer too.
func (a *account) agreed(ctx context.Context, op, path, key string, query url.Values, page int, may func(error) bool) (sheet, error) {
	p, err := witness.Agree(ctx, &a.doubt, func(ctx context.Context) (sheet, error) {
		answer, err := a.get(ctx, op, path, query)
		p := sheet{answer: answer}
		switch {
		case err != nil && may(err):
			return p, nil
		case err != nil:
			return p, err
		case key == "":
			if _, err = only(answer.Body); err != nil {
				err = rest.Malformed(op, err)
			}
			return p, err
		}
		if p.rows, err = list(answer.Body, key); err != nil {
			return p, rest.Malformed(op, err)
		}
		for _, row := range p.rows {
			p.ids = append(p.ids, wire.Word(wire.Field(row, "id")))
		}
		p.more, p.last = hasMore(answer.Body, len(p.rows), page, rowsPerPage), totalPages(answer.Body)
		return p, nil
	}, sheet.same)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: op, Err: err}
	}
	return p, err
}

func never(error) bool { return false }

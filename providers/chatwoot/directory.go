package chatwoot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// The kinds of documents of the directory. They are also the paths of their endpoints.
const (
	kindAgents   = "agents"
	kindInboxes  = "inboxes"
	kindTeams    = "teams"
	kindLabels   = "labels"
	kindFields   = "custom_attribute_definitions"
	kindContacts = "contacts"
	kindSurveys  = "csat_survey_responses"
)

// part is one list of the directory. A list that is not paged is requested once for each value of a query key.
type part struct {
	kind   string
	paged  bool
	key    string
	values []string
}

// parts are the lists of the directory, in reading order. The server's list of contacts leaves out those without e-mail, phone and
// identifier. Both paged lists are requested in the order of creation, so that new rows come last.
var parts = []part{
	{kind: kindAgents},
	{kind: kindInboxes},
	{kind: kindTeams},
	{kind: kindLabels},
	{kind: kindFields, key: "attribute_model", values: []string{"conversation_attribute", "contact_attribute"}},
	{kind: kindContacts, paged: true, key: "sort", values: []string{"created_at"}},
	{kind: kindSurveys, paged: true, key: "sort", values: []string{"created_at"}},
}

func (p part) query(step int) url.Values {
	q := url.Values{}
	switch {
	case p.paged:
		q.Set("page", strconv.Itoa(step))
		q.Set(p.key, p.values[0])
	case p.key != "":
		q.Set(p.key, p.values[step-1])
	}
	return q
}

// Directory reads the parts one after the other. A cursor is a part and a step in it: "contacts:3".
func (a *account) Directory(ctx context.Context, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		index, step, err := parseStep(at)
		if err != nil {
			yield(providers.Page{}, rest.Malformed("list the directory", err))
			return
		}
		for {
			out, err := a.step(ctx, index, step)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			if !yield(out, nil) || out.Next == "" {
				return
			}
			if index, step, err = parseStep(out.Next); err != nil {
				yield(providers.Page{}, rest.Malformed("list the directory", err))
				return
			}
		}
	}
}

func parseStep(at providers.Cursor) (index, step int, err error) {
	if at == "" {
		return 0, 1, nil
	}
	kind, number, _ := strings.Cut(string(at), ":")
	index = slices.IndexFunc(parts, func(p part) bool { return p.kind == kind })
	step, err = strconv.Atoi(number)
	if err != nil || index < 0 || step < 1 || !parts[index].paged && step > max(1, len(parts[index].values)) {
		return 0, 0, providers.ErrCursor
	}
	return index, step, nil
}

// partPage is one answer to a request for a page of a part.
type partPage struct {
	answer rest.Response
	rows   []value
	ids    []string
}

// same reports whether two answers contain the same page.
func (p partPage) same(q partPage) bool {
	return slices.Equal(p.ids, q.ids) && p.answer.Status == q.answer.Status
}

// partPage requests one page of a part. If the server does not have the part, or does not show it to the token's user, that is an
// answer too.
func (a *account) partPage(ctx context.Context, p part, step int) (partPage, error) {
	op := p.op()
	answer, err := a.get(ctx, op, "/"+p.kind, p.query(step))
	page := partPage{answer: answer}
	if err != nil {
		if rest.StatusOf(err) == http.StatusNotFound || p.kind == kindSurveys && isPartial(err) {
			err = nil
		}
		return page, err
	}
	if page.rows, _, err = envelope(answer.Body); err != nil {
		return page, rest.Malformed(op, err)
	}
	for _, row := range page.rows {
		page.ids = append(page.ids, wire.Word(wire.Field(row, "id")))
	}
	return page, nil
}

func (p part) op() string { return "list " + strings.ReplaceAll(p.kind, "_", " ") }

// step reads one document of the directory. It repeats the request until answers agree, because a page does not show its number
// and an empty page ends a list.
func (a *account) step(ctx context.Context, index, step int) (providers.Page, error) {
	p := parts[index]
	page, err := witness.Agree(ctx, &a.doubt, func(ctx context.Context) (partPage, error) { return a.partPage(ctx, p, step) }, partPage.same)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: p.op(), Err: err}
	}
	if err != nil {
		return providers.Page{}, err
	}
	doc := rest.Document(p.kind, "", page.answer)
	doc.Sequence = int64(step - 1)
	more := !p.paged && step < len(p.values) || p.paged && len(page.rows) > 0
	if p.kind == kindInboxes && doc.Status == statusOK {
		if doc.Body, err = withoutSecrets(page.rows); err != nil {
			return providers.Page{}, rest.Malformed(p.op(), err)
		}
	}
	out := providers.Page{Documents: []schemas.Document{doc}}
	if doc.Status == statusOK {
		out.Unwitnessed = []string{p.kind}
	}
	switch {
	case more:
		out.Next = providers.Cursor(fmt.Sprintf("%s:%d", p.kind, step+1))
	case index+1 < len(parts):
		out.Next = providers.Cursor(parts[index+1].kind + ":1")
	}
	return out, nil
}

// withoutSecrets returns the list of inboxes without the credentials in it.
func withoutSecrets(rows []value) ([]byte, error) {
	inboxes := []object{}
	for _, row := range rows {
		o := wire.Fields(row)
		for key := range o {
			if isSecret(key) {
				o[key] = value("null")
			} else {
				o[key] = redacted(o[key])
			}
		}
		inboxes = append(inboxes, o)
	}
	return json.Marshal(map[string][]object{"payload": inboxes})
}

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

// The kinds of documents of the directory, which are also the paths they come from.
const (
	kindAgents   = "agents"
	kindInboxes  = "inboxes"
	kindTeams    = "teams"
	kindLabels   = "labels"
	kindFields   = "custom_attribute_definitions"
	kindContacts = "contacts"
	kindSurveys  = "csat_survey_responses"
)

// part is one list of the directory. Where paged is false, "pages" are the values of a query key.
type part struct {
	kind   string
	paged  bool
	key    string
	values []string
}

// parts of the directory, in the order in which they are read. Contacts without e-mail, phone or identifier are not in
// the server's list. Both paged lists are asked in the order of creation, so that new rows come at the end.
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

// Directory reads the parts one after the other; a cursor is the part and the step in it, "contacts:3".
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
		return 0, 0, errors.New("the cursor is none of this provider")
	}
	return index, step, nil
}

// look is one answer to a request for a page of the directory.
type look struct {
	answer rest.Response
	rows   []value
	ids    []string
}

// same says that two answers are of one page.
func (p look) same(q look) bool {
	return slices.Equal(p.ids, q.ids) && p.answer.Status == q.answer.Status
}

// look asks for one page of a part. That the server does not have the part, or does not show it, is an answer too.
func (a *account) look(ctx context.Context, p part, step int) (look, error) {
	op := p.op()
	answer, err := a.get(ctx, op, "/"+p.kind, p.query(step))
	l := look{answer: answer}
	if err != nil {
		if rest.StatusOf(err) == http.StatusNotFound || p.kind == kindSurveys && survivable(err) {
			err = nil
		}
		return l, err
	}
	if l.rows, _, err = envelope(answer.Body); err != nil {
		return l, rest.Malformed(op, err)
	}
	for _, row := range l.rows {
		l.ids = append(l.ids, wire.Word(wire.Field(row, "id")))
	}
	return l, nil
}

func (p part) op() string { return "list " + strings.ReplaceAll(p.kind, "_", " ") }

// step reads one document of the directory, as often as it takes until answers agree: a page is not told from another one,
// and an empty one ends a list.
func (a *account) step(ctx context.Context, index, step int) (providers.Page, error) {
	p := parts[index]
	l, err := witness.Agree(ctx, &a.doubt, func(ctx context.Context) (look, error) { return a.look(ctx, p, step) }, look.same)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: p.op(), Err: err}
	}
	if err != nil {
		return providers.Page{}, err
	}
	doc := rest.Document(p.kind, "", l.answer)
	doc.Sequence = int64(step - 1)
	more := !p.paged && step < len(p.values) || p.paged && len(l.rows) > 0
	if p.kind == kindInboxes && doc.Status == statusOK {
		if doc.Body, err = withoutSecrets(l.rows); err != nil {
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

// withoutSecrets is the list of inboxes with its credentials taken out.
func withoutSecrets(rows []value) ([]byte, error) {
	inboxes := []object{}
	for _, row := range rows {
		o := wire.Fields(row)
		for key := range o {
			if secret(key) {
				o[key] = value("null")
			} else {
				o[key] = redacted(o[key])
			}
		}
		inboxes = append(inboxes, o)
	}
	return json.Marshal(map[string][]object{"payload": inboxes})
}

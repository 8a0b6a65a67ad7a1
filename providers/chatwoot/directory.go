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

	"github.com/chatlake/chatlake/internal/wire"
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
			yield(providers.Page{}, malformed("list the directory", err))
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
				yield(providers.Page{}, malformed("list the directory", err))
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

// step reads one document of the directory.
func (a *account) step(ctx context.Context, index, step int) (providers.Page, error) {
	p := parts[index]
	op := "list " + strings.ReplaceAll(p.kind, "_", " ")
	answer, err := a.get(ctx, op, "/"+p.kind, p.query(step))
	if err != nil && statusOf(err) != http.StatusNotFound && !(p.kind == kindSurveys && survivable(err)) {
		return providers.Page{}, err
	}
	doc := document(p.kind, "", answer)
	doc.Sequence = int64(step - 1)
	more := !p.paged && step < len(p.values)
	if err == nil {
		rows, _, err := envelope(answer.Body)
		if err != nil {
			return providers.Page{}, malformed(op, err)
		}
		if p.kind == kindInboxes {
			if doc.Body, err = withoutSecrets(rows); err != nil {
				return providers.Page{}, malformed(op, err)
			}
		}
		more = more || p.paged && len(rows) > 0
	}
	out := providers.Page{Documents: []schemas.Document{doc}}
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

package freshchat

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// The kinds of documents of the directory.
const (
	kindAgents        = "agents"
	kindGroups        = "groups"
	kindChannels      = "channels"
	kindRoles         = "roles"
	kindFields        = "conversation_fields"
	kindConfiguration = "account_configuration"
	kindUsers         = "users"
)

// part is one list of the directory.
type part struct {
	kind, path string
	paged      bool
}

// parts are the lists of the directory, in reading order.
var parts = []part{
	{kindAgents, "/agents", true},
	{kindGroups, "/groups", true},
	{kindChannels, "/channels", true},
	{kindRoles, "/roles", true},
	{kindFields, "/conversations/fields", false},
	{kindConfiguration, "/accounts/configuration", false},
	{kindUsers, "/users", true},
}

// rowsPerPage is the size that all known clients use. Some claim that 100 works too.
const rowsPerPage = 50

// usersSince is a time before all users. The platform refuses to list users without a filter.
const usersSince = "2000-01-01T00:00:00.000Z"

func (p part) query(page int) url.Values {
	if !p.paged {
		return nil
	}
	q := url.Values{"page": {strconv.Itoa(page)}, "items_per_page": {strconv.Itoa(rowsPerPage)}, "sort_order": {"asc"}}
	if p.kind == kindUsers {
		q.Set("created_from", usersSince)
	}
	return q
}

// Directory reads the parts one after the other. A cursor is a part and a page in it: "users:3".
func (a *account) Directory(ctx context.Context, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for {
			index, page, err := parseStep(at)
			if err != nil {
				yield(providers.Page{}, rest.Malformed("list the directory", err))
				return
			}
			out, err := a.step(ctx, index, page)
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			if !yield(out, nil) || out.Next == "" {
				return
			}
			at = out.Next
		}
	}
}

func parseStep(at providers.Cursor) (index, page int, err error) {
	if at == "" {
		return 0, 1, nil
	}
	kind, number, _ := strings.Cut(string(at), ":")
	index = slices.IndexFunc(parts, func(p part) bool { return p.kind == kind })
	page, err = strconv.Atoi(number)
	if err != nil || index < 0 || page < 1 || !parts[index].paged && page > 1 || strconv.Itoa(page) != number {
		return 0, 0, providers.ErrCursor
	}
	return index, page, nil
}

// step reads one document of the directory and repeats the request until answers agree. If the account does not have the list, the
// document contains only the status.
func (a *account) step(ctx context.Context, index, page int) (providers.Page, error) {
	p := parts[index]
	op := "list " + strings.ReplaceAll(p.kind, "_", " ")
	key := p.kind
	switch p.kind {
	case kindFields:
		key = "fields"
	case kindConfiguration:
		key = ""
	}
	missing := func(err error) bool { return rest.Gone(err) && (index > 0 || page > 1) } // every Freshchat has a list of agents
	found, err := a.agreed(ctx, op, p.path, key, p.query(page), page, missing)
	if err != nil {
		return providers.Page{}, err
	}
	doc := rest.Document(p.kind, "", found.answer)
	doc.Sequence = int64(page - 1)
	more := p.paged && found.more
	out := providers.Page{Documents: []schemas.Document{doc}}
	if doc.Status == statusOK && key != "" {
		out.Unwitnessed = []string{p.kind}
	}
	switch {
	case more:
		out.Next = providers.Cursor(fmt.Sprintf("%s:%d", p.kind, page+1))
	case index+1 < len(parts):
		out.Next = providers.Cursor(parts[index+1].kind + ":1")
	}
	return out, nil
}

// hasMore reports whether another page follows, according to the pagination, or else the links, or else the number of rows. The
// envelope differs from list to list.
func hasMore(body []byte, rows, page, asked int) bool {
	if rows == 0 {
		return false
	}
	if last := totalPages(body); last > 0 {
		return page < last
	}
	if links := wire.Field(body, "links"); !wire.IsNull(links) {
		next := wire.Field(links, "next_page")
		return !wire.IsNull(next) && (next[0] == '"' || wire.Word(wire.Field(next, "href")) != "")
	}
	return rows >= asked
}

// totalPages returns the number of pages that a list claims to have, 0 if it does not give one.
func totalPages(body []byte) int {
	n := integer(wire.Field(wire.Field(body, "pagination"), "total_pages"))
	if n == nil || *n < 0 || *n > 1<<31 {
		return 0
	}
	return int(*n)
}

// Snapshot turns a document of the directory into rows, as described in docs/mapping-freshchat.md.
func (mapping) Snapshot(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	if doc.Status != statusOK || doc.Kind == kindConfiguration {
		return s, nil
	}
	key := doc.Kind
	if key == kindFields {
		key = "fields"
	}
	rows, err := listRows(doc.Body, key)
	if err != nil {
		return s, rest.Malformed("read "+doc.Kind, err)
	}
	for _, row := range rows {
		o := wire.Fields(row)
		if wire.Word(o["id"]) == "" {
			continue
		}
		switch doc.Kind {
		case kindAgents:
			s.Agents = append(s.Agents, agentRow(doc, o))
		case kindGroups, kindRoles:
			s.Groups = append(s.Groups, groupRow(doc, o))
		case kindChannels:
			s.Channels = append(s.Channels, channelRow(doc, o))
		case kindFields:
			s.Fields = append(s.Fields, fieldRow(doc, o))
		case kindUsers:
			s.Contacts = append(s.Contacts, contactRow(doc, o))
		}
	}
	return s, nil
}

func agentRow(doc schemas.Document, o object) schemas.Agent {
	r := wire.ReadFields(maps.Clone(o))
	row := schemas.Agent{AgentID: r.Word("id"), ObservedAt: doc.ObservedAt, Type: "agent", Name: readNames(r), Email: r.Text("email"), Role: r.Text("role_name")}
	if row.Role == nil {
		row.Role = wire.Text(r.Peek("role_id"))
	}
	if wire.Truth(r.Peek("is_bot")) {
		row.Type = "bot"
	}
	row.Attributes = personRest(r)
	return row
}

// groupRow maps a group or a role. The id of a role gets the prefix "role:", so that it cannot equal the id of a group.
func groupRow(doc schemas.Document, o object) schemas.Group {
	more := wire.Attributes{}
	more.AddAll("", o, "id", "name", "description")
	id := wire.Word(o["id"])
	if doc.Kind == kindRoles {
		id = "role:" + id
	}
	return schemas.Group{GroupID: id, ObservedAt: doc.ObservedAt, Name: wire.Text(o["name"]), Description: wire.Text(o["description"]), Attributes: more.Map()}
}

func channelRow(doc schemas.Document, o object) schemas.Channel {
	more := wire.Attributes{}
	more.AddAll("", o, "id", "name", "source")
	return schemas.Channel{ChannelID: wire.Word(o["id"]), ObservedAt: doc.ObservedAt, Name: wire.Text(o["name"]), Type: wire.Text(o["source"]), Attributes: more.Map()}
}

func fieldRow(doc schemas.Document, o object) schemas.Field {
	more := wire.Attributes{}
	more.AddAll("", o, "id", "name", "label", "type", "choices")
	applies := "conversation"
	row := schemas.Field{
		FieldID: wire.Word(o["id"]), ObservedAt: doc.ObservedAt, Key: cmp.Or(wire.Text(o["name"]), wire.Text(o["column_name"])), Name: wire.Text(o["label"]),
		Type: wire.Text(o["type"]), AppliesTo: &applies, Attributes: more.Map(),
	}
	for _, v := range wire.Items(o["choices"]) {
		if choice := cmp.Or(wire.Text(wire.Field(v, "value")), wire.Text(v)); choice != nil {
			row.Choices = append(row.Choices, *choice)
		}
	}
	return row
}

func contactRow(doc schemas.Document, o object) schemas.Contact {
	r := wire.ReadFields(maps.Clone(o))
	row := schemas.Contact{
		ContactID: r.Word("id"), ObservedAt: doc.ObservedAt, Name: readNames(r), Email: r.Text("email"), Phone: r.Text("phone"),
		Identifier: r.Text("reference_id"), CreatedAt: wire.Parse(r, "created_time", moment), LastActivityAt: wire.Parse(r, "updated_time", moment),
	}
	row.Attributes = personRest(r)
	return row
}

package liveperson

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/internal/witness"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// The kinds of documents of the directory. They are also the last segments of their paths.
const (
	kindUsers       = "users"
	kindSkills      = "skills"
	kindAgentGroups = "agentGroups"
)

var parts = []string{kindUsers, kindSkills, kindAgentGroups}

// Directory reads users, skills and agent groups. A cursor is the next of these. A consumer may see none of them.
func (a *account) Directory(ctx context.Context, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		index, err := parsePart(at)
		if err != nil {
			yield(providers.Page{}, rest.Malformed("list the directory", err))
			return
		}
		if a.consumer {
			yield(providers.Page{}, nil)
			return
		}
		for ; index < len(parts); index++ {
			doc, err := a.part(ctx, parts[index])
			if err != nil {
				yield(providers.Page{}, err)
				return
			}
			out := providers.Page{Documents: []schemas.Document{doc}}
			if doc.Status == http.StatusOK {
				out.Unwitnessed = []string{doc.Kind}
			}
			if index+1 < len(parts) {
				out.Next = providers.Cursor(parts[index+1])
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

func parsePart(at providers.Cursor) (int, error) {
	if at == "" {
		return 0, nil
	}
	index := slices.Index(parts, string(at))
	if index < 0 {
		return 0, providers.ErrCursor
	}
	return index, nil
}

// part reads one list until two responses agree, because the list comes in one response and has no count.
func (a *account) part(ctx context.Context, kind string) (schemas.Document, error) {
	p, err := witness.Agree(ctx, a.doubt, func(ctx context.Context) (listing, error) { return a.ofKind(ctx, kind) }, listing.same)
	if errors.Is(err, witness.ErrFickle) {
		err = &providers.Error{Kind: providers.Transient, Op: "list " + kind, Err: err}
	}
	return p.doc, err
}

// listing is one response to a request for a list.
type listing struct {
	doc schemas.Document
	ids []string
}

// same reports whether two responses have the same list.
func (l listing) same(m listing) bool {
	return l.doc.Status == m.doc.Status && slices.Equal(l.ids, m.ids)
}

// ofKind requests one list. If the credentials may not read it, or the account has no such service, it returns an empty document
// with the status of the refusal. Seen in the source of tap-liveperson.
func (a *account) ofKind(ctx context.Context, kind string) (listing, error) {
	op := "list " + kind
	answer, err := a.ask(ctx, serviceDirectory, rest.Request{
		Op: op, Path: "/api/account/" + a.id + "/configuration/le-users/" + kind, Query: url.Values{"include_deleted": {"true"}},
	})
	l := listing{doc: schemas.Document{Kind: kind, Status: int64(answer.Status), ObservedAt: answer.ObservedAt}}
	switch status := rest.StatusOf(err); {
	case err == nil && answer.Status == http.StatusNoContent:
		return l, nil
	case err == nil:
		l.doc.Body = answer.Body
		rows, err := directoryRows(answer.Body)
		if err != nil {
			return l, rest.Malformed(op, err)
		}
		for _, o := range rows {
			l.ids = append(l.ids, stringOf(textOf(o["id"])))
		}
		return l, nil
	case slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusBadRequest}, status):
		l.doc.Status = int64(status)
		if l.doc.ObservedAt.IsZero() { // the domain service knows no host for it
			l.doc.ObservedAt = time.Now().UTC().Truncate(time.Microsecond)
		}
		return l, nil
	}
	return l, err
}

// directoryRows reads a list, which is an array or the only array in an object.
func directoryRows(body []byte) ([]object, error) {
	v, err := decode(body)
	if err != nil {
		return nil, err
	}
	if o := asObject(v); o != nil {
		for _, name := range []string{"users", "skills", "agentGroups", "items", "data"} {
			if o.has(name) {
				return o.list(name), nil
			}
		}
		return nil, wire.ErrShape
	}
	if _, ok := v.([]any); !ok {
		return nil, wire.ErrShape
	}
	return object{"": v}.list(""), nil
}

// Snapshot maps one document of the directory to rows, as described in docs/mapping-liveperson.md.
func (mapping) Snapshot(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	if doc.Status != http.StatusOK {
		return s, nil
	}
	rows, err := directoryRows(doc.Body)
	if err != nil {
		return s, rest.Malformed("read the document "+doc.Kind, err)
	}
	for _, o := range rows {
		id := textOf(o.take("id")) // -1 is the id of the main group
		if id == nil {
			continue
		}
		more := attributes{}
		switch doc.Kind {
		case kindUsers:
			row := schemas.Agent{AgentID: *id, ObservedAt: doc.ObservedAt, Type: userType(o, "userTypeId"), Name: orName(o.value("fullName"), o), Email: o.value("email"), Role: o.value("role")}
			more.rest("", o)
			row.Attributes = more.rows()
			s.Agents = append(s.Agents, row)
		case kindSkills, kindAgentGroups:
			row := schemas.Group{GroupID: *id, ObservedAt: doc.ObservedAt, Name: o.value("name"), Description: o.value("description")}
			if doc.Kind == kindAgentGroups {
				row.GroupID = "agentGroup:" + *id
			}
			more.rest("", o)
			more.put("kind", doc.Kind)
			row.Attributes = more.rows()
			s.Groups = append(s.Groups, row)
		}
	}
	return s, nil
}

// orName returns a name, or else the nickname or the login name, which stay in the object.
func orName(name *string, o object) *string {
	for _, other := range []string{"nickname", "loginName"} {
		if name == nil {
			name = valueOf(o[other])
		}
	}
	return name
}

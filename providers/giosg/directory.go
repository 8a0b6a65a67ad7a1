package giosg

import (
	"cmp"
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

// The kinds of documents of the directory. They are also their paths.
const (
	kindRooms = "rooms"
	kindUsers = "users"
	kindTeams = "teams"
)

// parts of the directory, in reading order.
var parts = []string{kindRooms, kindUsers, kindTeams}

// step is one page of the directory: its part, its number in the part, and its link, which is empty for the first page.
type step struct {
	part     string
	sequence int64
	link     string
}

// Directory reads the parts one after the other. A cursor is the part, the page number in it, and the page's link:
// "users:1:?cursor=...".
func (a *account) Directory(ctx context.Context, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for {
			s, err := a.parseStep(at)
			if err != nil {
				yield(providers.Page{}, rest.Malformed("list the directory", err))
				return
			}
			out, err := a.directoryPage(ctx, s)
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

func (a *account) partPath(part string) string { return a.root + "/" + part }

func (a *account) parseStep(at providers.Cursor) (step, error) {
	if at == "" {
		return step{part: parts[0]}, nil
	}
	part, tail, _ := strings.Cut(string(at), ":")
	number, link, ok := strings.Cut(tail, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n < 0 || !slices.Contains(parts, part) || (link == "") != (n == 0) || len(at) > longestCursor {
		return step{}, providers.ErrCursor
	}
	if strings.HasPrefix(link, "?") {
		link = a.own(a.partPath(part)) + link
	}
	if link != "" && link[0] != '/' {
		return step{}, providers.ErrCursor
	}
	return step{part: part, sequence: n, link: link}, nil
}

// directoryResponse is one response to a request for a page of the directory.
type directoryResponse struct {
	answer rest.Response
	ids    []string
	next   string
}

// same reports whether two responses have the same page.
func (p directoryResponse) same(q directoryResponse) bool {
	return slices.Equal(p.ids, q.ids) && (p.next == "") == (q.next == "") && p.answer.Status == q.answer.Status
}

// directoryOnce requests one page of a part. It includes deleted rooms, users and teams, because old chats name them. A part that the user
// may not read is a valid response too.
func (a *account) directoryOnce(ctx context.Context, at step) (directoryResponse, error) {
	op := "list " + at.part
	path, query := a.partPath(at.part), url.Values{"include_deleted": {"true"}}
	own := a.own(path)
	if at.link != "" {
		path, query = a.absolute(at.link), nil
	}
	// Rooms, users and teams, of the vendor's developer documentation.
	answer, err := a.get(ctx, op, path, query)
	if at.link != "" && (rest.Gone(err) || rest.StatusOf(err) == http.StatusBadRequest) {
		return directoryResponse{}, &providers.Error{Kind: providers.CursorExpired, Op: op, Status: answer.Status, Err: errExpired}
	}
	p := directoryResponse{answer: answer}
	if err != nil {
		if survivable(err) {
			err = nil
		}
		return p, err
	}
	rows, next, err := envelope(answer.Body)
	if err == nil && next != "" {
		p.next, err = a.pin(cmp.Or(at.link, own), next)
	}
	if err != nil {
		return p, rest.Malformed(op, err)
	}
	for _, row := range rows {
		p.ids = append(p.ids, wire.Word(wire.Field(row, "id")))
	}
	return p, nil
}

// directoryPage reads one page of a part until two responses agree, because the rows have no count.
func (a *account) directoryPage(ctx context.Context, at step) (providers.Page, error) {
	p, err := witness.Agree(ctx, &a.doubt, func(ctx context.Context) (directoryResponse, error) { return a.directoryOnce(ctx, at) }, directoryResponse.same)
	switch {
	case err == nil && p.next != "" && p.next == at.link:
		err = rest.Malformed("list "+at.part, errLoop)
	case errors.Is(err, witness.ErrFickle):
		err = &providers.Error{Kind: providers.Transient, Op: "list " + at.part, Err: err}
	}
	if err != nil {
		return providers.Page{}, err
	}
	own, next := a.own(a.partPath(at.part)), p.next
	out := providers.Page{Documents: []schemas.Document{document(at.part, "", at.sequence, p.answer)}}
	if p.answer.Status == statusOK {
		out.Unwitnessed = []string{at.part}
	}
	i := slices.Index(parts, at.part)
	switch {
	case next != "":
		if strings.HasPrefix(next, own+"?") {
			next = next[len(own):]
		}
		out.Next = providers.Cursor(fmt.Sprintf("%s:%d:%s", at.part, at.sequence+1, next))
	case i+1 < len(parts):
		out.Next = providers.Cursor(parts[i+1] + ":0:")
	}
	return out, nil
}

// Snapshot maps one document of the directory to rows, as described in docs/mapping-giosg.md.
func (mapping) Snapshot(doc schemas.Document) (schemas.Snapshot, error) {
	var s schemas.Snapshot
	if doc.Status != statusOK {
		return s, nil
	}
	rows, _, err := envelope(doc.Body)
	if err != nil {
		return s, rest.Malformed("read the document "+doc.Kind, err)
	}
	for _, row := range rows {
		if o := fields(row); wire.Word(o["id"]) != "" {
			snapshotRow(&s, doc, wire.Word(o["id"]), o)
		}
	}
	return s, nil
}

func snapshotRow(s *schemas.Snapshot, doc schemas.Document, id string, o object) {
	at, more := doc.ObservedAt, wire.Attributes{}
	for key, v := range o {
		if !credential(key) {
			more.AddAll("", object{key: scrubbed(v)}, "id", "name", "email", "description", "role")
		}
	}
	switch doc.Kind {
	case kindRooms:
		restore(more, o, "email", "role", "description")
		s.Channels = append(s.Channels, schemas.Channel{ChannelID: id, ObservedAt: at, Name: wire.Text(o["name"]), Attributes: more.Map()})
	case kindUsers:
		restore(more, o, "description")
		name := cmp.Or(wire.Text(o["name"]), wire.Text(o["full_name"]))
		if full := strings.TrimSpace(wire.Word(o["first_name"]) + " " + wire.Word(o["last_name"])); name == nil && full != "" {
			name = &full
		}
		s.Agents = append(s.Agents, schemas.Agent{
			AgentID: id, ObservedAt: at, Type: *facts{}.authorType(nil, userSender, o), Name: name, Email: wire.Text(o["email"]), Role: wire.Text(o["role"]), Attributes: more.Map(),
		})
	case kindTeams:
		restore(more, o, "email", "role")
		s.Groups = append(s.Groups, schemas.Group{
			GroupID: id, ObservedAt: at, Name: wire.Text(o["name"]), Description: wire.Text(o["description"]), Attributes: more.Map(),
		})
	}
}

// restore adds members that other kinds have as columns.
func restore(to wire.Attributes, o object, keys ...string) {
	for _, key := range keys {
		to.AddAll("", object{key: scrubbed(o[key])})
	}
}

// credential reports whether a member may contain a secret. Rows never contain those.
func credential(key string) bool {
	for _, word := range []string{"token", "secret", "password", "private_key"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// scrubbed returns a value without members that may contain a secret, at any depth.
func scrubbed(v value) value {
	tree, ok := wire.Tree(v)
	if !ok || !scrub(tree) {
		return v
	}
	clean, err := json.Marshal(tree)
	if err != nil {
		return nil
	}
	return clean
}

// scrub removes these members and reports whether there were any.
func scrub(v any) (found bool) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			found = scrub(element) || found
		}
	case map[string]any:
		for key, member := range v {
			if credential(key) {
				delete(v, key)
				found = true
			} else {
				found = scrub(member) || found
			}
		}
	}
	return found
}

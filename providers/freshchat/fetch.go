package freshchat

import (
	"context"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// messagesPerPage is the largest size that the vendor's own client requests.
const messagesPerPage = 50

// maxFruitless is how many times in a row reading messages again may find nothing new. After that, the account's transcripts are
// assumed to have other messages than REST, and messages are no longer read again.
const maxFruitless = 25

// Messages fetches all messages of refs and the users that only the messages name. It sends no requests for refs whose messages came with
// the list: in the transcript lane those of a list by creation, in any lane those that the list has read to date them. Then it yields a
// document with status 204. If no list has shown a conversation, its own body is fetched as well.
func (a *account) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			docs, err := a.thread(ctx, ref)
			if err != nil {
				yield(schemas.Document{}, err)
				return
			}
			for _, doc := range docs {
				if !yield(doc, nil) {
					return
				}
			}
		}
	}
}

// Metadata fetches nothing: the list contains conversations and users, and everything else comes with the messages.
func (a *account) Metadata(ctx context.Context, _ []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		if err := ctxError(ctx, "metadata"); err != nil {
			yield(schemas.Document{}, err)
		}
	}
}

// thread fetches the messages of a conversation and the people that they name.
func (a *account) thread(ctx context.Context, ref providers.Ref) ([]schemas.Document, error) {
	if err := ctxError(ctx, opMessages(ref.ID)); err != nil {
		return nil, err
	}
	h := readHint(ref.Hint)
	if (a.lane == laneTranscript && !h.REST || h.Listed) && !ref.Unlisted {
		return []schemas.Document{{
			Kind: kindMessages, ConversationID: ref.ID, Status: 204, ObservedAt: time.Now().UTC().Truncate(time.Microsecond),
		}}, nil
	}
	docs, err := a.messages(ctx, ref.ID, kindMessages)
	if err != nil || docs[0].Status != statusOK {
		return docs, err
	}
	if !h.From.IsZero() {
		if docs, err = a.readAgain(ctx, ref.ID, h, docs); err != nil || docs[0].Status != statusOK {
			return docs, err
		}
	}
	if ref.Unlisted {
		doc, err := a.conversation(ctx, ref.ID)
		if err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	people, err := a.people(ctx, ref.ID, h, docs)
	return append(docs, people...), err
}

func opMessages(id string) string { return "messages of conversation " + id }

// reader reads the messages of one conversation, page by page.
type reader struct {
	*account
	id   string
	seen map[string]bool
}

// batch is one page of messages.
type batch struct {
	answer rest.Response
	rows   int
	fresh  int    // rows that no earlier page contains
	next   string // link to the next page
}

// ask reads one page by its number or by a link.
func (r reader) ask(ctx context.Context, path string, query url.Values) (batch, error) {
	op := opMessages(r.id)
	// GET /conversations/{id}/messages: newest first; a page's link, if it has one, leads to older ones.
	answer, err := r.do(ctx, rest.Request{Op: op, Path: path, Query: query})
	b := batch{answer: answer}
	if err != nil {
		return b, err
	}
	rows, err := listRows(answer.Body, "messages")
	if err != nil {
		return b, rest.Malformed(op, err)
	}
	b.rows = len(rows)
	for _, row := range rows {
		id := wire.Word(wire.Field(row, "id"))
		if id == "" || !r.seen[id] {
			b.fresh++
		}
		r.seen[id] = true
	}
	link := wire.Field(answer.Body, "link")
	if b.next = wire.Word(wire.Field(link, "href")); b.next == "" {
		b.next = wire.Word(link) // a plain text; seen in one client
		if strings.HasPrefix(b.next, "{") {
			b.next = ""
		}
	}
	return b, nil
}

func (r reader) path() string { return root + "/conversations/" + url.PathEscape(r.id) + "/messages" }

func pageQuery(page int) url.Values {
	return url.Values{"page": {strconv.Itoa(page)}, "items_per_page": {strconv.Itoa(messagesPerPage)}}
}

// messages follows the links of all pages. The meaning of from_time in a link is not known, so no links are constructed. The walk
// ends at a page without a link, at a link that was followed before, and at a page without a new message. After a full page without
// a link, it requests the next page by number, which works as well (seen in several clients). If the API does not know the
// conversation, the result is one document with the status.
func (a *account) messages(ctx context.Context, id, kind string) ([]schemas.Document, error) {
	r := reader{account: a, id: id, seen: map[string]bool{}}
	var docs []schemas.Document
	followed := map[string]bool{}
	path, query := r.path(), pageQuery(1)
	for page := 1; ; page++ {
		b, err := r.ask(ctx, path, query)
		if isUnknown(err) && (page == 1 || rest.Gone(err)) {
			return []schemas.Document{rest.Document(kind, id, b.answer)}, nil
		}
		if err != nil {
			return nil, err
		}
		if b.fresh == 0 && page > 1 {
			return docs, nil
		}
		doc := rest.Document(kind, id, b.answer)
		doc.Sequence = int64(len(docs))
		docs = append(docs, doc)
		switch {
		case b.next != "" && !followed[b.next]:
			followed[b.next] = true
			path, query = pathOf(b.next), nil
		case b.next == "" && b.rows >= messagesPerPage:
			path, query = r.path(), pageQuery(page+1)
		default:
			return docs, nil
		}
	}
}

// pathOf returns the path of a link below the base URL. Links of messages contain /v2, links of reports do not.
func pathOf(link string) string {
	if u, err := url.Parse(link); err != nil || u.IsAbs() || u.Host != "" || link == root || strings.HasPrefix(link, root+"/") {
		return link
	}
	return root + "/" + strings.TrimLeft(link, "/")
}

// readAgain compares the ids of the messages with those in the transcript, within the range of the transcript. If they differ, it
// reads the messages again by page numbers, and adds the pages that contain new messages.
func (a *account) readAgain(ctx context.Context, id string, h hint, docs []schemas.Document) ([]schemas.Document, error) {
	s, err := gatherSources(docs)
	if err != nil {
		return nil, rest.Malformed(opMessages(id), err)
	}
	var had hint
	r := reader{account: a, id: id, seen: map[string]bool{}}
	known := map[string]bool{}
	for _, m := range s.messages {
		known[m.id] = true
		if contains(h.covered(), m.at) {
			had.add(m.id)
		}
	}
	if h.agrees(had) || a.fruitless.Load() >= maxFruitless {
		return docs, nil
	}
	found := false
	for page := 1; ; page++ {
		b, err := r.ask(ctx, r.path(), pageQuery(page))
		switch {
		case rest.Gone(err):
			return []schemas.Document{rest.Document(kindMessages, id, b.answer)}, nil
		case err != nil:
			return nil, err
		}
		if addsTo(known, b.answer.Body) {
			found = true
			doc := rest.Document(kindMessages, id, b.answer)
			doc.Sequence = int64(len(docs))
			docs = append(docs, doc)
		}
		if b.fresh == 0 || b.rows < messagesPerPage && b.next == "" {
			break
		}
	}
	if found {
		a.fruitless.Store(0)
	} else {
		a.fruitless.Add(1)
	}
	return docs, nil
}

// addsTo reports whether a page contains a message that is not known yet.
func addsTo(known map[string]bool, body []byte) bool {
	rows, err := listRows(body, "messages")
	return err == nil && slices.ContainsFunc(rows, func(row value) bool {
		id := wire.Word(wire.Field(row, "id"))
		return id != "" && !known[id]
	})
}

func contains(w schemas.Window, at *time.Time) bool { return at != nil && w.Contains(*at) }

// people fetches the users that only the messages name: system users, each requested once, and the contact if the conversation's own
// body does not name it.
func (a *account) people(ctx context.Context, id string, h hint, docs []schemas.Document) ([]schemas.Document, error) {
	s, err := gatherSources(docs)
	if err != nil {
		return nil, rest.Malformed(opMessages(id), err)
	}
	var all []schemas.Document
	if contact := s.contactID(); h.User == "" && contact != "" {
		doc, err := a.user(ctx, kindUser, contact)
		if err != nil {
			return nil, err
		}
		doc.ConversationID = id
		all = append(all, doc)
	}
	system, err := a.systemPeopleOf(ctx, id, s)
	return append(all, system...), err
}

// systemPeople fetches the system users that the messages in documents name.
func (a *account) systemPeople(ctx context.Context, id string, docs []schemas.Document) ([]schemas.Document, error) {
	s, err := gatherSources(docs)
	if err != nil {
		return nil, rest.Malformed(opMessages(id), err)
	}
	return a.systemPeopleOf(ctx, id, s)
}

func (a *account) systemPeopleOf(ctx context.Context, id string, s *sources) (all []schemas.Document, err error) {
	asked := map[string]bool{}
	for _, m := range s.messages {
		actor := wire.Word(m.wire["actor_id"])
		if lower(wire.Word(m.wire["actor_type"])) != "system" || actor == "" || asked[actor] {
			continue
		}
		asked[actor] = true
		doc, err := a.systemUser(ctx, actor)
		if err != nil {
			return nil, err
		}
		doc.ConversationID, doc.Sequence = id, int64(len(asked)-1)
		all = append(all, doc)
	}
	return all, nil
}

// systemUser fetches a system user. There are few, so they are cached for other conversations. Only one is requested at a time, so
// that no two conversations request the same one.
func (a *account) systemUser(ctx context.Context, id string) (schemas.Document, error) {
	if known, ok := a.systemUsers.Load(id); ok {
		return known.(schemas.Document), nil
	}
	if err := a.systemLock.Acquire(ctx, 1); err != nil {
		return schemas.Document{}, err
	}
	defer a.systemLock.Release(1)
	if known, ok := a.systemUsers.Load(id); ok {
		return known.(schemas.Document), nil
	}
	doc, err := a.user(ctx, kindSystemUser, id)
	if err == nil {
		a.systemUsers.Store(id, doc)
	}
	return doc, err
}

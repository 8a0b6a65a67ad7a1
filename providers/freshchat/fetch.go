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

// messagesPerPage is the most that the vendor's own client asks for.
const messagesPerPage = 50

// maxBarren is after how many second looks in a row without a find the account's transcripts are taken to hold other
// messages than REST does, so that no more are made.
const maxBarren = 25

// Messages fetches all messages of refs, and the users that only the messages name. In the transcript lane nothing is
// asked: the list carried all, and one document with status 204 says so.
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

// Metadata has nothing to fetch: conversations and users came with the list, the others with the messages.
func (a *account) Metadata(ctx context.Context, _ []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		if err := ctxError(ctx, "metadata"); err != nil {
			yield(schemas.Document{}, err)
		}
	}
}

// thread is all documents of a conversation that its messages lead to.
func (a *account) thread(ctx context.Context, ref providers.Ref) ([]schemas.Document, error) {
	if err := ctxError(ctx, opMessages(ref.ID)); err != nil {
		return nil, err
	}
	if a.lane == laneTranscript {
		return []schemas.Document{{
			Kind: kindMessages, ConversationID: ref.ID, Status: 204, ObservedAt: time.Now().UTC().Truncate(time.Microsecond),
		}}, nil
	}
	docs, err := a.messages(ctx, ref.ID, kindMessages)
	if err != nil || docs[0].Status != statusOK {
		return docs, err
	}
	h := readHint(ref.Hint)
	if !h.From.IsZero() {
		if docs, err = a.secondLook(ctx, ref.ID, h, docs); err != nil || docs[0].Status != statusOK {
			return docs, err
		}
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
	fresh  int    // rows that no page before had
	next   string // the link to the page after it
}

// ask reads one page, by its number or by a link.
func (r reader) ask(ctx context.Context, path string, query url.Values) (batch, error) {
	op := opMessages(r.id)
	// GET /conversations/{id}/messages: newest first; a page's link, if it has one, leads to older ones.
	answer, err := r.do(ctx, rest.Request{Op: op, Path: path, Query: query})
	b := batch{answer: answer}
	if err != nil {
		return b, err
	}
	rows, err := list(answer.Body, "messages")
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
		b.next = wire.Word(link) // one client reads a plain text
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

// messages reads all pages along their links. What a link's from_time means is not known, so nothing is built from it:
// the walk ends where there is no link, at a link that was followed before, and at a page without a new message. A full
// page without a link is followed by its number, which works as well (seen in several clients). A conversation that the
// API does not know is one document with its status.
func (a *account) messages(ctx context.Context, id, kind string) ([]schemas.Document, error) {
	r := reader{account: a, id: id, seen: map[string]bool{}}
	var docs []schemas.Document
	followed := map[string]bool{}
	path, query := r.path(), pageQuery(1)
	for page := 1; ; page++ {
		b, err := r.ask(ctx, path, query)
		if unknown(err) && (page == 1 || rest.Gone(err)) {
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
			path, query = below(b.next), nil
		case b.next == "" && b.rows >= messagesPerPage:
			path, query = r.path(), pageQuery(page+1)
		default:
			return docs, nil
		}
	}
}

// below is a link as a path of this account: links of messages have /v2, links of reports do not.
func below(link string) string {
	if u, err := url.Parse(link); err != nil || u.IsAbs() || u.Host != "" || link == root || strings.HasPrefix(link, root+"/") {
		return link
	}
	return root + "/" + strings.TrimLeft(link, "/")
}

// secondLook compares the ids of the messages with those of the transcript, as far as it was asked for, and where they
// differ reads the messages once more, by page numbers. Pages that bring something new are added.
func (a *account) secondLook(ctx context.Context, id string, h hint, docs []schemas.Document) ([]schemas.Document, error) {
	s, err := gatherSources(docs)
	if err != nil {
		return nil, rest.Malformed(opMessages(id), err)
	}
	var had hint
	r := reader{account: a, id: id, seen: map[string]bool{}}
	known := map[string]bool{}
	for _, m := range s.messages {
		known[m.id] = true
		if within(m.at, h.From, h.To) {
			had.add(m.id)
		}
	}
	if h.agrees(had) || a.barren.Load() >= maxBarren {
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
		a.barren.Store(0)
	} else {
		a.barren.Add(1)
	}
	return docs, nil
}

// addsTo says whether a page has a message that is not known yet.
func addsTo(known map[string]bool, body []byte) bool {
	rows, err := list(body, "messages")
	return err == nil && slices.ContainsFunc(rows, func(row value) bool {
		id := wire.Word(wire.Field(row, "id"))
		return id != "" && !known[id]
	})
}

func within(at *time.Time, from, to time.Time) bool {
	return at != nil && !at.Before(from) && at.Before(to)
}

// people are the users that the messages name and the list could not know: system users, each asked for once, and the
// contact where the conversation's own body does not name it.
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
	asked := map[string]bool{}
	for _, m := range s.messages {
		actor := wire.Word(m.wire["actor_id"])
		if lower(wire.Word(m.wire["actor_type"])) != "system" || actor == "" || asked[actor] {
			continue
		}
		asked[actor] = true
		doc, err := a.system(ctx, actor)
		if err != nil {
			return nil, err
		}
		doc.ConversationID, doc.Sequence = id, int64(len(asked)-1)
		all = append(all, doc)
	}
	return all, nil
}

// system is a system user, remembered for the other conversations: there are few. They are asked for one at a time, so that no
// two conversations ask for the same.
func (a *account) system(ctx context.Context, id string) (schemas.Document, error) {
	if known, ok := a.systems.Load(id); ok {
		return known.(schemas.Document), nil
	}
	if err := a.asking.Acquire(ctx, 1); err != nil {
		return schemas.Document{}, err
	}
	defer a.asking.Release(1)
	if known, ok := a.systems.Load(id); ok {
		return known.(schemas.Document), nil
	}
	doc, err := a.user(ctx, kindSystemUser, id)
	if err == nil {
		a.systems.Store(id, doc)
	}
	return doc, err
}

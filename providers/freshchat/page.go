package freshchat

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// The kinds of documents.
const (
	kindConversation = "conversation"
	kindCreated      = "conversation_created" // rows of the report Conversation-Created
	kindTranscript   = "transcript"           // rows of Chat-Transcript, and the range that was ordered
	kindListed       = "listed_messages"      // messages read to find out when a conversation was created
	kindMessages     = "messages"
	kindUser         = "user"
	kindSystemUser   = "system_user"
	kindNewest       = "newest_message" // when the conversation had its newest message, which has been deleted
)

// candidate is a conversation that may belong to a window.
type candidate struct {
	id   string
	docs []schemas.Document
	user string // id of the contact, empty if unknown
	hint hint
	at   *time.Time // of creation
	// newest is the latest time in the conversation's own body and in the reports; nil if there is none.
	newest *time.Time
}

// hint is what the list passes to a fetch. Count and Digest are of the message ids in the transcript.
type hint struct {
	User   string    `json:"user,omitempty"`
	From   time.Time `json:"from,omitzero"` // the range of the transcript
	To     time.Time `json:"to,omitzero"`
	Count  int       `json:"count,omitempty"`
	Digest uint64    `json:"digest,omitempty"`
	// Unnamed is the number of rows of the transcript without a message id. Count does not include them.
	Unnamed int `json:"unnamed,omitempty"`
	// REST means that the messages are read by REST in any lane.
	REST bool `json:"rest,omitempty"`
	// Listed means that the list has read all messages, so that a fetch need not read them again.
	Listed bool `json:"listed,omitempty"`
}

func (h hint) text() string {
	b, err := json.Marshal(h)
	if err != nil || h == (hint{}) {
		return ""
	}
	return string(b)
}

// covered is the range of the transcript.
func (h hint) covered() schemas.Window { return schemas.Window{From: h.From, To: h.To} }

// readHint parses a hint. The hint is empty if s is none; then there is nothing to compare.
func readHint(s string) hint {
	var h hint
	if json.Unmarshal([]byte(s), &h) != nil {
		return hint{}
	}
	return h
}

// add adds an id to the count and the digest. The digest does not depend on the order of the ids.
func (h *hint) add(id string) {
	sum := fnv.New64a()
	sum.Write([]byte(id))
	h.Count++
	h.Digest += sum.Sum64()
}

// agrees reports whether got counts the same messages as the hint, as far as the hint knows them.
func (h hint) agrees(got hint) bool {
	return got.Count == h.Count+h.Unnamed && (h.Unnamed > 0 || got.Digest == h.Digest)
}

// page returns a page of those entries that were created in w.
func (a *account) page(ctx context.Context, w schemas.Window, s *segment, some []*segmentEntry) (providers.Page, error) {
	all, err := a.examineAll(ctx, a.lane, a.transcriptWindow(w), s, some)
	if err != nil {
		return providers.Page{}, err
	}
	return a.pageWithin(ctx, w, all)
}

// examineAll examines entries. covered is the range of the transcripts.
func (a *account) examineAll(ctx context.Context, l lane, covered schemas.Window, s *segment, some []*segmentEntry) ([]candidate, error) {
	if err := ctxError(ctx, opList); err != nil {
		return nil, err
	}
	all := make([]candidate, len(some))
	err := a.inParallel(ctx, len(some), func(ctx context.Context, i int) (err error) {
		all[i], err = a.examine(ctx, l, covered, s, some[i])
		return err
	})
	return all, err
}

// pageWithin returns a page of the candidates that were created in a window.
func (a *account) pageWithin(ctx context.Context, w schemas.Window, all []candidate) (providers.Page, error) {
	in := all[:0:0]
	for _, c := range all {
		if c.at != nil && w.Contains(*c.at) {
			in = append(in, c)
		}
	}
	page, err := a.makePage(ctx, a.lane, in)
	page.Dropped = len(all) - len(in)
	return page, err
}

// makePage returns a page of candidates, with their contacts.
func (a *account) makePage(ctx context.Context, l lane, in []candidate) (providers.Page, error) {
	var page providers.Page
	if l != laneTranscript {
		if err := a.contacts(ctx, in); err != nil {
			return providers.Page{}, err
		}
	}
	for i, c := range in {
		if !c.hint.Listed {
			continue
		}
		docs, err := a.systemPeople(ctx, c.id, c.docs) // a fetch would find them in the messages
		if err != nil {
			return providers.Page{}, err
		}
		in[i].docs = append(c.docs, docs...)
	}
	slices.SortFunc(in, func(a, b candidate) int { return cmp.Or(a.at.Compare(*b.at), cmp.Compare(a.id, b.id)) })
	for _, c := range in {
		c.hint.User = c.user
		page.Refs = append(page.Refs, providers.Ref{ID: c.id, CreatedAt: *c.at, Hint: c.hint.text(), Version: c.version()})
		page.Documents = append(page.Documents, c.docs...)
	}
	page.Unwitnessed = a.unwitnessed()
	return page, nil
}

// unwitnessed returns the lists that nothing else confirms. The two reports confirm each other, because a conversation that only one
// of them has can be requested by its id. The transcript confirms the messages.
func (a *account) unwitnessed() []string {
	switch {
	case a.users:
		return []string{listOfUsers, listOfConversations, listOfMessages}
	case a.lane == laneTranscript:
		return []string{eventTranscript, eventCreated}
	}
	return nil
}

// examine collects documents of an entry until the conversation's time of creation is known: from its own body, or else from
// Conversation-Created, or else from its messages, or else from the transcript.
func (a *account) examine(ctx context.Context, l lane, covered schemas.Window, s *segment, e *segmentEntry) (candidate, error) {
	c := candidate{id: e.id}
	c.seen(e.last)
	transcript, err := a.rowDocument(s, e, covered)
	if err != nil {
		return c, err
	}
	readable := false
	if l != laneTranscript {
		var doc schemas.Document
		if doc, err = a.conversation(ctx, e.id); err != nil {
			return c, err
		}
		c.docs, readable = append(c.docs, doc), doc.Status == statusOK
	}
	if len(e.created) > 0 {
		body, err := a.blocks.read(e.created)
		if err != nil {
			return c, rest.Malformed(opList, err)
		}
		c.docs = append(c.docs, schemas.Document{Kind: kindCreated, ConversationID: e.id, Status: statusOK, ObservedAt: s.at, Body: body})
	}
	if l != laneREST {
		c.docs = append(c.docs, transcript)
	}
	found, err := gatherSources(c.docs)
	if err != nil {
		return c, rest.Malformed(opList, err)
	}
	c.seen(found.updatedAt())
	if c.at = found.statedCreation(); c.at == nil && l == laneTranscript {
		return c, nil // it was created in another window
	}
	if c.at == nil {
		if found, err = a.dateByMessages(ctx, &c, readable, &transcript); err != nil {
			return c, err
		}
	}
	c.user = found.contactID()
	switch l {
	case laneBoth:
		c.hint = found.hint()
	case laneREST: // the transcript is not kept as a document, but shows which messages exist
		listed, err := gatherSources([]schemas.Document{transcript})
		if err != nil {
			return c, rest.Malformed(opList, err)
		}
		c.hint = listed.hint()
	}
	return c, nil
}

// dateByMessages finds the time of creation of a conversation if neither the conversation nor a report states it. It keeps the
// documents that it reads, so that the rows get the same time. transcript is nil if no report was ordered.
func (a *account) dateByMessages(ctx context.Context, c *candidate, readable bool, transcript *schemas.Document) (*sources, error) {
	if readable {
		pages, err := a.messages(ctx, c.id, kindListed)
		if err != nil {
			return nil, err
		}
		c.docs = append(c.docs, pages...)
	}
	if a.lane == laneREST && transcript != nil {
		c.docs = append(c.docs, *transcript)
	}
	found, err := gatherSources(c.docs)
	if err != nil {
		return nil, rest.Malformed(opList, err)
	}
	c.at = found.createdAt()
	return found, nil
}

// rowDocument returns an entry's rows of the transcript, which may be none, and the range that was ordered.
func (a *account) rowDocument(s *segment, e *segmentEntry, covered schemas.Window) (schemas.Document, error) {
	rows, err := a.blocks.read(e.rows)
	if err != nil {
		return schemas.Document{}, rest.Malformed(opList, err)
	}
	return schemas.Document{Kind: kindTranscript, ConversationID: e.id, Status: statusOK, ObservedAt: s.at, Body: transcriptBody(covered, rows)}, nil
}

// conversation requests a conversation's own body. If the API does not know the conversation, the document contains the status.
func (a *account) conversation(ctx context.Context, id string) (schemas.Document, error) {
	op := "conversation " + id
	// GET /conversations/{id} answers id and status; on newer accounts also times and assignees; no messages.
	answer, err := a.get(ctx, op, "/conversations/"+url.PathEscape(id), nil)
	if err != nil && !isUnknown(err) {
		return schemas.Document{}, err
	}
	if err == nil {
		if _, err := wire.ParseObject(answer.Body); err != nil {
			return schemas.Document{}, rest.Malformed(op, err)
		}
	}
	return rest.Document(kindConversation, id, answer), nil
}

const (
	statusOK  = 200
	userBatch = 100
)

// contacts fetches the contacts of candidates, a hundred at a time, and adds them as documents. A user who is missing from the
// answer has been deleted.
func (a *account) contacts(ctx context.Context, all []candidate) error {
	var ids []string
	for _, c := range all {
		if c.user != "" && !hasUser(c.docs) {
			ids = append(ids, c.user)
		}
	}
	slices.Sort(ids)
	users := map[string]schemas.Document{}
	for batch := range slices.Chunk(slices.Compact(ids), userBatch) {
		if err := a.fetchUsers(ctx, batch, users); err != nil {
			return err
		}
	}
	for i := range all {
		if doc, ok := users[all[i].user]; ok && !hasUser(all[i].docs) {
			doc.ConversationID = all[i].id
			all[i].docs = append(all[i].docs, doc)
		}
	}
	return nil
}

func hasUser(docs []schemas.Document) bool {
	return slices.ContainsFunc(docs, func(d schemas.Document) bool { return d.Kind == kindUser })
}

func (a *account) fetchUsers(ctx context.Context, ids []string, to map[string]schemas.Document) error {
	const op = "fetch users"
	if a.noBatch.Load() {
		return a.fetchEach(ctx, ids, to)
	}
	// POST /users/fetch with up to 100 ids answers {"users": [...]} or a bare array (seen in a dashboard's code).
	answer, err := a.do(ctx, rest.Request{
		Op: op, Method: "POST", Path: root + "/users/fetch", JSON: map[string][]string{"ids": ids}, Repeatable: true,
	})
	if rest.Gone(err) || rest.StatusOf(err) == 405 {
		a.noBatch.Store(true)
		return a.fetchEach(ctx, ids, to)
	}
	if err != nil {
		return err
	}
	rows, err := listRows(answer.Body, "users")
	if err != nil {
		return rest.Malformed(op, err)
	}
	for _, id := range ids {
		to[id] = schemas.Document{Kind: kindUser, Status: 404, ObservedAt: answer.ObservedAt}
	}
	for _, row := range rows {
		if id := wire.Word(wire.Field(row, "id")); id != "" {
			to[id] = schemas.Document{Kind: kindUser, Status: statusOK, ObservedAt: answer.ObservedAt, Body: bytes.Clone(row)}
		}
	}
	return nil
}

func (a *account) fetchEach(ctx context.Context, ids []string, to map[string]schemas.Document) error {
	docs := make([]schemas.Document, len(ids))
	err := a.inParallel(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		docs[i], err = a.user(ctx, kindUser, ids[i])
		return err
	})
	for i, id := range ids {
		to[id] = docs[i]
	}
	return err
}

// user requests one user. The API returns a system user only if the query asks for one (seen in the vendor's own client).
func (a *account) user(ctx context.Context, kind, id string) (schemas.Document, error) {
	var query url.Values
	if kind == kindSystemUser {
		query = url.Values{"system_user": {"true"}}
	}
	answer, err := a.get(ctx, "user "+id, "/users/"+url.PathEscape(id), query)
	if err != nil && !isUnknown(err) {
		return schemas.Document{}, err
	}
	return rest.Document(kind, "", answer), nil
}

// inParallel calls do for 0 to n-1, several at the same time. The first error cancels the others.
func (a *account) inParallel(ctx context.Context, n int, do func(context.Context, int) error) error {
	outer := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	var panicked atomic.Pointer[any]
	free := make(chan struct{}, a.concurrency)
	for i := range n {
		if free <- struct{}{}; ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-free }()
			defer func() {
				if p := recover(); p != nil {
					panicked.Store(&p)
					cancel(errors.New("panic"))
				}
			}()
			if err := do(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	if p := panicked.Load(); p != nil {
		panic(*p) // in the caller's goroutine it ends the activity's attempt, not the process
	}
	if err := ctxError(outer, opList); err != nil {
		return err
	}
	return context.Cause(ctx)
}

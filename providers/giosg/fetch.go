package giosg

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

const statusOK = 200

// errStop ends a walk whose consumer has stopped.
var errStop = errors.New("the consumer has stopped")

// collect reads a collection page by page until there is no next page, and calls keep with each response and its rows. If the
// first page is refused, it returns that response together with the error.
func (a *account) collect(ctx context.Context, op, path string, keep func(rest.Response, []value) error) (rest.Response, error) {
	own := a.own(path)
	link := ""
	contents := map[[sha256.Size]byte]bool{} // of pages: links may continue and repeat content
	for seen := map[string]bool{}; !seen[link]; {
		seen[link] = true
		ask := path
		if link != "" {
			ask = a.absolute(link)
		}
		answer, err := a.get(ctx, op, ask, nil)
		if link != "" && (rest.Gone(err) || rest.StatusOf(err) == http.StatusBadRequest) {
			err = &providers.Error{Kind: providers.Transient, Op: op, Status: answer.Status, Err: errExpired}
		}
		if err != nil {
			return answer, err
		}
		rows, next, err := envelope(answer.Body)
		if err == nil && next != "" {
			next, err = a.pin(cmp.Or(link, own), next)
		}
		if err != nil {
			return answer, rest.Malformed(op, err)
		}
		content := digest(rows)
		if len(rows) > 0 && contents[content] {
			break
		}
		contents[content] = true
		if err := keep(answer, rows); err != nil || next == "" {
			return answer, err
		}
		link = next
	}
	return rest.Response{}, rest.Malformed(op, errLoop)
}

func digest(rows []value) (sum [sha256.Size]byte) {
	content := sha256.New()
	for _, row := range rows {
		content.Write(row)
	}
	content.Sum(sum[:0])
	return sum
}

// document converts a response to a document. Of an unsuccessful response it keeps only the status.
func document(kind, id string, sequence int64, answer rest.Response) schemas.Document {
	doc := rest.Document(kind, id, answer)
	doc.Sequence = sequence
	return doc
}

// reader fetches the documents of one chat.
type reader struct {
	*account
	ref   providers.Ref
	path  string // of the chat
	yield func(schemas.Document, error) bool
}

func (a *account) each(refs []providers.Ref, yield func(schemas.Document, error) bool, read func(reader) error) {
	for _, ref := range refs {
		r := reader{account: a, ref: ref, path: a.root + "/owned_chats/" + url.PathEscape(ref.ID), yield: yield}
		if err := read(r); err != nil {
			if !errors.Is(err, errStop) {
				yield(schemas.Document{}, err)
			}
			return
		}
	}
}

// keep yields a document.
func (r reader) keep(doc schemas.Document) error {
	if !r.yield(doc, nil) {
		return errStop
	}
	return nil
}

// pages keeps all pages of a collection as documents, numbered from a sequence on. If the first page is refused and may accepts
// the error, it keeps the status, and ok is false.
func (r reader) pages(ctx context.Context, kind, path string, from int64, may func(error) bool, each func(value)) (ok bool, _ error) {
	n := from
	answer, err := r.collect(ctx, kind+" of chat "+r.ref.ID, path, func(answer rest.Response, rows []value) error {
		if each != nil {
			for _, v := range rows {
				each(v)
			}
		}
		n++
		return r.keep(document(kind, r.ref.ID, n-1, answer))
	})
	if err != nil && n == from && may(err) {
		return false, r.keep(document(kind, r.ref.ID, from, answer))
	}
	return err == nil, err
}

// Messages fetches all messages of refs, and the chat itself if no list has shown it. It does not rely on the order of
// messages, because the vendor's documentation and the responses differ.
func (a *account) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		a.each(refs, yield, func(r reader) error {
			found, err := r.messages(ctx)
			if err != nil || !found || !r.ref.Unlisted {
				return err
			}
			return r.chat(ctx)
		})
	}
}

// chat keeps the chat itself, unless it does not exist any more.
func (r reader) chat(ctx context.Context) error {
	chat, err := r.find(ctx, r.ref.ID)
	if err != nil || chat == nil {
		return err
	}
	return r.keep(chat.document())
}

// find requests one chat. It returns nil if the chat does not exist any more.
func (a *account) find(ctx context.Context, id string) (*row, error) {
	op := "chat " + id
	// Seen in the history of the vendor's demo-bot.
	answer, err := a.get(ctx, op, a.root+"/owned_chats/"+url.PathEscape(id), nil)
	switch {
	case rest.Gone(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	r, ok := rowOf(answer.Body, answer)
	if !ok || !strings.EqualFold(r.id, id) {
		return nil, rest.Malformed(op, wire.ErrShape)
	}
	return &r, nil
}

// Find requests each chat by its id. The answer is a row of the list. A chat that ended less than a minute ago has the version of that stage,
// so the next sync reads it once more, with the rows that appear after its end.
func (a *account) Find(ctx context.Context, ids []string) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for _, id := range ids {
			r, err := a.find(ctx, id)
			if err == nil && r == nil {
				continue
			}
			var page providers.Page
			if err == nil {
				page = providers.Page{Refs: []providers.Ref{r.ref()}, Documents: []schemas.Document{r.document()}, Unwitnessed: slices.Clone(unwitnessedDetails)}
			}
			if !yield(page, err) || err != nil {
				return
			}
		}
	}
}

// mostReads is how often the messages of a chat are read if there are fewer than the list counts. After that, the difference
// shows in the numbers of stated and stored messages.
const mostReads = 3

// messages keeps all messages of a chat. The list counts those of type msg. If there are fewer, or if the pages form a circle, it
// reads them again, and keeps the reading with the most messages. It returns false if the chat does not exist any more.
func (r reader) messages(ctx context.Context) (found bool, _ error) {
	var best []schemas.Document
	most := int64(-1)
	var circle error
	for range mostReads {
		var docs []schemas.Document
		n := int64(0)
		read := r
		read.yield = func(doc schemas.Document, _ error) bool { docs = append(docs, doc); return true }
		// The vendor's tutorial on fetching chat conversations.
		ok, err := read.pages(ctx, kindMessages, r.path+"/messages", 0, rest.Gone, func(v value) {
			if wire.Word(wire.Field(v, "type")) == typeMessage && r.owns(v) {
				n++
			}
		})
		if errors.Is(err, errLoop) {
			circle = err
			continue
		}
		if err != nil {
			return false, err
		}
		if n > most {
			best, most, found = docs, n, ok
		}
		if !ok || r.ref.Messages == nil || n >= *r.ref.Messages {
			break
		}
	}
	if most < 0 {
		return false, circle
	}
	for _, doc := range best {
		if err := r.keep(doc); err != nil {
			return false, err
		}
	}
	return found, nil
}

// owns reports whether a message belongs to the requested chat. A message without a chat id does.
func (r reader) owns(message value) bool {
	chat := wire.Word(wire.Field(message, "chat_id"))
	return chat == "" || strings.EqualFold(chat, r.ref.ID)
}

// Metadata fetches the members, which of the organization's users are bots, the tags, and for each visitor the variables and, if
// the option is set, the details. Only a refusal of the members is an error: a user may lack access to the rest, or a room may
// not have it.
func (a *account) Metadata(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		a.each(refs, yield, func(r reader) error { return r.metadata(ctx) })
	}
}

// pagesPerVisitor separates the sequence numbers of visitors' documents: the upper bits are the visitor's index in the chat, the
// lower bits the page.
const pagesPerVisitor = 1 << 16

func (r reader) metadata(ctx context.Context) error {
	var found visitors
	// Seen in the vendor's ext-chat-connectivity-example: whoever is a visitor is told by member_type.
	var users []string
	ok, err := r.pages(ctx, kindMemberships, r.path+"/memberships", 0, rest.Gone, func(v value) {
		member := fields(v)
		found.add(member)
		if id := wire.Word(member["member_id"]); id != "" && wire.Word(member["member_type"]) == userSender {
			users = append(users, id)
		}
	})
	if err != nil || !ok {
		return err
	}
	if bots, err := r.bots(ctx, users); err != nil {
		return err
	} else if bots != nil {
		if err := r.keep(*bots); err != nil {
			return err
		}
	}
	// The vendor's tutorial on fetching chat conversations has the tags and the variables.
	if _, err := r.pages(ctx, kindTags, r.path+"/tags", 0, survivable, nil); err != nil {
		return err
	}
	for i, v := range found {
		path := r.path + "/visitors/" + url.PathEscape(v.id) + "/variables"
		if _, err := r.pages(ctx, kindVariables, path, int64(i)*pagesPerVisitor, survivable, nil); err != nil {
			return err
		}
		if err := r.visitor(ctx, v, int64(i)); err != nil {
			return err
		}
	}
	return nil
}

// visitor keeps the details of a visitor in the room: device, browser, location.
func (r reader) visitor(ctx context.Context, v visitor, sequence int64) error {
	room := cmp.Or(v.room, r.ref.Hint)
	if !r.visitors || room == "" {
		return nil
	}
	op := "visitor of chat " + r.ref.ID
	// Room visitors, of the vendor's documentation.
	answer, err := r.get(ctx, op, r.root+"/rooms/"+url.PathEscape(room)+"/visitors/"+url.PathEscape(v.id), nil)
	if err == nil && fields(answer.Body) == nil {
		err = rest.Malformed(op, wire.ErrShape)
	}
	if err != nil && !survivable(err) {
		return err
	}
	return r.keep(document(kindVisitor, r.ref.ID, sequence, answer))
}

// visitor is a member of a chat who is a visitor.
type visitor struct{ id, room string }

// visitors are the visitors of a chat, each once, in the order sent.
type visitors []visitor

func (all *visitors) add(member object) {
	id := wire.Word(member["member_id"])
	if wire.Word(member["member_type"]) != "visitor" || id == "" {
		return
	}
	for _, v := range *all {
		if v.id == id {
			return
		}
	}
	*all = append(*all, visitor{id: id, room: wire.Word(member["room_id"])})
}

package liveperson

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// The kinds of documents of conversations.
const (
	kindRecord   = "record"            // a whole conversation, from the account's API
	kindMetadata = "consumer_metadata" // a row of the consumer's list
	kindContent  = "consumer_content"  // the messages, from the consumer's API
)

// Messages fetches everything about refs: a record each, or the messages if the account is a consumer.
func (a *account) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	if a.consumer {
		return a.contents(ctx, refs)
	}
	return func(yield func(schemas.Document, error) bool) {
		for batch := range slices.Chunk(refs, batchSize) {
			docs, err := a.records(ctx, batch)
			if err != nil {
				yield(schemas.Document{}, err)
				return
			}
			for _, ref := range batch {
				if !yield(docs[ref.ID], nil) {
					return
				}
			}
		}
	}
}

// Metadata fetches nothing: Messages returns everything.
func (a *account) Metadata(ctx context.Context, _ []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		if ctx.Err() != nil {
			yield(schemas.Document{}, &providers.Error{Kind: providers.Transient, Op: "metadata", Err: context.Cause(ctx)})
		}
	}
}

// records fetches records by id. It asks again for records that a response omits, in the end one by one; records that are still
// missing are gone. It also fetches records that the platform has truncated one by one.
func (a *account) records(ctx context.Context, refs []providers.Ref) (map[string]schemas.Document, error) {
	docs := map[string]schemas.Document{}
	var cut []string
	keep := func(found map[string]record) {
		for id, r := range found {
			docs[id] = r.doc
			if r.partial {
				cut = append(cut, id)
			}
		}
	}
	left, asked := idsOf(refs), 0
	for len(left) > 0 {
		found, answer, err := a.byID(ctx, left, a.content)
		asked++
		if err != nil {
			return nil, err
		}
		keep(found)
		alone := len(left) == 1
		left = slices.DeleteFunc(left, func(id string) bool { _, ok := found[id]; return ok })
		if len(found) > 0 {
			continue
		}
		if alone && asked == 1 {
			continue // one response does not prove that it is gone
		}
		if alone {
			docs[left[0]] = schemas.Document{Kind: kindRecord, ConversationID: left[0], Status: http.StatusNotFound, ObservedAt: answer.ObservedAt}
			break
		}
		for _, id := range left {
			found, answer, err := a.byID(ctx, []string{id}, a.content)
			if err != nil {
				return nil, err
			}
			docs[id] = schemas.Document{Kind: kindRecord, ConversationID: id, Status: http.StatusNotFound, ObservedAt: answer.ObservedAt}
			keep(found)
		}
		break
	}
	slices.Sort(cut)
	for _, id := range cut {
		if len(refs) == 1 {
			break // it was fetched alone
		}
		found, _, err := a.byID(ctx, []string{id}, a.content)
		if err != nil {
			return nil, err
		}
		if r, ok := found[id]; ok {
			docs[id] = r.doc
		}
	}
	return docs, nil
}

func idsOf(refs []providers.Ref) []string {
	var ids []string
	for _, ref := range refs {
		if !slices.Contains(ids, ref.ID) {
			ids = append(ids, ref.ID)
		}
	}
	return ids
}

// record is a record as sent.
type record struct {
	doc     schemas.Document
	partial bool
}

// byID fetches the records that exist, with some kinds of content. If a response is too large, it fetches each half. "Get conversation by conversation ID",
// Messaging Interactions API.
func (a *account) byID(ctx context.Context, ids, content []string) (map[string]record, rest.Response, error) {
	op := "fetch " + strconv.Itoa(len(ids)) + " conversations"
	if len(ids) == 1 {
		op = "fetch conversation " + ids[0]
	}
	found := map[string]record{}
	answer, err := a.ask(ctx, serviceHistory, rest.Request{
		Op: op, Method: http.MethodPost, Path: a.path("conversation/search"), Repeatable: true,
		Query: url.Values{"v": {a.sdeVersion}, "source": {a.source}},
		JSON:  map[string][]string{"conversationIds": ids, "contentToRetrieve": content},
	})
	switch {
	case errors.Is(err, rest.ErrTooLarge) && len(ids) > 1:
		return a.halves(ctx, ids, content)
	case rest.Gone(err) || err == nil && answer.Status == http.StatusNoContent:
		return found, answer, nil
	case err != nil:
		return nil, answer, err
	}
	e, err := readEnvelope(answer.Body)
	if err != nil {
		return nil, answer, rest.Malformed(op, err)
	}
	if e.partial {
		return nil, answer, &providers.Error{Kind: providers.Transient, Op: op, Status: answer.Status, Err: errPartial}
	}
	for _, raw := range e.records {
		id, partial, err := headOf(raw)
		if err != nil {
			return nil, answer, rest.Malformed(op, err)
		}
		if !slices.Contains(ids, id) {
			continue
		}
		found[id] = record{
			doc:     schemas.Document{Kind: kindRecord, ConversationID: id, Status: http.StatusOK, ObservedAt: answer.ObservedAt, Body: raw},
			partial: partial,
		}
	}
	return found, answer, nil
}

// headOf reads the fields of a record that a fetch needs.
func headOf(raw []byte) (id string, partial bool, err error) {
	if len(raw) == 0 || raw[0] != '{' {
		return "", false, wire.ErrShape
	}
	sent := wire.Fields(wire.Field(raw, "info"))
	info := object{}
	for _, name := range []string{"conversationId", "isPartial"} {
		info[name], _ = decode(sent[name])
	}
	if id = info.word("conversationId"); id == "" {
		return "", false, errRow
	}
	return id, info.truth("isPartial"), nil
}

func (a *account) halves(ctx context.Context, ids, content []string) (map[string]record, rest.Response, error) {
	found, answer, err := a.byID(ctx, ids[:len(ids)/2], content)
	if err != nil {
		return nil, answer, err
	}
	more, answer, err := a.byID(ctx, ids[len(ids)/2:], content)
	for id, r := range more {
		found[id] = r
	}
	return found, answer, err
}

// contents fetches the messages of a consumer's conversations, one conversation at a time. "Conversations content", Consumer
// Messaging History API: it has no pages.
func (a *account) contents(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			op := "messages of conversation " + ref.ID
			answer, err := a.ask(ctx, serviceHistory, rest.Request{
				Op: op, Path: a.path("conversation/content/search"),
				Query: url.Values{"conversationId": {ref.ID}, "source": {a.source}},
			})
			doc := schemas.Document{Kind: kindContent, ConversationID: ref.ID, Status: int64(answer.Status), ObservedAt: answer.ObservedAt}
			if err == nil && answer.Status == http.StatusOK {
				doc.Body = answer.Body
				if o, bad := decodeObject(answer.Body); bad != nil || !o.has("messageEventRecords") {
					err = rest.Malformed(op, wire.ErrShape)
				}
			}
			if err != nil && !rest.Gone(err) {
				yield(schemas.Document{}, err)
				return
			}
			if !yield(doc, nil) {
				return
			}
		}
	}
}

func (o object) has(name string) bool {
	_, ok := o[name]
	return ok
}

// Package kiosk reads Kiosk, a platform that does not exist. It is the smallest provider that keeps the whole contract, and the example
// in docs/adding-a-provider.md.
//
// It must not know Parquet, Temporal, other providers or the environment.
package kiosk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Definition is the provider for the registry.
var Definition = providers.Definition{
	Name: "kiosk", Open: open, Mapper: openMapper, Check: check, Normal: normal,
	RequestsPerSecond: 5, Prices: prices,
}

// prices returns what an account takes: a conversation its messages.
func prices(map[string]string) providers.Prices {
	one := providers.Costs{MessageRequests: 1}
	return providers.Prices{Costs: one, Changed: one, Window: providers.Constant(1), Relist: providers.Constant(1)}
}

type options struct{ notes bool }

const optionNotes = "notes"

func readOptions(given map[string]string) (options, error) {
	o := options{notes: true}
	for key, text := range given {
		value, err := strconv.ParseBool(text)
		switch {
		case key != optionNotes:
			return o, providers.UnknownOption(key, optionNotes)
		case err != nil:
			return o, providers.Option(key, "must be true or false")
		}
		o.notes = value
	}
	return o, nil
}

func (o options) texts() map[string]string {
	return map[string]string{optionNotes: strconv.FormatBool(o.notes)}
}

func check(a providers.Account) error {
	if _, ok := providers.ParseAddress(a.BaseURL); !ok {
		return &providers.Setting{Key: "base_url", Reason: "must be an absolute http or https address, for example https://kiosk.example.com"}
	}
	_, err := readOptions(a.Options)
	return err
}

func normal(a providers.Account) (providers.Account, map[string]string) {
	return providers.Normal(a, readOptions, options.texts, nil)
}

type account struct {
	http *rest.Client
	options
}

func open(a providers.Account) (providers.Reader, error) {
	if err := check(a); err != nil {
		return nil, err
	}
	o, err := readOptions(a.Options)
	if err != nil {
		return nil, err
	}
	client, err := rest.New(rest.Config{
		BaseURL: a.BaseURL, UserAgent: "chatlake", Rate: a.Rate, Watch: a.Watch,
		Sign: func(r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+a.Token)
			return nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open account: %w", err)
	}
	return &account{http: client, options: o}, nil
}

var errToken = errors.New("the token is not valid; make a new one in Settings, API")

// get requests a path. Any status other than 200 is an error.
func (a *account) get(ctx context.Context, op, path string, query url.Values) (rest.Response, error) {
	answer, err := a.http.Get(ctx, op, path, query)
	if err != nil || answer.Status == http.StatusOK {
		return answer, err
	}
	e := rest.Refusal(op, answer)
	if e.Kind == providers.Denied {
		e.Err = errToken
	}
	return answer, e
}

const (
	kindConversation = "conversation"
	kindMessages     = "messages"
	opList           = "list conversations"
)

// Conversations continues after the last conversation of a page, by time and id, so deletions do not move pages.
func (a *account) Conversations(ctx context.Context, w schemas.Window, at providers.Cursor) iter.Seq2[providers.Page, error] {
	return func(yield func(providers.Page, error) bool) {
		for {
			page, _, err := a.list(ctx, w, at)
			if !yield(page, err) || err != nil || page.Next == "" {
				return
			}
			at = page.Next
		}
	}
}

// Count returns the total, which every page of the list contains.
func (a *account) Count(ctx context.Context, w schemas.Window) (int64, error) {
	_, total, err := a.list(ctx, w, "")
	return total, err
}

// list requests GET /conversations, an invented endpoint.
func (a *account) list(ctx context.Context, w schemas.Window, at providers.Cursor) (page providers.Page, total int64, err error) {
	if after, err := strconv.ParseUint(string(at), 10, 63); at != "" && (err != nil || strconv.FormatUint(after, 10) != string(at)) {
		return page, 0, rest.Malformed(opList, providers.ErrCursor)
	}
	answer, err := a.get(ctx, opList, "/conversations", url.Values{
		"from": {w.From.Format(time.RFC3339)}, "to": {w.To.Format(time.RFC3339)}, "after": {string(at)},
	})
	if err != nil {
		return page, 0, err
	}
	body := wire.Fields(answer.Body)
	stated := wire.Integer(wire.Word(body["total"]))
	if stated == nil {
		return page, 0, rest.Malformed(opList, wire.ErrShape)
	}
	for _, raw := range wire.Items(body["conversations"]) {
		id, createdAt := wire.Word(wire.Field(raw, "id")), instant(wire.Field(raw, "created_at"))
		if id == "" || createdAt == nil {
			return page, 0, rest.Malformed(opList, wire.ErrShape)
		}
		page.Refs = append(page.Refs, providers.Ref{ID: id, CreatedAt: *createdAt, Messages: wire.Integer(wire.Word(wire.Field(raw, "messages")))})
		page.Documents = append(page.Documents, schemas.Document{
			Kind: kindConversation, ConversationID: id, Status: http.StatusOK, ObservedAt: answer.ObservedAt, Body: raw,
		})
	}
	page.Next = providers.Cursor(wire.Word(body["next"]))
	return page, *stated, nil
}

// Messages sends one request for each conversation.
func (a *account) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, ref := range refs {
			op := "messages of conversation " + ref.ID
			answer, err := a.get(ctx, op, "/conversations/"+url.PathEscape(ref.ID)+"/messages", url.Values{optionNotes: {strconv.FormatBool(a.notes)}})
			if rest.Gone(err) {
				err = nil // the document has the status and becomes a tombstone
			} else if err == nil && wire.IsNull(wire.Fields(answer.Body)["messages"]) {
				err = rest.Malformed(op, wire.ErrShape)
			}
			if !yield(rest.Document(kindMessages, ref.ID, answer), err) || err != nil {
				return
			}
		}
	}
}

// Metadata fetches nothing.
func (a *account) Metadata(ctx context.Context, _ []providers.Ref) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		if ctx.Err() != nil {
			yield(schemas.Document{}, &providers.Error{Kind: providers.Transient, Op: "metadata", Err: context.Cause(ctx)})
		}
	}
}

func instant(v wire.Value) *time.Time { return wire.Time(wire.Word(v), []string{time.RFC3339Nano}) }

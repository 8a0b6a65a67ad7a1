package freshchat

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Why access is refused, in our words: the server's own are never passed on.
var (
	errToken     = errors.New("the API token is refused; an account has one token at a time, and making a new one ends the old one at once: check it (Admin, Configure, API Tokens)")
	errForbidden = errors.New("the token may not do this; it needs all scopes for reading, and the account a plan with the chat API (a new token has to be made for new scopes)")
	errNoAccount = error(&providers.Setting{Key: "base_url", Reason: "there is no Freshchat API at this address; use the account's own chat address, for example https://acme.freshchat.com/v2"})
	errPortal    = error(&providers.Setting{Key: "base_url", Reason: "the address answers with a web page: it is that of a portal; use the account's own chat address, for example https://acme.freshchat.com/v2"})
)

// get asks below the root of the API and gives back answers of status 200 only.
func (a *account) get(ctx context.Context, op, path string, query url.Values) (rest.Response, error) {
	return a.do(ctx, rest.Request{Op: op, Path: root + path, Query: query})
}

func (a *account) do(ctx context.Context, r rest.Request) (rest.Response, error) {
	answer, err := a.http.Do(ctx, r)
	if err != nil {
		return answer, portal(err)
	}
	return answer, refusal(r.Op, answer)
}

// portal says what a web page in place of JSON means here: the wrong one of the account's addresses answers 200 with a
// page on the API's paths (seen in PostHog's source for Freshchat).
func portal(err error) error {
	var e *providers.Error
	if errors.Is(err, rest.ErrHTML) && errors.As(err, &e) {
		return &providers.Error{Kind: e.Kind, Op: e.Op, Status: e.Status, After: e.After, Err: errors.Join(errPortal, rest.ErrHTML)}
	}
	return err
}

// refusal is the error that an answer's status stands for, nil for a success.
func refusal(op string, answer rest.Response) error {
	if answer.Status >= 200 && answer.Status < 300 {
		return nil
	}
	e := rest.Refusal(op, answer)
	switch answer.Status {
	case http.StatusUnauthorized:
		e.Err = errToken
	case http.StatusForbidden, http.StatusPaymentRequired:
		e.Kind, e.Err = providers.Denied, errForbidden
	}
	return e
}

// unknown says that the API said that it does not know a thing: 404, or 400 as it answers to ids of other forms than it
// expects (ids come as UUIDs, as numbers, and with suffixes; seen in a bridge's code, which skips both).
func unknown(err error) bool { return rest.Gone(err) || rest.StatusOf(err) == http.StatusBadRequest }

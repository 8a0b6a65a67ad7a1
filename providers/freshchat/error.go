package freshchat

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Reasons for a refusal.
var (
	errToken     = errors.New("the API token is not valid; check it (Admin, Configure, API Tokens): an account has only one, and a new token replaces the old one at once")
	errForbidden = errors.New("the token lacks a permission; it needs all read scopes (new scopes need a new token), and the account needs a plan with the chat API")
	errNoAccount = error(&providers.Setting{Key: "base_url", Reason: "there is no Freshchat API at this address; use the account's own chat address, for example https://acme.freshchat.com/v2"})
	errPortal    = error(&providers.Setting{Key: "base_url", Reason: "the address belongs to a portal and answers with a web page; use the account's own chat address, for example https://acme.freshchat.com/v2"})
)

// get requests a path below the root of the API. Any status other than a success is an error.
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

// portal explains a web page in place of JSON. An account has several addresses, and the wrong one answers 200 with a web page on
// the API's paths (seen in PostHog's source for Freshchat).
func portal(err error) error {
	var e *providers.Error
	if errors.Is(err, rest.ErrHTML) && errors.As(err, &e) {
		return &providers.Error{Kind: e.Kind, Op: e.Op, Status: e.Status, After: e.After, Err: errors.Join(errPortal, rest.ErrHTML)}
	}
	return err
}

// refusal returns the error for an answer's status, nil for a success.
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

// isUnknown reports whether the API answered that it does not know an object: 404 or 410, or 400 if the id is not in the form that
// it expects (ids are UUIDs, numbers, or have suffixes; seen in a bridge's code, which skips both).
func isUnknown(err error) bool { return rest.Gone(err) || rest.StatusOf(err) == http.StatusBadRequest }

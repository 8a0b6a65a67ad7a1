package chatwoot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Reasons for a refusal.
var (
	errToken     = errors.New("the server does not know the access token; check it (profile settings, access token)")
	errNoToken   = errors.New("the access token did not reach the server; a proxy may drop headers with underscores (nginx: underscores_in_headers on)")
	errPolicy    = errors.New("the token's user lacks the permission; use an administrator's token")
	errNotMember = error(&providers.Setting{Key: "account_id", Reason: "the token's user does not belong to the account; check both"})
	errSuspended = errors.New("the account is suspended")
	errBot       = errors.New("the token belongs to a bot, and bots cannot read conversations; use an administrator's token")
	errRefused   = errors.New("access is refused")
	errPlan      = errors.New("the account's plan does not include this")
	errAccount   = error(&providers.Setting{Key: "account_id", Reason: "the server has no such account, or is not a Chatwoot; check base_url too"})
)

// get requests a path below the account's root. Any status other than 200 is an error.
func (a *account) get(ctx context.Context, op, path string, query url.Values) (rest.Response, error) {
	answer, err := a.http.Get(ctx, op, a.root+path, query)
	if err != nil {
		return answer, err
	}
	return answer, refusal(op, answer)
}

// refusal returns the error for an answer's status, nil for 200.
func refusal(op string, answer rest.Response) error {
	if answer.Status == http.StatusOK {
		return nil
	}
	e := rest.Refusal(op, answer)
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Err = reason(answer.Body)
	case http.StatusPaymentRequired:
		e.Kind, e.Err = providers.Denied, errPlan
	}
	return e
}

// reason finds out from the text of a 401 or 403 why access is refused.
func reason(body []byte) error {
	var said struct{ Error, Errors, Message json.RawMessage }
	if json.Unmarshal(body, &said) != nil {
		return errRefused
	}
	return cmp.Or(rest.FindReason(slices.Concat(said.Error, said.Errors, said.Message), []rest.Reason{
		{Words: "invalid access token", Err: errToken},
		{Words: "sign in", Err: errNoToken},
		{Words: "authorized to do this", Err: errPolicy},
		{Words: "suspended", Err: errSuspended},
		{Words: "bot", Err: errBot},
		{Words: "access this account", Err: errNotMember},
	}), errRefused)
}

// isPartial reports whether an error concerns one part of an account that is missing or forbidden, so that the other parts may
// still be readable. A token that has stopped working is not such an error.
func isPartial(err error) bool {
	switch rest.StatusOf(err) {
	case http.StatusNotFound, http.StatusGone, http.StatusPaymentRequired:
		return true
	}
	return errors.Is(err, errPolicy) || errors.Is(err, errRefused)
}

package chatwoot

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/providers"
)

// Why access is refused, in our words: the server's own are never passed on.
var (
	errToken     = errors.New("the access token is not known to the server; check the token (profile settings, access token)")
	errNoToken   = errors.New("no access token arrived; a proxy in front of the server may drop headers with underscores (nginx: underscores_in_headers on)")
	errPolicy    = errors.New("the token's user may not do this; use the token of an administrator")
	errStranger  = error(&providers.Setting{Key: "account_id", Reason: "the token's user does not belong to the account; check both"})
	errSuspended = errors.New("the account is suspended")
	errBot       = errors.New("this is the token of a bot, which may not read conversations; use the token of an administrator")
	errRefused   = errors.New("access is refused")
	errPaid      = errors.New("the account's plan does not include this")
	errAccount   = error(&providers.Setting{Key: "account_id", Reason: "the server has no such account, or is not a Chatwoot; check base_url too"})
)

// get asks below the account's root and gives back answers of status 200 only.
func (a *account) get(ctx context.Context, op, path string, query url.Values) (rest.Response, error) {
	answer, err := a.http.Get(ctx, op, a.root+path, query)
	if err != nil {
		return answer, err
	}
	return answer, refusal(op, answer)
}

// refusal is the error that an answer's status stands for, nil for 200.
func refusal(op string, answer rest.Response) error {
	if answer.Status == http.StatusOK {
		return nil
	}
	e := rest.Refusal(op, answer)
	switch answer.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Err = reason(answer.Body)
	case http.StatusPaymentRequired:
		e.Kind, e.Err = providers.Denied, errPaid
	}
	return e
}

// reason tells the members of the 401 family apart by words of their texts.
func reason(body []byte) error {
	var said struct{ Error, Errors, Message json.RawMessage }
	if json.Unmarshal(body, &said) != nil {
		return errRefused
	}
	text := strings.ToLower(string(said.Error) + string(said.Errors) + string(said.Message))
	for _, known := range []struct {
		words string
		is    error
	}{
		{"invalid access token", errToken},
		{"sign in", errNoToken},
		{"authorized to do this", errPolicy},
		{"suspended", errSuspended},
		{"bot", errBot},
		{"access this account", errStranger},
	} {
		if strings.Contains(text, known.words) {
			return known.is
		}
	}
	return errRefused
}

// survivable says that a part of an account is missing or closed, and the rest need not be. A token that stopped working
// is not.
func survivable(err error) bool {
	switch rest.StatusOf(err) {
	case http.StatusNotFound, http.StatusGone, http.StatusPaymentRequired:
		return true
	}
	return errors.Is(err, errPolicy) || errors.Is(err, errRefused)
}

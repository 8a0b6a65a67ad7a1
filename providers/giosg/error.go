package giosg

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// Why something cannot be had, in our words: the server's own are never passed on.
var (
	errToken     = errors.New("the token is not accepted; it dies with the user who made it. Make a new one in Settings, Company, Access tokens, and check options.auth")
	errRefused   = errors.New("the token's user may not do this; give the user the permission, or use the token of a user who has it")
	errNoOrg     = error(&providers.Setting{Key: "account_id", Reason: "the server has no such organization, or the token's user has no part in it"})
	errNoRoom    = error(&providers.Setting{Key: "options.rooms", Reason: "the organization has no such room, or the token's user has no part in it"})
	errExpired   = errors.New("the place in the list is no longer known to the server")
	errElsewhere = errors.New("the link to the next page leads to another host and is not followed")
	errLink      = errors.New("the link to the next page cannot be read")
	errLoop      = errors.New("the pages of the list go round in a circle")
)

// get asks for a path, or for a link that has been pinned, and gives back answers of status 200 only.
func (a *account) get(ctx context.Context, op, path string, query url.Values) (rest.Response, error) {
	answer, err := a.http.Get(ctx, op, path, query)
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
	switch {
	case answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden && invalidToken(answer.Body):
		e.Err = errToken // Django answers 403 where it has no challenge to offer
	case answer.Status == http.StatusForbidden:
		e.Err = errRefused
	}
	return e
}

func invalidToken(body []byte) bool {
	detail := strings.ToLower(wire.Word(fields(body)["detail"]))
	return strings.Contains(detail, "token") || strings.Contains(detail, "credentials")
}

// survivable says that a part of a chat is missing or closed, and the rest need not be.
func survivable(err error) bool { return rest.Gone(err) || errors.Is(err, errRefused) }

// pin reads a link to a next page against the address it came from, and gives back its path and query. Links are absolute;
// the token goes to the host of the base URL only, and by its scheme.
func (a *account) pin(from, link string) (string, error) {
	at, err := url.Parse(from)
	if err != nil {
		return "", errLink
	}
	u, err := url.Parse(link)
	if err != nil || u.Opaque != "" {
		return "", errLink
	}
	if u.Host != "" && !strings.EqualFold(hostOf(u), hostOf(a.base)) || u.User != nil {
		return "", errElsewhere
	}
	if u.Host == "" {
		u = at.ResolveReference(u)
	}
	if !strings.HasPrefix(u.Path, "/") {
		return "", errLink
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String(), nil
}

// hostOf is a host without the port that its scheme implies.
func hostOf(u *url.URL) string {
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		return u.Hostname()
	}
	return u.Host
}

// absolute is a pinned link as it is asked for.
func (a *account) absolute(link string) string { return a.base.Scheme + "://" + a.base.Host + link }

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

// Reasons for refusals, in our words. The server's own texts are never passed on.
var (
	errToken     = errors.New("the platform does not accept the token; it is deleted together with the user who created it. Create a new one in Settings, Company, Access tokens, and check options.auth")
	errRefused   = errors.New("the token's user lacks a permission; give it to the user, or use the token of a user who has it")
	errNoOrg     = error(&providers.Setting{Key: "account_id", Reason: "the server has no such organization, or the token's user is not a member of it"})
	errNoRoom    = error(&providers.Setting{Key: "options.rooms", Reason: "the organization has no such room, or the token's user is not a member of it"})
	errExpired   = errors.New("the server no longer knows this position in the list")
	errElsewhere = errors.New("the link to the next page leads to another host and is not followed")
	errLink      = errors.New("the link to the next page cannot be read")
	errLoop      = errors.New("the pages of the list form a circle")
)

// get requests a path or a pinned link, and returns only responses with status 200.
func (a *account) get(ctx context.Context, op, path string, query url.Values) (rest.Response, error) {
	answer, err := a.http.Get(ctx, op, path, query)
	if err != nil {
		return answer, err
	}
	return answer, refusal(op, answer)
}

// refusal returns the error for a response's status, or nil for 200.
func refusal(op string, answer rest.Response) error {
	if answer.Status == http.StatusOK {
		return nil
	}
	e := rest.Refusal(op, answer)
	switch {
	case answer.Status == http.StatusUnauthorized, answer.Status == http.StatusForbidden && invalidToken(answer.Body):
		e.Err = errToken // Django answers 403 if it has no authentication challenge
	case answer.Status == http.StatusForbidden:
		e.Err = errRefused
	}
	return e
}

func invalidToken(body []byte) bool {
	detail := strings.ToLower(wire.Word(fields(body)["detail"]))
	return strings.Contains(detail, "token") || strings.Contains(detail, "credentials")
}

// survivable reports whether an error means only that a part of a chat is missing or not accessible.
func survivable(err error) bool { return rest.Gone(err) || errors.Is(err, errRefused) }

// pin resolves a link to a next page against the address of its page, and returns its path and query. Links are absolute, but the
// token is sent only to the host and with the scheme of the base URL.
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

// hostOf returns a host without the default port of its scheme.
func hostOf(u *url.URL) string {
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" {
		return u.Hostname()
	}
	return u.Host
}

// absolute returns the address of a pinned link.
func (a *account) absolute(link string) string { return a.base.Scheme + "://" + a.base.Host + link }

package chatwoot

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// Probe checks that the token has access to the account and that its user can see all conversations. Administrators can. Other
// users see those of their own inboxes, and a list does not show that something is missing.
func (a *account) Probe(ctx context.Context) (providers.Probe, error) {
	role, err := a.role(ctx)
	if err != nil {
		return providers.Probe{}, err
	}
	if _, err := a.page(ctx, 1); rest.StatusOf(err) == http.StatusNotFound {
		return providers.Probe{}, noAccount(err)
	} else if err != nil {
		return providers.Probe{}, err
	}
	// Seen in the vendor's code: only administrators may read this list.
	const op = "check for an administrator"
	_, err = a.get(ctx, op, "/"+kindSurveys, url.Values{"page": {"1"}})
	switch {
	case err != nil && !isPartial(err):
		return providers.Probe{}, err
	case role == "administrator" || role == "" && err == nil:
		return providers.Probe{Visibility: providers.VisibilityFull}, nil
	case role != "" || errors.Is(err, errPolicy):
		return providers.Probe{Visibility: providers.VisibilityPartial, Advice: "The token's user is not an administrator and sees only the conversations of its own inboxes; use an administrator's token."}, nil
	}
	return providers.Probe{Visibility: providers.VisibilityUnknown, Advice: "The server does not show whether the token's user is an administrator; make sure that it is one."}, nil
}

// role returns the role of the token's user in the account, or "" if the server does not show it.
func (a *account) role(ctx context.Context) (string, error) {
	const op = "check the token"
	// "Fetch user profile" in the vendor's OpenAPI description; some forks do not have it.
	answer, err := a.http.Get(ctx, op, "/api/v1/profile", nil)
	if err != nil {
		return "", err
	}
	if answer.Status == http.StatusUnauthorized {
		return "", refusal(op, answer)
	}
	if answer.Status != http.StatusOK {
		return "", nil
	}
	for _, v := range wire.Items(wire.Fields(answer.Body)["accounts"]) {
		if o := wire.Fields(v); wire.Word(o["id"]) == a.id {
			return wire.Word(o["role"]), nil
		}
	}
	return "", nil
}

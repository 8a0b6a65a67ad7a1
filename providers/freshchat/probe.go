package freshchat

import (
	"context"
	"errors"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

const adviceReports = "Conversations of erased users are not found by listing users; remove the option enumeration if the account's plan has reports."

// Probe checks that the token has access to the account. A token can read all users and conversations of its account, but the
// enumeration users finds no conversations of erased users. Only an order
// shows whether it may order reports, and the quota is too small to spend an order here.
func (a *account) Probe(ctx context.Context) (providers.Probe, error) {
	const op = "check the token"
	// GET /accounts/configuration answers the account's ids, bundle and plan.
	answer, err := a.get(ctx, op, "/accounts/configuration", nil)
	switch {
	case rest.Gone(err):
		return providers.Probe{}, &providers.Error{Kind: providers.Denied, Op: op, Status: answer.Status, Err: errNoAccount}
	case err != nil:
		return providers.Probe{}, err
	}
	o, err := wire.ParseObject(answer.Body)
	if err != nil {
		return providers.Probe{}, rest.Malformed(op, errors.Join(errNoAccount, err))
	}
	if inner := wire.Fields(o["configuration"]); inner != nil {
		o = inner
	}
	if len(o) == 0 || wire.IsNull(o["account_id"]) && wire.IsNull(o["app_id"]) && wire.IsNull(o["account_domain"]) {
		return providers.Probe{}, rest.Malformed(op, errNoAccount)
	}
	if a.users {
		return providers.Probe{Visibility: providers.VisibilityPartial, Advice: adviceReports}, nil
	}
	return providers.Probe{Visibility: providers.VisibilityFull}, nil
}

package freshchat

import (
	"context"
	"errors"

	"github.com/chatlake/chatlake/internal/rest"
	"github.com/chatlake/chatlake/internal/wire"
	"github.com/chatlake/chatlake/providers"
)

// Probe checks that the token opens the account. A token reaches all users and conversations of its account; whether it
// may order reports is seen when one is ordered, and orders are too few to spend one here.
func (a *account) Probe(ctx context.Context) (providers.Probe, error) {
	const op = "check the token"
	// GET /accounts/configuration: the account's ids, bundle and plan.
	answer, err := a.get(ctx, op, "/accounts/configuration", nil)
	switch {
	case rest.Gone(err):
		return providers.Probe{}, &providers.Error{Kind: providers.Denied, Op: op, Status: answer.Status, Err: errNoAccount}
	case err != nil:
		return providers.Probe{}, err
	}
	o, err := only(answer.Body)
	if err != nil {
		return providers.Probe{}, rest.Malformed(op, errors.Join(errNoAccount, err))
	}
	if inner := wire.Fields(o["configuration"]); inner != nil {
		o = inner
	}
	if len(o) == 0 || wire.IsNull(o["account_id"]) && wire.IsNull(o["app_id"]) && wire.IsNull(o["account_domain"]) {
		return providers.Probe{}, rest.Malformed(op, errNoAccount)
	}
	return providers.Probe{Visibility: providers.VisibilityFull}, nil
}

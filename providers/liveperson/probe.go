package liveperson

import (
	"context"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Probe checks that the hosts are found, that the platform accepts the credentials, and that they may search the last hour. The
// responses do not show whether they omit conversations that the credentials may not see.
func (a *account) Probe(ctx context.Context) (providers.Probe, error) {
	now := time.Now().UTC()
	if _, err := a.page(ctx, schemas.Window{From: now.Add(-time.Hour), To: now}, order{sort: startAscending, limit: 1}); err != nil {
		return providers.Probe{}, err
	}
	if a.consumer {
		return providers.Probe{
			Visibility: providers.VisibilityPartial,
			Advice:     "A consumer's token shows only that consumer's conversations; for all conversations of the account, use the mode account.",
		}, nil
	}
	return providers.Probe{
		Visibility: providers.VisibilityUnknown,
		Advice:     "The platform does not report whether the credentials see all conversations; make sure that they may read the history of all skills and agent groups.",
	}, nil
}

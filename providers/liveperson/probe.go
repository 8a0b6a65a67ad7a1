package liveperson

import (
	"context"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Probe checks that the hosts are found, that the credentials are taken, and that they may search the last hour. Nothing
// in an answer says whether it leaves out conversations that the credentials may not see.
func (a *account) Probe(ctx context.Context) (providers.Probe, error) {
	now := time.Now().UTC()
	if _, err := a.page(ctx, schemas.Window{From: now.Add(-time.Hour), To: now}, order{sort: startAscending, limit: 1}); err != nil {
		return providers.Probe{}, err
	}
	if a.consumer {
		return providers.Probe{
			Visibility: providers.VisibilityPartial,
			Advice:     "A consumer's token shows that consumer's own conversations only; for all of the account's use the mode account.",
		}, nil
	}
	return providers.Probe{
		Visibility: providers.VisibilityUnknown,
		Advice:     "The platform does not tell whether the credentials see all conversations; make sure that they may read the history of all skills and agent groups.",
	}, nil
}

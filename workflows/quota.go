package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// TakeUpdate asks a Quota for one use. It takes a TakeInput and returns a TakeOutput.
const TakeUpdate = "take"

// QuotaInput is the state that a Quota carries from run to run.
type QuotaInput struct {
	Uses   []time.Time `json:"uses,omitempty"`
	Rest   []time.Time `json:"rest,omitempty"`   // those of Uses that were not made by syncs
	Policy *Policy     `json:"policy,omitempty"` // nil for runs that began before 0.2.0
}

// TakeInput is what the platform allows.
type TakeInput struct {
	Limits []providers.Limit `json:"limits"`
	// Rest is what these limits leave beside the account's syncs. The use counts there too. It is empty for a sync.
	Rest []providers.Limit `json:"rest,omitempty"`
}

// TakeOutput is how long to wait before asking again. With 0, the use is granted and counted.
type TakeOutput struct {
	After time.Duration `json:"after"`
}

// QuotaProgress answers ProgressQuery on a Quota.
type QuotaProgress struct {
	Uses []time.Time `json:"uses,omitempty"`
	// Limits are those that the last one who asked named; empty until somebody asks this run.
	Limits []providers.Limit `json:"limits,omitempty"`
}

// Left returns how many uses are left now.
func (p QuotaProgress) Left(now time.Time) int {
	return providers.Quota{Limits: p.Limits}.Left(p.Uses, now)
}

// QuotaID is the workflow id of a quota of an account. All processes and exports share it.
func QuotaID(account, name string) string { return "quota/" + account + "/" + name }

// Quota counts the uses of something that a platform allows too rarely to express it in requests per second. It ends when all uses
// are too old to count. The next one who asks starts it again.
func Quota(ctx workflow.Context, in QuotaInput) error {
	if err := refuse(ctx, in.Policy, in.Check(workflow.Now(ctx))); err != nil {
		return err
	}
	policy := policyOf(in.Policy)
	uses, rest, takes, longest := in.Uses, in.Rest, 0, time.Duration(0)
	var limits []providers.Limit
	err := workflow.SetQueryHandler(ctx, ProgressQuery, func() (QuotaProgress, error) { return QuotaProgress{uses, limits}, nil })
	if err != nil {
		return err
	}
	err = workflow.SetUpdateHandlerWithOptions(ctx, TakeUpdate, func(ctx workflow.Context, in TakeInput) (TakeOutput, error) {
		takes++
		limits = in.Limits
		now := workflow.Now(ctx)
		for _, limit := range in.Limits {
			longest = max(longest, limit.Per)
		}
		old := func(at time.Time) bool { return now.Sub(at) >= longest }
		uses, rest = slices.DeleteFunc(uses, old), slices.DeleteFunc(rest, old)
		after := max(providers.Quota{Limits: in.Limits}.Free(uses, now), providers.Quota{Limits: in.Rest}.Free(rest, now))
		if after == 0 {
			uses = append(uses, now)
			if len(in.Rest) > 0 {
				rest = append(rest, now)
			}
		}
		return TakeOutput{After: after}, nil
	}, workflow.UpdateHandlerOptions{Validator: TakeInput.Check})
	if err != nil {
		return err
	}
	for {
		seen := takes
		// A run after continue-as-new does not know the limits yet. It waits until somebody asks, or for a day.
		asked, err := workflow.AwaitWithTimeout(ctx, max(longest, 24*time.Hour), func() bool { return takes > seen })
		if err != nil {
			return err
		}
		if !asked {
			return nil
		}
		if takes >= policy.TakesPerRun {
			return workflow.NewContinueAsNewError(ctx, Quota, QuotaInput{Uses: uses, Rest: rest, Policy: in.Policy})
		}
	}
}

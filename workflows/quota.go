package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/providers"
)

// TakeUpdate asks a Quota for one use; its argument is a TakeInput, its result a TakeOutput.
const TakeUpdate = "take"

// QuotaInput is what a Quota remembers of its former runs.
type QuotaInput struct {
	Uses   []time.Time `json:"uses,omitempty"`
	Policy *Policy     `json:"policy,omitempty"` // nil is that of runs that began before 0.2.0
}

// TakeInput says what the platform allows.
type TakeInput struct {
	Limits []providers.Limit `json:"limits"`
}

// TakeOutput says how long to wait before asking again; 0 means that the use was granted, and counted.
type TakeOutput struct {
	After time.Duration `json:"after"`
}

// QuotaID is the workflow id of a quota of an account: one for all processes and all exports.
func QuotaID(account, name string) string { return "quota/" + account + "/" + name }

// Quota counts the uses of what a platform allows too rarely for requests per second. It ends when all uses are too old
// to count; whoever asks next starts it again.
func Quota(ctx workflow.Context, in QuotaInput) error {
	if err := refuse(ctx, in.Policy, in.Check(workflow.Now(ctx))); err != nil {
		return err
	}
	policy := policyOf(in.Policy)
	uses, takes, longest := in.Uses, 0, time.Duration(0)
	err := workflow.SetUpdateHandlerWithOptions(ctx, TakeUpdate, func(ctx workflow.Context, in TakeInput) (TakeOutput, error) {
		takes++
		now := workflow.Now(ctx)
		for _, limit := range in.Limits {
			longest = max(longest, limit.Per)
		}
		uses = slices.DeleteFunc(uses, func(at time.Time) bool { return now.Sub(at) >= longest })
		after := providers.Quota{Limits: in.Limits}.Free(uses, now)
		if after == 0 {
			uses = append(uses, now)
		}
		return TakeOutput{After: after}, nil
	}, workflow.UpdateHandlerOptions{Validator: TakeInput.Check})
	if err != nil {
		return err
	}
	for {
		seen := takes
		// A run that was continued does not know the limits yet; it waits for the first who asks, or a day.
		asked, err := workflow.AwaitWithTimeout(ctx, max(longest, 24*time.Hour), func() bool { return takes > seen })
		if err != nil {
			return err
		}
		if !asked {
			return nil
		}
		if takes >= policy.TakesPerRun {
			return workflow.NewContinueAsNewError(ctx, Quota, QuotaInput{Uses: uses, Policy: in.Policy})
		}
	}
}

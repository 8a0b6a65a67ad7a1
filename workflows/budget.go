package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
)

// JoinUpdate makes an export a user of its account's budget. It takes an activities.BudgetRequest and returns an
// activities.BudgetGrant.
const JoinUpdate = "join"

// BudgetInput is the state that a Budget carries from run to run.
type BudgetInput struct {
	RequestsPerSecond float64      `json:"requests_per_second"`
	SyncShare         float64      `json:"sync_share"`
	Set               bool         `json:"set,omitempty"` // a person has set the rate; the configured one no longer counts
	Users             []BudgetUser `json:"users,omitempty"`
	Policy            *Policy      `json:"policy,omitempty"` // nil for runs that began before 0.2.0
}

// BudgetUser is an export that uses the budget.
type BudgetUser struct {
	Workflow string `json:"workflow"`
	Sync     bool   `json:"sync,omitempty"`
}

// BudgetID is the workflow id of an account's budget. All processes and exports share it.
func BudgetID(account string) string { return "budget/" + account }

// Budget splits the budget of an account among the exports that are at work, on any number of workers. Together they never exceed
// it. While syncs are at work, they share the reserved part and other exports share the rest. Budget ends when the last export has
// left; the next one that joins starts it again.
func Budget(ctx workflow.Context, in BudgetInput) error {
	if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return err
	}
	b := &budget{BudgetInput: in, policy: policyOf(in.Policy), changed: len(in.Users) > 0}
	if err := workflow.SetUpdateHandlerWithOptions(ctx, JoinUpdate, b.join, workflow.UpdateHandlerOptions{Validator: checkJoin}); err != nil {
		return err
	}
	b.listen(ctx)
	for {
		b.tellUsers(ctx)
		if len(b.Users) == 0 && b.joined > 0 && workflow.AllHandlersFinished(ctx) {
			return nil
		}
		if b.sent >= b.policy.SignalsPerRun && workflow.AllHandlersFinished(ctx) {
			drainSignals(ctx)
			return workflow.NewContinueAsNewError(ctx, Budget, b.BudgetInput)
		}
		period := b.policy.RollCall
		if len(b.Users) < 2 {
			period = 24 * time.Hour
		}
		changed, err := workflow.AwaitWithTimeout(ctx, period, func() bool { return b.changed })
		if err != nil {
			return err
		}
		if !changed && len(b.Users) == 0 {
			return nil
		}
		b.changed = true
	}
}

type budget struct {
	BudgetInput
	policy  Policy
	changed bool // some users have not been told their lease
	joined  int  // users that joined in this run, or were there when it began
	sent    int
}

// join answers at once. The other users are told their smaller leases, and the new one waits until activities with the old leases
// must have ended.
func (b *budget) join(_ workflow.Context, in activities.BudgetRequest) (activities.BudgetGrant, error) {
	if !b.Set {
		b.RequestsPerSecond, b.SyncShare = in.RequestsPerSecond, in.SyncShare
	}
	added := b.add(BudgetUser{in.Workflow, in.Sync})
	grant := b.grant(in.Sync)
	if added && len(b.Users) > 1 && b.RequestsPerSecond > 0 {
		grant.After = b.policy.ChunkLength
	}
	return grant, nil
}

func (b *budget) add(user BudgetUser) (added bool) {
	b.changed = true
	b.joined++
	if slices.Contains(b.Users, user) {
		return false
	}
	b.remove(user.Workflow)
	b.Users = append(b.Users, user)
	return true
}

func (b *budget) remove(workflow string) {
	b.changed = true
	b.Users = slices.DeleteFunc(b.Users, func(u BudgetUser) bool { return u.Workflow == workflow })
}

// grant is what a user may have now.
func (b *budget) grant(sync bool) activities.BudgetGrant {
	alike := 0
	for _, u := range b.Users {
		if u.Sync == sync {
			alike++
		}
	}
	share, syncs := b.RequestsPerSecond, b.SyncShare
	if syncs <= 0 || syncs >= 1 {
		syncs = b.policy.EvenShare // otherwise one side would get 0, which means no limit
	}
	switch {
	case alike == len(b.Users):
	case sync:
		share *= syncs
	default:
		share *= 1 - syncs
	}
	return activities.BudgetGrant{Lease: activities.Lease{
		RequestsPerSecond: share / float64(max(1, alike)), AccountRequestsPerSecond: b.RequestsPerSecond,
	}, Yields: b.yields(sync)}
}

// yields reports whether a user has less because a sync is at work.
func (b *budget) yields(sync bool) bool {
	return !sync && b.RequestsPerSecond > 0 && slices.ContainsFunc(b.Users, func(u BudgetUser) bool { return u.Sync })
}

// listen handles the signals of exports.
func (b *budget) listen(ctx workflow.Context) {
	b.joined = len(b.Users)
	// Signals of two names lose their order if they arrive together. A user that leaves and joins again must stay, or others get
	// its share while it uses it. So leaves are handled first. A user that joins and leaves stays as well, and leaves again when it
	// is told a lease.
	onSignal(ctx, leaveSignal, func(_ workflow.Context, in leaveInput) { b.remove(in.Workflow) })
	onSignal(ctx, joinSignal, func(_ workflow.Context, in joinInput) { b.add(in.BudgetUser) })
	onSignal(ctx, setRateSignal, func(_ workflow.Context, in SetRateInput) { b.set(in) })
	onSignal(ctx, budgetSignal, func(_ workflow.Context, in SetRateInput) { b.set(in) })
}

func (b *budget) set(in SetRateInput) {
	b.RequestsPerSecond, b.Set, b.changed = in.RequestsPerSecond, true, true
}

// tellUsers tells each user its lease, and starts over while that changes anything. Users that do not run any more are removed.
func (b *budget) tellUsers(ctx workflow.Context) {
	for b.changed && ctx.Err() == nil {
		b.changed = false
		for _, u := range slices.Clone(b.Users) {
			b.sent++
			name, in := leaseSignal, any(leaseInput{Lease: providers.Lease(b.grant(u.Sync).Lease), Yields: b.yields(u.Sync)})
			if b.policy.Behaviour < 1 {
				name, in = shareSignal, shareInput{b.grant(u.Sync)}
			}
			if err := workflow.SignalExternalWorkflow(ctx, u.Workflow, "", name, in).Get(ctx, nil); err != nil && ctx.Err() == nil {
				b.remove(u.Workflow)
			}
		}
	}
}

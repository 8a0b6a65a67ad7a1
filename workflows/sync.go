package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
)

// SyncInput starts a Sync or a Settle.
type SyncInput struct {
	Account string `json:"account"`
	// Now replaces the nominal time of the run, which is that of the schedule's action, or else when the run began.
	Now    time.Time    `json:"now,omitzero"`
	Policy *Policy      `json:"policy,omitempty"`
	State  *ExportState `json:"resume,omitempty"` // only continue-as-new sets it
}

// SettleInput starts a Settle.
type SettleInput = SyncInput

// SyncOutput is the result of a Sync or a Settle.
type SyncOutput struct {
	Totals     Totals   `json:"totals"`
	Planned    int      `json:"planned"` // shards that the plan had
	Visibility string   `json:"visibility,omitempty"`
	Advice     string   `json:"advice,omitempty"`
	Failed     []string `json:"failed,omitempty"`
	// Skipped are the first mostSkipped shards that a person has given up while they were blocked.
	Skipped []string `json:"skipped,omitempty"`
	// Complete is true if every planned shard is committed without dead letters and flags, as in ExportOutput.
	Complete bool `json:"complete"`
}

// SyncID and SettleID are the workflow ids of runs that a person starts. A schedule appends the nominal time to them.
func SyncID(account string) string   { return "sync/" + account }
func SettleID(account string) string { return "settle/" + account }

// Check returns an error unless a Sync or a Settle can do what the input asks for.
func (in SyncInput) Check() error { return errors.Join(checkAccount(in.Account), in.Policy.Check()) }

// Sync copies what has changed on the platform since the last sync, and the directory and the reports if they are due. Its windows
// begin where those in the ledger end, so it does not matter whether a run is late, skipped or doubled.
func Sync(ctx workflow.Context, in SyncInput) (SyncOutput, error) {
	return keepUp(ctx, in, activities.PlanSync, nil, func(next SyncInput) error { return workflow.NewContinueAsNewError(ctx, Sync, next) })
}

// Settle lists windows of created conversations again that are due, and commits them with what has changed. Conversations that did not
// change are not asked for.
func Settle(ctx workflow.Context, in SettleInput) (SyncOutput, error) {
	return keepUp(ctx, in, activities.PlanSettle, nil, func(next SettleInput) error { return workflow.NewContinueAsNewError(ctx, Settle, next) })
}

// keepUp runs the shards of a plan that the ledger gives, as an Export does with those of a range.
func keepUp(ctx workflow.Context, in SyncInput, kind activities.PlanKind, named []string, again func(SyncInput) error) (SyncOutput, error) {
	e := &export{in: ExportInput{Account: in.Account, Sync: kind != activities.PlanSettle, Policy: in.Policy}, kind: kind, named: named, now: in.Now}
	e.policy = policyOf(in.Policy)
	told := tellState(ctx, e.policy, e.told)
	out, err := e.keepUp(ctx, in, again)
	told.end(ctx, out.Complete, err)
	return out, err
}

func (e *export) keepUp(ctx workflow.Context, in SyncInput, again func(SyncInput) error) (SyncOutput, error) {
	e.again = func() error {
		in.State = &e.state
		return again(in)
	}
	if in.State != nil {
		e.state = *in.State
	} else if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return SyncOutput{}, err
	}
	if err := e.copy(ctx); err != nil {
		return SyncOutput{}, err
	}
	e.maintain(ctx)
	e.closed = true
	return SyncOutput{
		Totals: e.state.Totals, Planned: len(e.plan), Visibility: e.state.Open.Visibility, Advice: e.state.Open.Advice,
		Failed: e.state.Failed, Skipped: e.state.Skipped, Complete: e.complete(),
	}, nil
}

// maintain starts a maintenance after a settle that has committed something: it takes the place of narrower windows. If that fails, the
// schedule of the maintenance starts one within a day.
func (e *export) maintain(ctx workflow.Context) {
	if e.kind != activities.PlanSettle || e.state.Totals.Shards == 0 || e.policy.Behaviour < 2 {
		return
	}
	if _, err := call(quick(ctx), do.StartMaintain, activities.StartMaintainInput{Account: e.in.Account}); err != nil {
		workflow.GetLogger(ctx).Warn("no maintenance was started", "account", e.in.Account, "error", detailOf(err))
	}
}

// nominal is the time for which a run was scheduled, or else when it began.
func nominal(ctx workflow.Context) time.Time {
	if at, ok := workflow.GetTypedSearchAttributes(ctx).GetTime(scheduledStart); ok {
		return at
	}
	return workflow.GetInfo(ctx).WorkflowStartTime
}

var scheduledStart = temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime")

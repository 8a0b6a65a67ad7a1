package workflows

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
)

// MaintainInput starts a Maintain.
type MaintainInput struct {
	Account string `json:"account"`
	// Policy decides the order of commands.
	Policy *Policy        `json:"policy,omitempty"`
	State  *MaintainState `json:"resume,omitempty"` // only continue-as-new sets it
}

// MaintainState is what a Maintain carries through continue-as-new.
type MaintainState struct {
	Month  string         `json:"month"` // the last month that was done
	Totals MaintainTotals `json:"totals"`
	Kept   []KeptShard    `json:"kept,omitempty"`
	Paused bool           `json:"paused,omitempty"`
}

// MaintainTotals are the sums over the steps of a Maintain.
type MaintainTotals struct {
	Steps    int   `json:"steps"`
	Merged   int   `json:"merged"`   // shards that were made from others
	Absorbed int   `json:"absorbed"` // shards that have no files any more
	Files    int   `json:"files"`    // of those absorbed
	Bytes    int64 `json:"bytes"`    // of these files
	Kept     int   `json:"kept"`     // merges that would have lost something
}

// MaintainOutput is the result of a Maintain.
type MaintainOutput struct {
	Totals MaintainTotals `json:"totals"`
	Kept   []KeptShard    `json:"kept,omitempty"` // the first mostKept merges that would have lost something
}

// MaintainProgress answers ProgressQuery on a Maintain.
type MaintainProgress struct {
	State   State          `json:"state"`
	Totals  MaintainTotals `json:"totals"`
	Shard   string         `json:"shard,omitempty"` // whose window is in hand
	Waiting *Waiting       `json:"waiting,omitempty"`
	Blocked *BlockedShard  `json:"blocked,omitempty"`
}

// MaintainID is the workflow id of a Maintain that a person starts. A schedule appends the nominal time to it.
func MaintainID(account string) string { return "maintain/" + account }

// Check returns an error unless a Maintain can do what the input asks for.
func (in MaintainInput) Check() error {
	return errors.Join(checkAccount(in.Account), in.Policy.Check())
}

// Maintain makes few files of many, one month after the other: it merges narrow windows, and replaces shards that others have all of by
// generations without files. The platform gets no requests, and readers see the same before and after every step. It may be ended at any
// time; the next one does what is left. If it fails or does not run, only the number of files grows.
func Maintain(ctx workflow.Context, in MaintainInput) (MaintainOutput, error) {
	m := &maintain{in: in}
	m.policy = policyOf(in.Policy)
	told := tellState(ctx, m.policy, m.told)
	out, err := m.whole(ctx)
	told.end(ctx, true, err)
	return out, err
}

// whole is the run from its start to its result.
func (m *maintain) whole(ctx workflow.Context) (MaintainOutput, error) {
	in := m.in
	if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return MaintainOutput{}, err
	}
	if in.State != nil {
		m.state = *in.State
	}
	m.paused, m.self = m.state.Paused, workflow.GetInfo(ctx).WorkflowExecution.ID
	m.setChunks = func(int) {}
	if err := m.listen(ctx); err != nil {
		return MaintainOutput{}, err
	}
	if err := workflow.SetQueryHandler(ctx, ProgressQuery, m.progress); err != nil {
		return MaintainOutput{}, err
	}
	if err := m.run(ctx); err != nil {
		return MaintainOutput{}, err
	}
	return MaintainOutput{Totals: m.state.Totals, Kept: m.state.Kept}, nil
}

type maintain struct {
	in    MaintainInput
	state MaintainState
	shard string // whose window is in hand
	control
}

// run does the steps of one month after the other, and continues as new after enough of them.
func (m *maintain) run(ctx workflow.Context) error {
	for steps := 0; ; {
		plan, err := repeat(ctx, m, func(ctx workflow.Context) (activities.PlanMaintainOutput, error) {
			return call(quick(ctx), do.PlanMaintain, activities.PlanMaintainInput{Account: m.in.Account, After: m.state.Month})
		})
		if err != nil || plan.Month == "" {
			return err
		}
		for _, step := range plan.Steps {
			if err := workflow.Await(ctx, func() bool { return !m.paused }); err != nil {
				return err
			}
			if err := m.one(ctx, step); err != nil {
				return err
			}
		}
		m.state.Month = plan.Month
		if steps += len(plan.Steps); steps < m.policy.ShardsPerRun {
			continue
		}
		drainSignals(ctx)
		m.state.Paused = m.paused
		next := m.in
		next.State = &m.state
		return workflow.NewContinueAsNewError(ctx, Maintain, next)
	}
}

// one merges the shards in a window, if that is due, and absorbs what others have all of.
func (m *maintain) one(ctx workflow.Context, step activities.MaintainStep) error {
	m.shard = step.Shard.String()
	defer func() { m.shard = "" }()
	t := &m.state.Totals
	if step.Merge {
		merged, err := repeat(ctx, m, func(ctx workflow.Context) (activities.MergeShardsOutput, error) {
			return call(sealing(ctx), do.MergeShards, activities.MergeShardsInput{Shard: step.Shard})
		})
		if err != nil {
			return err
		}
		switch merged.Outcome {
		case activities.Merged:
			t.Merged++
		case activities.Kept:
			if t.Kept++; len(m.state.Kept) < mostKept {
				m.state.Kept = append(m.state.Kept, KeptShard{step.Shard, merged.Why})
			}
		}
	}
	absorbed, err := repeat(ctx, m, func(ctx workflow.Context) (activities.AbsorbShardsOutput, error) {
		return call(sealing(ctx), do.AbsorbShards, activities.AbsorbShardsInput{Shard: step.Shard})
	})
	if err != nil {
		return err
	}
	t.Steps++
	t.Absorbed += absorbed.Absorbed
	t.Files += absorbed.Files
	t.Bytes += absorbed.Bytes
	return nil
}

// repeat repeats an activity until it succeeds.
func repeat[Out any](ctx workflow.Context, m *maintain, do func(workflow.Context) (Out, error)) (out Out, err error) {
	err = m.retryUntilDone(ctx, func() error {
		var err error
		out, err = do(ctx)
		return err
	})
	return out, err
}

func (m *maintain) progress() (MaintainProgress, error) {
	return MaintainProgress{State: m.stateNow(), Totals: m.state.Totals, Shard: m.shard, Waiting: m.waiting, Blocked: m.blocked}, nil
}

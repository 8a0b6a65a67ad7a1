package workflows_test

import (
	"context"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// maintained is a lake with two months in which something is due: two merges and an absorption in the first, of which the second merge
// would lose something, and one merge in the next.
func maintained() workflows.MaintainInput {
	return workflows.MaintainInput{Account: "acme", Policy: workflows.NewPolicy()}
}

func (w *world) PlanMaintain(_ context.Context, in activities.PlanMaintainInput) (activities.PlanMaintainOutput, error) {
	var out activities.PlanMaintainOutput
	step := func(month int, merge bool) activities.MaintainStep {
		return activities.MaintainStep{Shard: committedShard(month), Merge: merge}
	}
	switch in.After {
	case "":
		out = activities.PlanMaintainOutput{Month: "2025-01", Steps: []activities.MaintainStep{step(1, true), step(2, true), step(3, false)}}
	case "2025-01":
		out = activities.PlanMaintainOutput{Month: "2025-04", Steps: []activities.MaintainStep{step(4, true)}}
	}
	return out, w.begin("PlanMaintain", 0, 0)
}

func (w *world) StartMaintain(context.Context, activities.StartMaintainInput) (activities.StartMaintainOutput, error) {
	return activities.StartMaintainOutput{Started: true}, w.begin("StartMaintain", 0, 0)
}

func (w *world) MergeShards(_ context.Context, in activities.MergeShardsInput) (activities.MergeShardsOutput, error) {
	month := int(in.Shard.Window.From.Month())
	if month == 2 {
		return activities.MergeShardsOutput{Outcome: activities.Kept, Why: "a gap"}, w.begin("MergeShards", month, month+1)
	}
	return activities.MergeShardsOutput{Outcome: activities.Merged, Shards: 96}, w.begin("MergeShards", month, month+1)
}

func (w *world) AbsorbShards(_ context.Context, in activities.AbsorbShardsInput) (activities.AbsorbShardsOutput, error) {
	month := int(in.Shard.Window.From.Month())
	return activities.AbsorbShardsOutput{Absorbed: 10, Files: 70, Bytes: 700, Kept: 1}, w.begin("AbsorbShards", month, month+1)
}

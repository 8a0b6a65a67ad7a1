//go:build record

package workflows_test

import (
	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

func syncScenes() map[string]scene {
	policy := *workflows.NewPolicy()
	policy.ShardsPerRun = 1
	plan := activities.OpenExportOutput{Shards: 2, Plan: syncPlan()}
	deep := activities.OpenExportOutput{Shards: 1, Plan: syncPlan()[1:]}
	for i := range deep.Plan {
		deep.Plan[i].Stream, deep.Plan[i].Depth, deep.Plan[i].Refresh = "created", activities.DepthFull, "settle/24h0m0s"
	}
	in := func(policy *workflows.Policy) *workflows.SyncInput { return &workflows.SyncInput{Policy: policy} }
	return map[string]scene{
		"sync":           {world: failing("", 0, 0, nil), sync: in(workflows.NewPolicy()), open: plan},
		"sync-nothing":   {world: &world{}, sync: in(workflows.NewPolicy())},
		"sync-continues": {world: failing("", 0, 0, nil), sync: in(&policy), open: activities.OpenExportOutput{Shards: 1, Plan: syncPlan()}},
		"sync-blocked":   {world: failing("ListPage", 2, 2, kindError(providers.Denied)), sync: in(workflows.NewPolicy()), open: plan, act: freed},
		"sync-cut":       {world: failing("ListPage", 1, 1, kindError(providers.WindowTooDense)), sync: in(workflows.NewPolicy()), open: plan},
		"settle":         {world: &world{conversations: 10, pageSize: 5, unlisted: 2}, settle: in(workflows.NewPolicy()), open: deep},
	}
}

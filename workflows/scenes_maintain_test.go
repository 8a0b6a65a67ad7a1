//go:build record

package workflows_test

import (
	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

func maintainScenes() map[string]scene {
	whole, parts := maintained(), maintained()
	policy := *workflows.NewPolicy()
	policy.ShardsPerRun = 3
	parts.Policy = &policy
	return map[string]scene{
		"maintain":           {world: &world{}, maintain: &whole},
		"maintain-continues": {world: &world{}, maintain: &parts},
		"maintain-down":      {world: failing("MergeShards", 2, 7, kindError(activities.Unavailable)), maintain: &whole},
		"maintain-blocked":   {world: failing("MergeShards", 1, 1, kindError(providers.Denied)), maintain: &whole, act: freed},
	}
}

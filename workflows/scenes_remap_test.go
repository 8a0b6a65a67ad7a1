//go:build record

package workflows_test

import (
	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

func remapScenes() map[string]scene {
	year := remappedYear()
	policy := *workflows.NewPolicy()
	policy.ShardsPerRun = 3
	parts := remappedYear()
	parts.Policy = &policy
	return map[string]scene{
		"remap":           {world: &world{}, remap: &year},
		"remap-continues": {world: &world{}, remap: &parts},
		"remap-down":      {world: failing("RemapShard", 2, 7, kindError(activities.Unavailable)), remap: &year},
		"remap-blocked":   {world: failing("RemapShard", 2, 2, kindError(providers.Denied)), remap: &year, act: freed},
	}
}

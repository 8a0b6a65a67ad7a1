//go:build record

package workflows_test

import (
	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// atOnceScenes are small shards, which take few activities, and exports of them.
func atOnceScenes() map[string]scene {
	at := func(in *workflows.ShardInput) { in.ChunkSize, in.Policy = 0, workflows.NewPolicy() }
	flagged := func(in *workflows.ShardInput) { at(in); in.Flag = true }
	few := func(fail func(string, int, int) error) *world {
		return &world{conversations: 20, pageSize: 500, fetchesAtOnce: true, fail: fail}
	}
	alone, missing, spoiled := few(nil), few(nil), few(nil)
	alone.withoutMetadata, spoiled.badFiles = true, 1
	missing.total = new(int64(21))
	return map[string]scene{
		"shard-at-once":            {world: few(nil), shard: at},
		"shard-at-once-messages":   {world: alone, shard: at},
		"shard-at-once-missing":    {world: missing, shard: flagged},
		"shard-at-once-bad-file":   {world: spoiled, shard: at},
		"shard-at-once-superseded": {world: few(failingOnce("CommitShard", kindError(activities.Superseded))), shard: at},
		"shard-at-once-anew":       {world: few(failingOnce("SealShard", lost())), shard: at},
		"shard-at-once-down":       {world: few(failingOnce("VerifyShard", kindError(activities.Unavailable))), shard: at},
		"export-many-at-once": {
			world: few(nil), export: months(24), open: activities.OpenExportOutput{Shards: 2, MostShards: 8, RequestsPerSecond: 500},
		},
	}
}

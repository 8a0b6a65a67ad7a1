package workflows_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

func TestShardThatOnlyAdoptsCopiesNothing(t *testing.T) {
	in := may()
	in.Adopt = true
	w := &world{conversations: 100, pageSize: 50}
	out := runShard(t, environment(t, w), in)
	if diff := cmp.Diff(workflows.ShardOutput{Absent: true}, out); diff != "" || len(w.calls) != 1 {
		t.Errorf("after %v (-want +got):\n%s", w.calls, diff)
	}
	if w := (&world{adopted: &activities.Commit{Outcome: "adopted"}}); runShard(t, environment(t, w), in).Absent {
		t.Error("what the ledger has is called absent")
	}
	if w := (&world{halved: true}); !runShard(t, environment(t, w), in).Split {
		t.Error("halves are not met")
	}
}

func TestExportThatOnlyAdopts(t *testing.T) {
	shards := map[schemas.Stream]int{}
	env := exporting(t, activities.OpenExportOutput{HasDirectory: true, HasReports: true}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		if !in.Adopt {
			t.Errorf("%s would be copied", in.Shard)
		}
		shards[in.Shard.Stream]++
		if in.Shard.Stream == schemas.StreamReports {
			return workflows.ShardOutput{Absent: true}, nil
		}
		return workflows.ShardOutput{Commit: activities.Commit{Outcome: "adopted"}}, nil
	})
	in := year()
	in.Adopt = true
	out := runExport(t, env, in)
	if diff := cmp.Diff(map[schemas.Stream]int{"created": 12, "reports": 12}, shards); diff != "" {
		t.Errorf("shards by stream (-want +got):\n%s", diff)
	}
	if out.Totals.Adopted != 12 || out.Totals.Absent != 12 || out.Totals.Shards != 0 || out.Complete {
		t.Errorf("%+v, want 12 adopted, 12 absent, and not complete", out)
	}
}

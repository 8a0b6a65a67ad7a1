package workflows_test

import (
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/workflows"
)

// TestWholeDaysEndAtMidnight: an export that runs every day copies whole days, and nothing of a day that has not ended.
func TestWholeDaysEndAtMidnight(t *testing.T) {
	// Half a minute past midnight, the day before is still within the lag.
	for hours, want := range map[int]string{5: "2025-03-01 2025-03-10", 48: "2025-03-01 2025-03-11"} {
		var got []string
		env := exporting(t, activities.OpenExportOutput{Shards: 1}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
			if in.Shard.Stream.IsByCreation() {
				got = append(got, in.Shard.Window.From.Format(time.DateOnly)+" "+in.Shard.Window.To.Format(time.DateOnly))
			}
			return workflows.ShardOutput{}, nil
		})
		env.SetStartTime(time.Date(2025, 3, 10, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour).Add(30 * time.Second))
		in := year()
		in.From, in.To, in.WholeDays = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC), true
		in.Policy = workflows.NewPolicy()
		env.ExecuteWorkflow(workflows.Export, in)
		if err := env.GetWorkflowError(); err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%d hours later: windows %v, want %s, error %v", hours, got, want, err)
		}
	}
}

package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// syncPlan is the plan of a sync: a snapshot of the directory, and changes on both sides of the end of a month.
func syncPlan() []activities.Planned {
	at := func(day, hour int) time.Time { return time.Date(2026, 5, day, hour, 0, 0, 0, time.UTC) }
	shard := func(stream schemas.Stream, from, to time.Time) ledger.Shard {
		return ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: stream, Window: schemas.Window{From: from, To: to}}
	}
	return []activities.Planned{
		{Shard: shard(schemas.StreamDirectory, at(32, 0), at(33, 0)), Cause: ledger.CauseSync, Refresh: "sync/1"},
		{Shard: shard(schemas.StreamChanges, at(31, 23), at(32, 0)), Cause: ledger.CauseSync},
		{Shard: shard(schemas.StreamChanges, at(32, 0), at(32, 1)), Cause: ledger.CauseSync},
	}
}

func TestSync(t *testing.T) {
	var started []workflows.ShardInput
	shard := func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		started = append(started, in)
		return workflows.ShardOutput{Commit: activities.Commit{Outcome: "committed", Counts: ledger.Counts{Listed: 5, Conversations: 3, Unchanged: 2}}}, nil
	}
	var opened activities.OpenExportInput
	env := environment(t, &world{})
	env.OnWorkflow(workflows.Shard, mock.Anything, mock.Anything).Return(shard)
	var a *activities.Activities
	env.OnActivity(a.OpenExport, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.OpenExportInput) (activities.OpenExportOutput, error) {
		opened = in
		return activities.OpenExportOutput{Provider: "chatwoot", Spec: "spec", Shards: 2, Visibility: "full", Plan: syncPlan()}, nil
	})
	at := time.Date(2026, 6, 1, 1, 2, 0, 0, time.UTC)
	if err := env.SetTypedSearchAttributesOnStart(temporal.NewSearchAttributes(temporal.NewSearchAttributeKeyTime("TemporalScheduledStartTime").ValueSet(at))); err != nil {
		t.Fatal(err)
	}
	env.RegisterWorkflow(workflows.Sync)
	env.ExecuteWorkflow(workflows.Sync, workflows.SyncInput{Account: "acme", Policy: workflows.NewPolicy()})
	var out workflows.SyncOutput
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	if opened.Plan != activities.PlanSync || !opened.Now.Equal(at) || !opened.Sync {
		t.Errorf("opened with %+v, want the plan of a sync at its nominal time", opened)
	}
	var planned []activities.Planned
	for _, in := range started {
		planned = append(planned, activities.Planned{Shard: in.Shard, Cause: in.Cause, Depth: in.Depth, Refresh: in.Refresh})
	}
	slices.SortFunc(planned, func(a, b activities.Planned) int { return -strings.Compare(a.String(), b.String()) }) // they start together
	slices.Reverse(planned[1:])
	if diff := cmp.Diff(syncPlan(), planned); diff != "" {
		t.Errorf("shards (-want +got):\n%s", diff)
	}
	if !out.Complete || out.Planned != 3 || out.Totals.Conversations != 9 {
		t.Errorf("%+v, want three shards of three conversations, complete", out)
	}
}

// A settle without anything to do asks nobody.
func TestSettleOfNothing(t *testing.T) {
	env := exporting(t, activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
		t.Error("a shard was started")
		return workflows.ShardOutput{}, nil
	})
	env.RegisterWorkflow(workflows.Settle)
	env.ExecuteWorkflow(workflows.Settle, workflows.SettleInput{Account: "acme", Policy: workflows.NewPolicy()})
	var out workflows.SyncOutput
	if err := env.GetWorkflowResult(&out); err != nil || !out.Complete || out.Planned != 0 {
		t.Errorf("%+v, error %v, want an empty plan", out, err)
	}
}

func TestSyncRefusesWrongInput(t *testing.T) {
	for _, run := range []any{workflows.Sync, workflows.Settle} {
		env := exporting(t, activities.OpenExportOutput{}, nil)
		env.RegisterWorkflow(run)
		env.ExecuteWorkflow(run, workflows.SyncInput{Account: "Acme!", Policy: workflows.NewPolicy()})
		refused(t, env, "account", "Acme!")
	}
}

// TestOrders is the order of the windows of an export.
func TestOrders(t *testing.T) {
	month := func(m int) schemas.Window {
		from := time.Date(2026, time.Month(m), 1, 0, 0, 0, 0, time.UTC)
		return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
	}
	for order, want := range map[activities.Order][]int{
		"":                     {1, 2, 3, 4, 5, 6},
		activities.OldestFirst: {1, 2, 3, 4, 5, 6},
		activities.NewestFirst: {6, 5, 4, 3, 2, 1},
		activities.ByDeadline:  {1, 2, 3, 6, 5, 4}, // on 21 November, of a platform that keeps 285 days
	} {
		var got []int
		env := exporting(t, activities.OpenExportOutput{Shards: 3, Retention: 285 * 24 * time.Hour}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
			if in.Shard.Stream.IsByCreation() {
				got = append(got, int(in.Shard.Window.From.Month()))
			}
			return workflows.ShardOutput{}, nil
		})
		env.ExecuteWorkflow(workflows.Export, workflows.ExportInput{
			Account: "acme", Name: "half", Window: "month", From: month(1).From, To: month(6).To, Order: order, MaxActive: 1, Policy: workflows.NewPolicy(),
		})
		if err := env.GetWorkflowError(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: months %v, want %v, error %v", order, got, want, err)
		}
	}
}

// TestWindowsThatAreThere: an export adopts windows of other sizes and copies only what is missing between them.
func TestWindowsThatAreThere(t *testing.T) {
	in := year()
	in.From, in.To, in.Reprocess = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC), activities.ReprocessDead
	month := func(m int) schemas.Window {
		from := time.Date(2025, time.Month(m), 1, 0, 0, 0, 0, time.UTC)
		return schemas.Window{From: from, To: from.AddDate(0, 1, 0)}
	}
	half, rest, _ := month(2).Halve()
	wide := schemas.Window{From: month(2).From, To: month(3).To}
	for name, test := range map[string]struct {
		exceptions []activities.Exception
		want       []string
	}{
		"none": {nil, []string{"Jan31", "Feb28", "Mar31"}},
		"parts, one of them again": {
			[]activities.Exception{{Stream: schemas.StreamCreated, Window: month(2), Parts: []schemas.Window{half, rest}, Again: true, Depth: activities.DepthList, Of: []schemas.Window{rest}}},
			[]string{"Jan31", "Feb14", "Feb14 list dead/year", "Mar31"},
		},
		"one that is wider": {
			[]activities.Exception{
				{Stream: schemas.StreamCreated, Window: month(2), Parts: []schemas.Window{wide}}, {Stream: schemas.StreamCreated, Window: month(3), Parts: []schemas.Window{wide}},
			},
			[]string{"Jan31", "Feb59"},
		},
	} {
		var got []string
		env := exporting(t, activities.OpenExportOutput{Shards: 1, Exceptions: test.exceptions}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
			if in.Shard.Stream.IsByCreation() {
				w := in.Shard.Window
				text := fmt.Sprintf("%s%.0f", w.From.Format("Jan"), w.To.Sub(w.From).Hours()/24)
				if in.Refresh != "" {
					text += " " + string(in.Depth) + " " + in.Refresh
				}
				got = append(got, text)
			}
			return workflows.ShardOutput{}, nil
		})
		env.ExecuteWorkflow(workflows.Export, in)
		if err := env.GetWorkflowError(); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: windows %v, want %v, error %v", name, got, test.want, err)
		}
	}
}

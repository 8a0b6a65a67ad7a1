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
	keeps := map[schemas.Stream]schemas.Retention{schemas.StreamCreated: {Rest: 285 * 24 * time.Hour}}
	for order, want := range map[activities.Order][]int{
		"":                     {2, 3, 4, 5, 6, 1}, // on 21 November, of a platform that keeps 285 days
		activities.OldestFirst: {1, 2, 3, 4, 5, 6},
		activities.NewestFirst: {6, 5, 4, 3, 2, 1},
		activities.ByDeadline:  {2, 3, 4, 5, 6, 1},
	} {
		var got []int
		env := exporting(t, activities.OpenExportOutput{Shards: 3, Keeps: keeps}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
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
			[]string{"Jan31", "Feb14", "Feb14 list dead/2026-11-21T10:00:00Z", "Mar31"},
		},
		"one that a person has accepted as a gap": {
			[]activities.Exception{{Stream: schemas.StreamCreated, Window: month(2), Accepted: true}}, []string{"Jan31", "Mar31"},
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

// TestShardLooksUpWhatIsNotListed: after the list, a shard with a depth lists what only the lake has, and fetches that as well.
func TestShardLooksUpWhatIsNotListed(t *testing.T) {
	w := &world{conversations: 60, pageSize: 25, unlisted: 30}
	env := environment(t, w)
	in := may()
	in.Cause, in.Depth = ledger.CauseSettle, activities.DepthList
	env.ExecuteWorkflow(workflows.Shard, in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	all := w.receipts()
	refs, unlisted := 0, 0
	for i, page := range all.Pages {
		if refs += page.Refs; page.Number != i {
			t.Errorf("page %d has number %d", i, page.Number)
		}
		if page.Unlisted {
			unlisted += page.Refs
		}
	}
	if refs != 90 || unlisted != 30 || len(w.lists) != 3 || len(w.lookups) != 2 {
		t.Errorf("%d conversations, %d of them not listed, from %d lists and %d lookups, want 90, 30, 3 and 2", refs, unlisted, len(w.lists), len(w.lookups))
	}
	covered(t, all, all.Messages, "FetchMessages")
	covered(t, all, all.Metadata, "FetchMetadata")
	for _, list := range w.lists {
		if list.Depth != activities.DepthList {
			t.Errorf("listed with depth %q", list.Depth)
		}
	}
	if pages := w.lookups[0].Receipts.Pages; len(pages) != 3 || w.lookups[0].Depth != activities.DepthList {
		t.Errorf("looked up beside %d pages with depth %q, want the 3 pages of the list", len(pages), w.lookups[0].Depth)
	}
	if w.sealed.Cause != ledger.CauseSettle {
		t.Errorf("sealed with cause %q", w.sealed.Cause)
	}
}

// TestShardOpensAgain: a shard that another commit has overtaken forgets what it has fetched and is opened again.
func TestShardOpensAgain(t *testing.T) {
	superseded := temporal.NewNonRetryableApplicationError("another generation was committed", activities.Superseded, nil)
	w := &world{conversations: 10, pageSize: 5}
	w.fail = func(step string, _, _ int) error {
		if step == "CommitShard" && w.calls[step] == 1 {
			return superseded
		}
		return nil
	}
	env := environment(t, w)
	env.ExecuteWorkflow(workflows.Shard, may())
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if w.calls["OpenShard"] != 2 || w.calls["CommitShard"] != 2 || w.calls["Cleanup"] != 2 || w.calls["ListPage"] != 4 {
		t.Errorf("calls %v, want everything twice", w.calls)
	}
	if w.sealed.Rewrites != "digest" || w.sealed.OpenedAt == nil || !w.committed.Guarded {
		t.Errorf("sealed over %q, opened at %v, guarded %v", w.sealed.Rewrites, w.sealed.OpenedAt, w.committed.Guarded)
	}
	if pages := w.receipts().Pages; len(pages) != 2 {
		t.Errorf("%d pages were sealed, want those of the second time only", len(pages))
	}
}

// TestRefreshLosesNothing: windows that are copied again look up what the platform no longer lists.
func TestRefreshLosesNothing(t *testing.T) {
	depths := map[schemas.Stream]activities.Depth{}
	env := exporting(t, activities.OpenExportOutput{Shards: 1, HasReports: true, HasDirectory: true}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		depths[in.Shard.Stream] = in.Depth
		return workflows.ShardOutput{}, nil
	})
	in := year()
	in.Refresh = "again"
	runExport(t, env, in)
	want := map[schemas.Stream]activities.Depth{schemas.StreamCreated: activities.DepthFull, schemas.StreamReports: "", schemas.StreamDirectory: ""}
	if diff := cmp.Diff(want, depths); diff != "" {
		t.Errorf("depths (-want +got):\n%s", diff)
	}
}

package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// year is an export of the months of 2025.
func year() workflows.ExportInput {
	return workflows.ExportInput{
		Account: "acme", Name: "year", Window: "month",
		From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Policy: workflows.NewPolicy(),
	}
}

// exporting is an environment in which shards are the given function.
func exporting(t *testing.T, open activities.OpenExportOutput, shard func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error)) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := environment(t, &world{})
	env.SetStartTime(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	var a *activities.Activities
	open.Provider, open.Spec = "chatwoot", "spec"
	open.CheckedAt = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	env.OnActivity(a.OpenExport, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.OpenExportInput) (activities.OpenExportOutput, error) {
			return open, nil
		}).Maybe()
	env.OnActivity(a.CloseExport, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.CloseExportInput) (activities.CloseExportOutput, error) {
			return activities.CloseExportOutput{Manifest: "_exports/acme/year/manifest.json"}, nil
		}).Maybe()
	env.OnWorkflow(workflows.Shard, mock.Anything, mock.Anything).Return(shard).Maybe()
	return env
}

func runExport(t *testing.T, env *testsuite.TestWorkflowEnvironment, in workflows.ExportInput) workflows.ExportOutput {
	t.Helper()
	env.ExecuteWorkflow(workflows.Export, in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	var out workflows.ExportOutput
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func committed(n int64) workflows.ShardOutput {
	return workflows.ShardOutput{Commit: activities.Commit{Outcome: "committed", Counts: ledger.Counts{Listed: n, Conversations: n}}}
}

func TestExportCoversTheRangeAFewShardsAtATime(t *testing.T) {
	var shards []ledger.Shard
	inFlight, most := 0, 0
	open := activities.OpenExportOutput{Shards: 2, HasDirectory: true, RequestsPerSecond: 10, Visibility: "full"}
	env := exporting(t, open, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		shards = append(shards, in.Shard)
		inFlight++
		most = max(most, inFlight)
		if in.RequestsPerSecond != 5 && len(shards) < 12 {
			t.Errorf("shard %s has %v requests a second, want half of 10", in.Shard, in.RequestsPerSecond)
		}
		err := workflow.Sleep(ctx, time.Hour)
		inFlight--
		return committed(7), err
	})
	out := runExport(t, env, year())
	var windows []schemas.Window
	for _, s := range shards {
		if s.Stream == schemas.StreamCreated {
			windows = append(windows, s.Window)
		}
	}
	if len(shards) != 13 || len(windows) != 12 || most != 2 {
		t.Errorf("%d shards, %d of them months, at most %d at once; want the directory and 12 months, 2 at once", len(shards), len(windows), most)
	}
	if gaps := (schemas.Window{From: year().From, To: year().To}).Without(windows); len(gaps) > 0 {
		t.Errorf("no shard for %v", gaps)
	}
	if !out.Complete || out.Totals.Conversations != 13*7 || out.Totals.Shards != 13 {
		t.Errorf("output %+v, want complete with 91 conversations", out)
	}
}

func TestExportOfReports(t *testing.T) {
	streams := map[schemas.Stream]int{}
	env := exporting(t, activities.OpenExportOutput{HasReports: true}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		streams[in.Shard.Stream]++
		return committed(1), nil
	})
	runExport(t, env, year())
	if diff := cmp.Diff(map[schemas.Stream]int{"created": 12, "reports": 12}, streams); diff != "" {
		t.Errorf("shards by stream (-want +got):\n%s", diff)
	}
}

func TestExportIsNotCompleteWithGaps(t *testing.T) {
	for name, test := range map[string]struct {
		open  activities.OpenExportOutput
		shard workflows.ShardOutput
		err   error
	}{
		"a dead letter":      {shard: workflows.ShardOutput{Commit: activities.Commit{Counts: ledger.Counts{Dead: 1}}}},
		"a flag":             {shard: workflows.ShardOutput{Commit: activities.Commit{Flags: []string{"count_mismatch"}}}},
		"unreadable texts":   {shard: workflows.ShardOutput{Commit: activities.Commit{Counts: ledger.Counts{Unreadable: 1}}}},
		"a partial view":     {open: activities.OpenExportOutput{Visibility: "partial"}},
		"a shard that fails": {err: errors.New("a defect")},
	} {
		t.Run(name, func(t *testing.T) {
			env := exporting(t, test.open, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
				return test.shard, test.err
			})
			if out := runExport(t, env, year()); out.Complete {
				t.Errorf("output %+v says complete", out)
			}
		})
	}
}

func TestExportCountsUnreadableTexts(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		env := exporting(t, activities.OpenExportOutput{AllowUnreadable: allowed}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
			return workflows.ShardOutput{Commit: activities.Commit{Counts: ledger.Counts{Unreadable: 2}}}, nil
		})
		if out := runExport(t, env, year()); out.Totals.Unreadable != 24 || out.Complete != allowed {
			t.Errorf("allowed %v: %d unreadable, complete %v", allowed, out.Totals.Unreadable, out.Complete)
		}
	}
}

func TestExportSplitsAWindowThatIsTooDense(t *testing.T) {
	var windows []schemas.Window
	env := exporting(t, activities.OpenExportOutput{Shards: 2}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		if in.Shard.Window.To.Sub(in.Shard.Window.From) > 10*24*time.Hour {
			return workflows.ShardOutput{Split: true}, nil
		}
		windows = append(windows, in.Shard.Window)
		return committed(1), nil
	})
	out := runExport(t, env, year())
	if gaps := (schemas.Window{From: year().From, To: year().To}).Without(windows); len(gaps) > 0 || len(windows) != 48 {
		t.Errorf("%d windows that leave out %v, want 48 that leave out nothing", len(windows), gaps)
	}
	if out.Totals.Shards != 48 {
		t.Errorf("%d shards, want 48", out.Totals.Shards)
	}
}

func TestExportWaitsForAShardThatAnotherHasInHand(t *testing.T) {
	starts := 0
	env := exporting(t, activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
		starts++
		if starts <= 3 {
			return workflows.ShardOutput{}, &temporal.ChildWorkflowExecutionAlreadyStartedError{}
		}
		return workflows.ShardOutput{Commit: activities.Commit{Outcome: "adopted"}}, nil
	})
	in := year()
	in.To = in.From.AddDate(0, 1, 0)
	began := env.Now()
	out := runExport(t, env, in)
	if out.Totals.Adopted != 1 || starts != 4 {
		t.Errorf("%d adopted after %d looks, want 1 after 4", out.Totals.Adopted, starts)
	}
	if waited := env.Now().Sub(began); waited < 30*time.Second {
		t.Errorf("looked four times within %s", waited)
	}
}

func TestExportClipsARangeThatReachesIntoTheFuture(t *testing.T) {
	env := exporting(t, activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
		return committed(1), nil
	})
	in := year()
	in.From, in.To = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if out := runExport(t, env, in); !out.To.Before(env.Now()) {
		t.Errorf("exported up to %s, which is not before %s", out.To, env.Now())
	}
}

func TestExportShowsABlockedShardAndGoesRoundIt(t *testing.T) {
	denied := true
	w := &world{conversations: 30, pageSize: 50}
	env := environment(t, w)
	env.SetStartTime(time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	var a *activities.Activities
	env.OnActivity(a.OpenExport, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.OpenExportInput) (activities.OpenExportOutput, error) {
			return activities.OpenExportOutput{Provider: "chatwoot", Spec: "spec", Shards: 1, ChunksInFlight: 2, Costs: providers.Costs{MessageRequests: 1, MetadataRequests: 2}}, nil
		})
	env.OnActivity(a.CloseExport, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.CloseExportInput) (activities.CloseExportOutput, error) {
			return activities.CloseExportOutput{}, nil
		})
	first := true
	w.fail = func(step string, _, _ int) error {
		if step == "OpenShard" && first {
			first = false
			return nil
		}
		if step == "ListPage" && denied && w.calls["ListPage"] == 1 {
			return kindError(providers.Denied)
		}
		return nil
	}
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(workflows.ProgressQuery)
		if err != nil {
			t.Fatal(err)
		}
		var p workflows.ExportProgress
		if err := value.Get(&p); err != nil {
			t.Fatal(err)
		}
		if p.State != workflows.StateBlocked || len(p.Blocked) != 1 || p.Done != 11 {
			t.Errorf("after an hour: %+v; want 11 months done and one blocked", p)
		}
		denied = false
		update(t, env, workflows.RetryBlockedUpdate)
	}, time.Hour)
	out := runExport(t, env, year())
	if out.Totals.Shards != 12 || !out.Complete {
		t.Errorf("output %+v, want 12 shards", out)
	}
}

func TestExportContinuesAsNew(t *testing.T) {
	seen := map[string]int{}
	in := year()
	in.Window, in.From = "day", time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for runs := 1; ; runs++ {
		env := exporting(t, activities.OpenExportOutput{Shards: 2}, func(_ workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
			seen[in.Shard.String()]++
			return committed(1), nil
		})
		env.ExecuteWorkflow(workflows.Export, in)
		var next *workflow.ContinueAsNewError
		if err := env.GetWorkflowError(); !errors.As(err, &next) {
			var out workflows.ExportOutput
			if err != nil || env.GetWorkflowResult(&out) != nil {
				t.Fatal(err)
			}
			if days := int(in.To.Sub(in.From).Hours()) / 24; out.Totals.Shards != days || len(seen) != days || runs < 3 {
				t.Errorf("%d runs, %d shards of %d days, %d different", runs, out.Totals.Shards, days, len(seen))
			}
			break
		}
		if size := len(next.Input.Payloads[0].Data); size > 4<<10 {
			t.Errorf("run %d carries %d bytes on, want less than 4 KiB", runs, size)
		}
		in = workflows.ExportInput{}
		if err := convert(next, &in); err != nil {
			t.Fatal(err)
		}
	}
	for shard, n := range seen {
		if n != 1 {
			t.Errorf("%s was exported %d times", shard, n)
		}
	}
}

func TestCutCoversTheRange(t *testing.T) {
	w := schemas.Window{From: time.Date(2024, 2, 10, 3, 4, 5, 0, time.UTC), To: time.Date(2025, 3, 1, 0, 0, 1, 0, time.UTC)}
	for _, size := range []string{"month", "week", "day"} {
		t.Run(size, func(t *testing.T) {
			windows := w.Cut(size)
			if gaps := w.Without(windows); len(gaps) > 0 {
				t.Errorf("gaps %v", gaps)
			}
			for i, cut := range windows {
				if cut.From.Month() != cut.To.Add(-1).Month() {
					t.Errorf("%s lies in two months", cut)
				}
				if i > 0 && !cut.From.Equal(windows[i-1].To) {
					t.Errorf("%s does not adjoin the window before it", cut)
				}
			}
			if !slices.IsSortedFunc(windows, func(a, b schemas.Window) int { return a.From.Compare(b.From) }) {
				t.Error(fmt.Sprint("not ascending: ", windows))
			}
		})
	}
}

package workflows_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// refused fails the test unless the workflow ended with InvalidInput and its error names each of the words.
func refused(t *testing.T, env *testsuite.TestWorkflowEnvironment, words ...string) {
	t.Helper()
	var application *temporal.ApplicationError
	err := env.GetWorkflowError()
	if !errors.As(err, &application) || application.Type() != workflows.InvalidInput || !application.NonRetryable() {
		t.Fatalf("the workflow ended with %v, want %s", err, workflows.InvalidInput)
	}
	for _, word := range words {
		if !strings.Contains(application.Message(), word) {
			t.Errorf("%q does not name %s", application.Message(), word)
		}
	}
}

func TestExportRefusesWrongInput(t *testing.T) {
	day := func(y int) time.Time { return time.Date(y, 1, 1, 0, 0, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		change func(*workflows.ExportInput)
		words  []string
	}{
		"a window that does not exist":      {func(in *workflows.ExportInput) { in.Window = "hour" }, []string{`window "hour"`, "month, week or day"}},
		"from after to":                     {func(in *workflows.ExportInput) { in.From, in.To = in.To, in.From }, []string{"from 2026-01-01", "before to"}},
		"an empty range":                    {func(in *workflows.ExportInput) { in.To = in.From }, []string{"before to"}},
		"no from":                           {func(in *workflows.ExportInput) { in.From = time.Time{} }, []string{"from and to"}},
		"no to":                             {func(in *workflows.ExportInput) { in.To = time.Time{} }, []string{"from and to"}},
		"half a second":                     {func(in *workflows.ExportInput) { in.To = in.To.Add(time.Second / 2) }, []string{"whole seconds"}},
		"a range in the future":             {func(in *workflows.ExportInput) { in.From, in.To = day(2030), day(2031) }, []string{"from 2030-01-01", "past"}},
		"a name that leads out of a folder": {func(in *workflows.ExportInput) { in.Name = "../../data/x" }, []string{`name "../../data/x"`, "letters, digits"}},
		"no name":                           {func(in *workflows.ExportInput) { in.Name = "" }, []string{`name ""`}},
		"a name of two lines":               {func(in *workflows.ExportInput) { in.Name = "a\nb" }, []string{"name"}},
		"a long name":                       {func(in *workflows.ExportInput) { in.Name = strings.Repeat("a", 201) }, []string{"200"}},
		"an account that leads out":         {func(in *workflows.ExportInput) { in.Account = "../acme" }, []string{`account "../acme"`}},
		"no account":                        {func(in *workflows.ExportInput) { in.Account = "" }, []string{`account ""`}},
		"a refresh of two lines":            {func(in *workflows.ExportInput) { in.Refresh = "a\nb" }, []string{"refresh"}},
		"all at once":                       {func(in *workflows.ExportInput) { in.Name, in.Window = "", "hour" }, []string{"name", "window"}},
	} {
		t.Run(name, func(t *testing.T) {
			shards := 0
			env := exporting(t, activities.OpenExportOutput{}, func(workflow.Context, workflows.ShardInput) (workflows.ShardOutput, error) {
				shards++
				return committed(1), nil
			})
			in := year()
			test.change(&in)
			env.ExecuteWorkflow(workflows.Export, in)
			refused(t, env, test.words...)
			if shards > 0 {
				t.Errorf("%d shards were started all the same", shards)
			}
		})
	}
}

func TestShardRefusesWrongInput(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*workflows.ShardInput)
		word   string
	}{
		"an account that leads out": {func(in *workflows.ShardInput) { in.Shard.Account = ".." }, "account"},
		"a provider that leads out": {func(in *workflows.ShardInput) { in.Shard.Provider = "a/b" }, "shard.provider"},
		"another stream":            {func(in *workflows.ShardInput) { in.Shard.Stream = "all" }, "shard.stream"},
		"an empty window":           {func(in *workflows.ShardInput) { in.Shard.Window.To = in.Shard.Window.From }, "before to"},
		"no spec":                   {func(in *workflows.ShardInput) { in.Spec = "" }, "spec"},
		"a rate below 0":            {func(in *workflows.ShardInput) { in.RequestsPerSecond = -1 }, "requests_per_second -1"},
		"an account below 0":        {func(in *workflows.ShardInput) { in.AccountRequestsPerSecond = -1 }, "account_requests_per_second"},
		"chunks below 0":            {func(in *workflows.ShardInput) { in.ChunksInFlight = -1 }, "chunks"},
		"a chunk below 0":           {func(in *workflows.ShardInput) { in.ChunkSize = -1 }, "chunk"},
		"a cost below 0":            {func(in *workflows.ShardInput) { in.MessageRequests = -1 }, "message_requests"},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{}
			env := environment(t, w)
			in := may()
			test.change(&in)
			env.ExecuteWorkflow(workflows.Shard, in)
			refused(t, env, test.word)
			if len(w.calls) > 0 {
				t.Errorf("it called %v all the same", w.calls)
			}
		})
	}
}

func TestBudgetAndQuotaRefuseWrongInput(t *testing.T) {
	for name, test := range map[string]struct {
		workflow, in any
		word         string
	}{
		"a budget below 0":       {workflows.Budget, workflows.BudgetInput{RequestsPerSecond: -1}, "requests_per_second"},
		"a share of more than 1": {workflows.Budget, workflows.BudgetInput{SyncShare: 2}, "sync_share"},
		"a user without a name":  {workflows.Budget, workflows.BudgetInput{Users: []workflows.BudgetUser{{}}}, "workflow"},
		"a use of tomorrow":      {workflows.Quota, workflows.QuotaInput{Uses: []time.Time{time.Now().AddDate(1, 0, 0)}}, "uses"},
	} {
		t.Run(name, func(t *testing.T) {
			env := workflows.NewTestEnvironment()
			env.ExecuteWorkflow(test.workflow, test.in)
			refused(t, env, test.word)
		})
	}
}

// rejected sends an update and fails the test unless its validator rejects it.
func rejected(t *testing.T, env *testsuite.TestWorkflowEnvironment, name string, in any) {
	t.Helper()
	var reason error
	env.UpdateWorkflow(name, "", &testsuite.TestUpdateCallback{
		OnReject: func(err error) { reason = err }, OnAccept: func() {}, OnComplete: func(any, error) {},
	}, in)
	t.Cleanup(func() { // the environment decides later
		if reason == nil {
			t.Errorf("%s took %+v", name, in)
		}
	})
}

// TestUpdatesAreChecked: -1 would be no limit at all.
func TestUpdatesAreChecked(t *testing.T) {
	export := exporting(t, activities.OpenExportOutput{RequestsPerSecond: 10}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		return committed(1), workflow.Sleep(ctx, time.Hour)
	})
	export.RegisterDelayedCallback(func() {
		rejected(t, export, workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: -1})
		if p := exportProgress(t, export); p.AccountRequestsPerSecond != 10 {
			t.Errorf("the budget is %v, want the 10 of before", p.AccountRequestsPerSecond)
		}
	}, time.Minute)
	runExport(t, export, year())

	shard := environment(t, &world{conversations: 5, pageSize: 5})
	in := may()
	in.Paused = true
	shard.RegisterDelayedCallback(func() {
		rejected(t, shard, workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: -0.5})
		update(t, shard, workflows.ResumeUpdate)
	}, time.Minute)
	runShard(t, shard, in)

	budget := workflows.NewTestEnvironment()
	budget.RegisterDelayedCallback(func() {
		for _, in := range []activities.BudgetRequest{{}, {Workflow: "export/acme/x", RequestsPerSecond: -1}, {Workflow: "export/acme/x", SyncShare: -1}} {
			rejected(t, budget, workflows.JoinUpdate, in)
		}
	}, time.Minute)
	budget.ExecuteWorkflow(workflows.Budget, workflows.BudgetInput{})

	quota := workflows.NewTestEnvironment()
	quota.RegisterDelayedCallback(func() {
		for _, in := range []workflows.TakeInput{{}, {Limits: []providers.Limit{{Uses: 0, Per: time.Hour}}}, {Limits: []providers.Limit{{Uses: 1}}}} {
			rejected(t, quota, workflows.TakeUpdate, in)
		}
	}, time.Minute)
	quota.ExecuteWorkflow(workflows.Quota, workflows.QuotaInput{})
}

func TestRatesThatAreNoNumbers(t *testing.T) {
	for _, rate := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		if (workflows.SetRateInput{RequestsPerSecond: rate}).Check() == nil {
			t.Errorf("%v is taken for a rate", rate)
		}
	}
	if err := (workflows.SetRateInput{}).Check(); err != nil {
		t.Error(err)
	}
}

// TestWrongSignalsAreIgnored: signals cannot be rejected, and a negative rate would lift the limit.
func TestWrongSignalsAreIgnored(t *testing.T) {
	export := exporting(t, activities.OpenExportOutput{RequestsPerSecond: 10}, func(ctx workflow.Context, in workflows.ShardInput) (workflows.ShardOutput, error) {
		return committed(1), workflow.Sleep(ctx, time.Hour)
	})
	export.RegisterDelayedCallback(func() {
		export.SignalWorkflow("lease", providers.Lease{RequestsPerSecond: -1, AccountRequestsPerSecond: -1})
		export.SignalWorkflow("share", activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: -1, AccountRequestsPerSecond: -1}})
	}, time.Minute)
	export.RegisterDelayedCallback(func() {
		if p := exportProgress(t, export); p.RequestsPerSecond != 10 || p.AccountRequestsPerSecond != 10 {
			t.Errorf("the rates are %v and %v, want 10", p.RequestsPerSecond, p.AccountRequestsPerSecond)
		}
	}, 2*time.Minute)
	runExport(t, export, year())

	w := &world{conversations: 5, pageSize: 5}
	shard := environment(t, w)
	in := may()
	in.Paused, in.RequestsPerSecond = true, 10
	shard.RegisterDelayedCallback(func() {
		shard.SignalWorkflow("lease", providers.Lease{RequestsPerSecond: -1})
		shard.SignalWorkflow("control", map[string]any{"requests_per_second": -1})
		shard.SignalWorkflow("chunks", map[string]any{"chunks": -1})
		shard.SignalWorkflow("report", map[string]any{})
		update(t, shard, workflows.ResumeUpdate)
	}, time.Minute)
	runShard(t, shard, in)
	for _, f := range w.fetches {
		if f.Lease.RequestsPerSecond <= 0 {
			t.Errorf("a fetch has the lease %+v, want one of 10 requests a second", f.Lease)
		}
	}

	budget := workflows.NewTestEnvironment()
	budget.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(nil).Maybe()
	budget.RegisterDelayedCallback(func() {
		budget.SignalWorkflow("set_rate", workflows.SetRateInput{RequestsPerSecond: -1})
		budget.SignalWorkflow("budget", workflows.SetRateInput{RequestsPerSecond: -1})
		budget.SignalWorkflow("join", workflows.BudgetUser{})
	}, time.Minute)
	var grant activities.BudgetGrant
	budget.RegisterDelayedCallback(func() {
		budget.UpdateWorkflow(workflows.JoinUpdate, "", &testsuite.TestUpdateCallback{
			OnReject: func(err error) { t.Error(err) }, OnAccept: func() {},
			OnComplete: func(out any, _ error) { grant, _ = out.(activities.BudgetGrant) },
		}, activities.BudgetRequest{Workflow: "export/acme/x", RequestsPerSecond: 10, SyncShare: 0.5})
	}, 2*time.Minute)
	budget.ExecuteWorkflow(workflows.Budget, workflows.BudgetInput{})
	if grant.RequestsPerSecond != 10 {
		t.Errorf("the only export gets %+v, want 10 requests a second", grant)
	}
}

//go:build record

package workflows_test

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// endings are shards that somebody cancels.
func endings() map[string]scene {
	cancelIn := func(state workflows.State) func(*recorder, string) error {
		return func(r *recorder, id string) error {
			if err := r.await(id, state); err != nil {
				return err
			}
			return r.c.CancelWorkflow(r.t.Context(), id, "")
		}
	}
	cancelAt := func(step string) func(*recorder, string) error {
		return func(r *recorder, id string) error {
			if err := r.called(step, 1); err != nil {
				return err
			}
			return r.c.CancelWorkflow(r.t.Context(), id, "")
		}
	}
	denied := kindError(providers.Denied)
	return map[string]scene{
		"shard-cancel-opening":  {world: failing("OpenShard", 1, 100, kindError(providers.Transient)), act: cancelIn(workflows.StateWaiting)},
		"shard-cancel-listing":  {world: failing("", 0, 0, nil), hold: "ListPage", act: cancelAt("held ListPage")},
		"shard-cancel-fetching": {world: failing("", 0, 0, nil), hold: "FetchMessages", act: cancelAt("held FetchMessages")},
		"shard-cancel-waiting":  {world: failing("FetchMessages", 1, 100, kindError(providers.Transient)), act: cancelIn(workflows.StateWaiting)},
		"shard-cancel-blocked":  {world: failing("CommitShard", 1, 100, denied), act: cancelIn(workflows.StateBlocked)},
		"shard-cancel-paused": {world: failing("", 0, 0, nil), shard: func(in *workflows.ShardInput) { in.Paused = true },
			act: cancelIn(workflows.StatePaused)},
		"shard-cancel-sealing": {world: failing("", 0, 0, nil), hold: "SealShard", act: cancelAt("held SealShard")},
		"shard-cancel-missing": {world: alwaysMissing(), act: cancelIn(workflows.StateBlocked)},
		"shard-cancel-anew":    {world: failing("SealShard", 1, 100, lost()), act: cancelIn(workflows.StateBlocked)},
		"shard-cancelled":      {world: failing("FetchMessages", 1, 100, denied), act: cancelIn(workflows.StateBlocked)},
		"export-cancelled":     {world: failing("ListPage", 1, 1, denied), export: months(3), act: cancelIn(workflows.StateBlocked)},
		"export-cancel-open":   {world: failing("", 0, 0, nil), hold: "OpenExport", export: months(1), act: cancelAt("held OpenExport")},
		"export-cancel-close":  {world: failing("CloseExport", 1, 100, denied), export: months(1), act: cancelIn(workflows.StateBlocked)},
		"export-cancel-fetching": {world: failing("", 0, 0, nil), hold: "FetchMessages", export: months(3),
			open: activities.OpenExportOutput{Shards: 2}, act: cancelAt("held FetchMessages")},
	}
}

func alwaysMissing() *world {
	w := missing(0)
	w.fail = nil
	return w
}

// months is an export of the first months of 2025.
func months(n int) *workflows.ExportInput {
	in := year()
	in.To = in.From.AddDate(0, n, 0)
	return &in
}

// hours is an export with a window that does not exist.
func hours() *workflows.ExportInput {
	in := months(1)
	in.Window = "hour"
	return in
}

// adopting is an export that takes over what the ledger has.
func adopting() *workflows.ExportInput {
	in := months(2)
	in.Adopt = true
	return in
}

func exportScenes() map[string]scene {
	days := year()
	days.Window, days.To = "day", days.From.AddDate(0, 0, 30)
	days.Policy.ShardsPerRun = 20
	future := months(1)
	future.Window, future.From, future.To = "", time.Now().AddDate(0, 0, -1).UTC().Truncate(24*time.Hour), time.Now().AddDate(0, 0, 1)
	dense := failing("ListPage", 1, 1, kindError(providers.WindowTooDense))
	flagged := missing(0)
	flagged.fail = nil
	adopted := &world{adopted: &activities.Commit{Outcome: "adopted", Generation: 1}}
	return map[string]scene{
		"export":          {world: &world{conversations: 30, pageSize: 50}, export: months(12), open: activities.OpenExportOutput{Shards: 2, HasDirectory: true, RequestsPerSecond: 1000, Visibility: "full"}},
		"export-blocked":  {world: failing("ListPage", 1, 1, kindError(providers.Denied)), export: months(3), act: freed},
		"export-absent":   {world: &world{}, export: adopting()},
		"export-halves":   {world: dense, export: months(1)},
		"export-reports":  {world: failing("", 0, 0, nil), export: months(1), open: activities.OpenExportOutput{HasReports: true, Shards: 2}},
		"export-flagged":  {world: flagged, export: months(1), open: activities.OpenExportOutput{OnMismatch: "flag"}},
		"export-clipped":  {world: adopted, export: future, open: activities.OpenExportOutput{Window: "day"}},
		"export-denied":   {world: failing("OpenExport", 1, 1, kindError(providers.Denied)), export: months(1), act: freed},
		"export-unclosed": {world: failing("CloseExport", 1, 2, kindError(activities.Unavailable)), export: months(1)},
		"export-steered":  {world: &world{conversations: 40, pageSize: 5}, slow: 100 * time.Millisecond, export: months(3), open: activities.OpenExportOutput{Shards: 2, RequestsPerSecond: 0.5}, act: steered},
		"export-failed":   {world: failing("ListPage", 1, 1000, kindError(providers.Denied)), export: months(1), act: terminated},
		"export-met":      {world: failing("ListPage", 1, 1, kindError(providers.Denied)), export: months(1), act: met},
		"export-shares": {world: failing("", 0, 0, nil), slow: 300 * time.Millisecond, export: months(2), act: slower, open: activities.OpenExportOutput{
			RequestsPerSecond: 10, Grant: &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 5, AccountRequestsPerSecond: 10}, After: time.Second},
		}},
		"export-away": {world: failing("FetchMessages", 1, 1, kindError(providers.Stopped)), export: months(2), act: freed, open: activities.OpenExportOutput{
			RequestsPerSecond: 10, Grant: &activities.BudgetGrant{Lease: activities.Lease{RequestsPerSecond: 10, AccountRequestsPerSecond: 10}},
		}},
		"export-held":           {world: firstDenied(), export: &days, open: activities.OpenExportOutput{Shards: 4, RequestsPerSecond: 1000}, act: freedLater},
		"export-held-cancelled": {world: firstDenied(), export: &days, open: activities.OpenExportOutput{Shards: 4}, act: cancelledLater},
		"export-meets-blocked":  {world: failing("ListPage", 1, 1, kindError(providers.Denied)), export: months(1), act: metBlocked},
		"export-refused":        {world: &world{}, export: hours()},
		"export-continues":      {world: firstDenied(), export: &days, open: activities.OpenExportOutput{Shards: 4}, act: continued},
	}
}

// firstDenied is a world in which all is committed, but for the shard that is opened first, which a person has to see to.
func firstDenied() *world {
	w := failing("OpenShard", 1, 1, kindError(providers.Denied))
	w.adopted = &activities.Commit{Outcome: "adopted", Generation: 1}
	return w
}

// running is the workflow id of the first shard that an export has in flight.
func running(r *recorder, id string) (string, error) {
	return r.shown(id, func(p workflows.ExportProgress) (shards []string) { return p.Running })
}

// blocked is the workflow id of the first shard of an export that waits for a person.
func blocked(r *recorder, id string) (string, error) {
	return r.shown(id, func(p workflows.ExportProgress) (shards []string) {
		for _, b := range p.Blocked {
			shards = append(shards, b.Shard)
		}
		return shards
	})
}

// steered is what people do who pause an export, make it slower and let it go on. The first shard is told all of it.
func steered(r *recorder, id string) error {
	if err := r.called("FetchMessages", 1); err != nil {
		return err
	}
	shard, err := running(r, id)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return r.order(id, workflows.PauseUpdate) },
		func() error { return r.await(shard, workflows.StatePaused) },
		func() error {
			return r.order(id, workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: 0.25})
		},
		func() error { return r.order(id, workflows.RetryBlockedUpdate) },
		func() error { return r.order(id, workflows.ResumeUpdate) },
		func() error { return r.c.GetWorkflow(r.t.Context(), shard, "").Get(r.t.Context(), nil) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	r.save(shard, "", r.name+"-shard")
	return nil
}

// slower is what a person does who lowers the rate of an account, and what its budget then says.
func slower(r *recorder, id string) error {
	if err := r.called("FetchMessages", 1); err != nil {
		return err
	}
	if err := r.order(id, workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: 4}); err != nil {
		return err
	}
	return r.c.SignalWorkflow(r.t.Context(), id, "", "lease", providers.Lease{RequestsPerSecond: 3, AccountRequestsPerSecond: 4})
}

// terminated is what somebody does who ends a shard by hand, again and again.
func terminated(r *recorder, id string) error {
	shard, err := running(r, id)
	if err != nil {
		return err
	}
	for times := 1; times <= 3; times++ {
		if err := r.called("ListPage", times); err != nil {
			return err
		}
		if err := r.await(shard, workflows.StateBlocked); err != nil {
			return err
		}
		if err := r.c.TerminateWorkflow(r.t.Context(), shard, "", "by hand"); err != nil {
			return err
		}
	}
	return nil
}

// met is a second export of what the first has in hand; the second waits. It and the shard are recorded too.
func met(r *recorder, id string) error {
	if err := r.await(id, workflows.StateBlocked); err != nil {
		return err
	}
	shard, err := blocked(r, id)
	if err != nil {
		return err
	}
	description, err := r.c.DescribeWorkflowExecution(r.t.Context(), shard, "")
	if err != nil {
		return err
	}
	in := *r.export
	in.Account, in.Name = r.name, "another"
	second := workflows.ExportID(in.Account, in.Name)
	run, err := r.c.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: second, TaskQueue: r.name}, workflows.Export, in)
	if err != nil {
		return err
	}
	if _, err := running(r, second); err != nil {
		return err
	}
	if err := r.order(second, workflows.RetryBlockedUpdate); err != nil { // not its shard: nobody is told
		return err
	}
	if err := r.order(id, workflows.RetryBlockedUpdate); err != nil {
		return err
	}
	if err := run.Get(r.t.Context(), nil); err != nil {
		return err
	}
	r.save(second, "", r.name+"-another")
	r.save(shard, description.WorkflowExecutionInfo.Execution.RunId, r.name+"-shard")
	return nil
}

// continued frees the shard that blocks when the export has gone on to its next run.
func continued(r *recorder, id string) error {
	shard, err := blocked(r, id)
	if err != nil {
		return err
	}
	if err := r.called("OpenShard", days(r)); err != nil {
		return err
	}
	return r.order(shard, workflows.RetryBlockedUpdate)
}

// goneOn waits until an export with a blocked shard has gone on to its next run, which shows that shard.
func goneOn(r *recorder, id string) (shard string, err error) {
	run := func() (string, error) {
		d, err := r.c.DescribeWorkflowExecution(r.t.Context(), id, "")
		if err != nil {
			return "", err
		}
		return d.WorkflowExecutionInfo.Execution.RunId, nil
	}
	first, err := run()
	if err != nil {
		return "", err
	}
	err = r.until(func() (bool, error) {
		next, err := run()
		return next != first, err
	})
	if err != nil {
		return "", err
	}
	return blocked(r, id)
}

// freedLater frees the blocked shard through the second run of its export.
func freedLater(r *recorder, id string) error {
	shard, err := goneOn(r, id)
	if err != nil {
		return err
	}
	if err := r.order(id, workflows.RetryBlockedUpdate); err != nil {
		return err
	}
	if err := r.c.GetWorkflow(r.t.Context(), shard, "").Get(r.t.Context(), nil); err != nil {
		return err
	}
	r.save(shard, "", r.name+"-shard")
	return nil
}

// cancelledLater cancels the second run, and with it the shard that the first one left.
func cancelledLater(r *recorder, id string) error {
	if _, err := goneOn(r, id); err != nil {
		return err
	}
	return r.c.CancelWorkflow(r.t.Context(), id, "")
}

// metBlocked is a second export that meets the blocked shard of the first, shows it and frees it.
func metBlocked(r *recorder, id string) error {
	shard, err := blocked(r, id)
	if err != nil {
		return err
	}
	in := *r.export
	in.Account, in.Name = r.name, "another"
	second := workflows.ExportID(in.Account, in.Name)
	run, err := r.c.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: second, TaskQueue: r.name}, workflows.Export, in)
	if err != nil {
		return err
	}
	if _, err := blocked(r, second); err != nil {
		return err
	}
	asked := r.c.GetWorkflow(r.t.Context(), shard, "")
	first := asked.GetRunID()
	if err := r.order(second, workflows.RetryBlockedUpdate); err != nil {
		return err
	}
	if err := run.Get(r.t.Context(), nil); err != nil {
		return err
	}
	r.save(second, "", r.name+"-another")
	r.save(shard, first, r.name+"-shard")
	return nil
}

// days is how many shards are opened before an export has begun all of its days.
func days(r *recorder) int { return int(r.export.To.Sub(r.export.From) / (24 * time.Hour)) }

func quotaScenes() map[string]scene {
	take := func(r *recorder, id string, times int, limit providers.Limit) error {
		for range times {
			if err := r.order(id, workflows.TakeUpdate, workflows.TakeInput{Limits: []providers.Limit{limit}}); err != nil {
				return err
			}
		}
		return nil
	}
	return map[string]scene{
		"quota": {quota: true, act: func(r *recorder, id string) error {
			return take(r, id, 3, providers.Limit{Uses: 2, Per: time.Minute})
		}},
		"quota-continues": {quota: true, act: func(r *recorder, id string) error {
			return take(r, id, 502, providers.Limit{Uses: 3, Per: 100 * time.Millisecond})
		}},
		"quota-cancelled": {quota: true, act: func(r *recorder, id string) error {
			if err := take(r, id, 1, providers.Limit{Uses: 1, Per: time.Hour}); err != nil {
				return err
			}
			return r.c.CancelWorkflow(r.t.Context(), id, "")
		}},
	}
}

func budgetScenes() map[string]scene {
	// A shard that is paused stands for an export: it can be told things too.
	user := func(r *recorder) (string, error) {
		in := may()
		in.Paused = true
		run, err := r.c.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{ID: r.name + "/user", TaskQueue: r.name}, workflows.Shard, in)
		if err != nil {
			return "", err
		}
		return run.GetID(), nil
	}
	join := func(r *recorder, id, user string) error {
		return r.order(id, workflows.JoinUpdate, activities.BudgetRequest{Workflow: user, RequestsPerSecond: 10, SyncShare: 0.5})
	}
	tell := func(r *recorder, id, signal string, in any) error {
		return r.c.SignalWorkflow(r.t.Context(), id, "", signal, in)
	}
	return map[string]scene{
		"budget": {world: &world{}, budget: true, act: func(r *recorder, id string) error {
			export, err := user(r)
			if err != nil {
				return err
			}
			used := workflows.BudgetUser{Workflow: export}
			return errors.Join(join(r, id, export), join(r, id, "nobody"), tell(r, id, "set_rate", workflows.SetRateInput{RequestsPerSecond: 5}),
				tell(r, id, "join", used), tell(r, id, "leave", used))
		}},
		"budget-continues": {world: &world{}, budget: true, act: func(r *recorder, id string) error {
			export, err := user(r)
			if err != nil {
				return err
			}
			for range 310 { // each is told to the user; one that comes just when the run ends may have no answer
				ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
				handle, err := r.c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
					WorkflowID: id, UpdateName: workflows.JoinUpdate, WaitForStage: client.WorkflowUpdateStageCompleted,
					Args: []any{activities.BudgetRequest{Workflow: export, RequestsPerSecond: 10, SyncShare: 0.5}},
				})
				if err == nil {
					err = handle.Get(ctx, nil)
				}
				cancel()
				if err != nil {
					r.t.Log(err)
				}
			}
			return tell(r, id, "leave", workflows.BudgetUser{Workflow: export})
		}},
		"budget-cancelled": {world: &world{}, budget: true, act: func(r *recorder, id string) error {
			export, err := user(r)
			return errors.Join(err, join(r, id, export), r.c.CancelWorkflow(r.t.Context(), id, ""))
		}},
	}
}

//go:build record

package workflows_test

import (
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/workflows"
)

// skipped is what a person does who gives up a blocked shard.
func skipped(r *recorder, id string) error {
	if err := r.await(id, workflows.StateBlocked); err != nil {
		return err
	}
	return r.order(id, workflows.SkipUpdate)
}

// skippedOf gives up the blocked shard of an export, and saves its history.
func skippedOf(r *recorder, id string) error {
	shard, err := blocked(r, id)
	if err != nil {
		return err
	}
	if err := r.await(id, workflows.StateBlocked); err != nil { // nothing else is at work
		return err
	}
	return r.order(shard, workflows.SkipUpdate)
}

// skippedLater gives up the shard that the first run of an export has left blocked.
func skippedLater(r *recorder, id string) error {
	shard, err := goneOn(r, id)
	if err != nil {
		return err
	}
	if err := r.order(shard, workflows.SkipUpdate); err != nil {
		return err
	}
	if err := r.c.GetWorkflow(r.t.Context(), shard, "").Get(r.t.Context(), nil); err != nil {
		return err
	}
	r.save(shard, "", r.name+"-shard")
	return nil
}

// steps waits for a state of the run, and then does the next thing, and so on.
func steps(all ...func(r *recorder, id string) error) func(*recorder, string) error {
	return func(r *recorder, id string) error {
		for _, step := range all {
			if err := step(r, id); err != nil {
				return err
			}
		}
		return nil
	}
}

func pausedAndResumed(r *recorder, id string) error {
	if err := r.order(id, workflows.PauseUpdate); err != nil {
		return err
	}
	if err := r.await(id, workflows.StatePaused); err != nil {
		return err
	}
	return r.order(id, workflows.ResumeUpdate)
}

// skipScenes are runs with shards that a person gives up, and runs that tell their state and start a maintenance.
func skipScenes() map[string]scene {
	denied := kindError(providers.Denied)
	deniedList := func() *world { return failing("ListPage", 1, 1, denied) }
	in := func() *workflows.SyncInput { return &workflows.SyncInput{Policy: workflows.NewPolicy()} }
	plan := activities.OpenExportOutput{Shards: 2, Plan: syncPlan()}
	settle := activities.OpenExportOutput{Shards: 1, Plan: syncPlan()[1:]}
	for i := range settle.Plan {
		settle.Plan[i].Stream, settle.Plan[i].Depth, settle.Plan[i].Refresh = "created", activities.DepthList, "settle/24h0m0s"
	}
	days := year()
	days.Window, days.To = "day", days.From.AddDate(0, 0, 30)
	days.Policy.ShardsPerRun = 20
	told := *workflows.NewPolicy()
	told.ShardsPerRun = 1
	toldExport := months(3)
	toldExport.Policy = &told
	maintain := maintained()
	down := failing("OpenExport", 1, 2, kindError(activities.Unavailable))
	return map[string]scene{
		"shard-skipped":          {world: failing("FetchMessages", 1, 1, denied), act: skipped},
		"shard-skipped-open":     {world: failing("OpenShard", 1, 1, denied), act: skipped},
		"shard-skipped-count":    {world: alwaysMissing(), act: skipped},
		"shard-skipped-commit":   {world: failing("CommitShard", 1, 100, denied), act: skipped},
		"export-skipped":         {world: deniedList(), export: months(3), act: skippedOf},
		"export-skipped-later":   {world: firstDenied(), export: &days, open: activities.OpenExportOutput{Shards: 4, RequestsPerSecond: 1000}, act: skippedLater},
		"sync-skipped":           {world: deniedList(), sync: in(), open: plan, act: skippedOf},
		"settle-maintains":       {world: &world{conversations: 10, pageSize: 5, unlisted: 2}, settle: in(), open: settle},
		"settle-maintains-not":   {world: failing("StartMaintain", 1, 100, kindError(activities.Unavailable)), settle: in(), open: settle},
		"sync-tells":             {world: deniedList(), sync: in(), open: plan, act: freed, attributed: true},
		"sync-tells-waits":       {world: down, sync: in(), open: plan, attributed: true},
		"sync-tells-skipped":     {world: deniedList(), sync: in(), open: plan, act: skippedOf, attributed: true},
		"export-tells":           {world: failing("", 0, 0, nil), slow: 300 * time.Millisecond, export: months(3), open: activities.OpenExportOutput{Shards: 1}, act: steps(called("FetchMessages"), pausedAndResumed), attributed: true},
		"export-tells-continues": {world: failing("", 0, 0, nil), export: toldExport, attributed: true},
		"export-tells-cancelled": {world: deniedList(), export: months(1), attributed: true, act: func(r *recorder, id string) error {
			if err := r.await(id, workflows.StateBlocked); err != nil {
				return err
			}
			return r.c.CancelWorkflow(r.t.Context(), id, "")
		}},
		"export-tells-refused": {world: &world{}, export: hours(), attributed: true},
		"maintain-tells":       {world: failing("MergeShards", 1, 1, denied), maintain: &maintain, act: freed, attributed: true},
	}
}

// called waits until a step has begun.
func called(step string) func(*recorder, string) error {
	return func(r *recorder, _ string) error { return r.called(step, 1) }
}

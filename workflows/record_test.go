//go:build record

package workflows_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// TestRecord writes the histories of the version in development that are not there yet.
func TestRecord(t *testing.T) {
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	c, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: embedded.Namespace, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := os.MkdirAll(filepath.Join(histories, inDevelopment), 0o755); err != nil {
		t.Fatal(err)
	}
	addAttributes(t, c)
	for name, s := range scenes() {
		if !recorded(name) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := &recorder{scene: s, t: t, c: c, name: name}
				r.record()
			})
		}
	}
}

// addAttributes creates the search attributes of runs, and waits until the server takes them.
func addAttributes(t *testing.T, c client.Client) {
	t.Helper()
	keyword := enums.INDEXED_VALUE_TYPE_KEYWORD
	_, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: embedded.Namespace, SearchAttributes: map[string]enums.IndexedValueType{
			workflows.AccountAttribute.GetName(): keyword, workflows.KindAttribute.GetName(): keyword, workflows.StateAttribute.GetName(): keyword,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		options := client.StartWorkflowOptions{ID: "known", TaskQueue: "nobody", TypedSearchAttributes: workflows.Attributes("acme", "test")}
		if _, err = c.ExecuteWorkflow(t.Context(), options, workflows.Sync, workflows.SyncInput{}); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// recorder plays one scene on a real server.
type recorder struct {
	scene
	t    *testing.T
	c    client.Client
	name string
}

func (r *recorder) record() {
	w := r.worker()
	if err := w.Start(); err != nil {
		r.t.Fatal(err)
	}
	defer w.Stop()
	id, run := r.start()
	first := run.GetRunID() // Get follows the runs that continue it
	if r.act != nil {
		if err := r.act(r, id); err != nil {
			r.t.Fatal(err)
		}
	}
	_ = run.Get(r.t.Context(), nil) // a cancelled one ends with an error
	r.save(id, first, r.name)
	if last := run.GetRunID(); last != first {
		r.save(id, last, r.name+"-on")
	}
}

func (r *recorder) worker() worker.Worker {
	w := worker.New(r.c, r.name, worker.Options{Interceptors: []interceptor.WorkerInterceptor{&brief{}}})
	w.RegisterWorkflow(workflows.Export)
	w.RegisterWorkflow(workflows.Shard)
	w.RegisterWorkflow(workflows.Sync)
	w.RegisterWorkflow(workflows.Settle)
	w.RegisterWorkflow(workflows.Push)
	w.RegisterWorkflow(workflows.Inbox)
	w.RegisterWorkflow(workflows.Quota)
	w.RegisterWorkflow(workflows.Budget)
	w.RegisterWorkflow(workflows.Remap)
	w.RegisterWorkflow(workflows.Maintain)
	w.RegisterWorkflow(workflows.EndStaleChats)
	w.RegisterWorkflow(workflows.SendAlerts)
	world, scene := r.world, r.scene
	for name, f := range map[string]any{
		"OpenShard": holding(scene, "OpenShard", world.OpenShard), "ListPage": holding(scene, "ListPage", world.ListPage),
		"ListUnlisted": world.ListUnlisted, "ListNamed": world.ListNamed, "FetchMessages": holding(scene, "FetchMessages", world.FetchMessages), "FetchMetadata": holding(scene, "FetchMetadata", world.FetchMetadata),
		"SaveReceipts": world.SaveReceipts, "SealShard": holding(scene, "SealShard", world.SealShard),
		"StartMaintain": world.StartMaintain,
		"PlanMaintain":  world.PlanMaintain, "MergeShards": holding(scene, "MergeShards", world.MergeShards), "AbsorbShards": world.AbsorbShards,
		"OpenEnding": holding(scene, "OpenEnding", world.OpenEnding), "ListStale": world.ListStale, "EndConversations": holding(scene, "EndConversations", world.EndConversations),
		"ResolveAudits": world.ResolveAudits, "CommitAudits": world.CommitAudits,
		"ListCommitted": world.ListCommitted, "RemapShard": holding(scene, "RemapShard", world.RemapShard),
		"VerifyShard": world.VerifyShard, "CommitShard": world.CommitShard, "Cleanup": world.Cleanup, "FinishShard": world.FinishShard,
		"FindAlerts": func(context.Context, activities.FindAlertsInput) (activities.FindAlertsOutput, error) {
			return scene.alerts.find(), world.begin("FindAlerts", 0, 0)
		},
		"SendAlert": func(_ context.Context, in activities.SendAlertInput) (activities.SendAlertOutput, error) {
			return scene.alerts.send(in), world.begin("SendAlert", 0, 0)
		},
		"OpenExport": holding(scene, "OpenExport", func(_ context.Context, in activities.OpenExportInput) (activities.OpenExportOutput, error) {
			open := scene.open
			open.Plan = slices.Clone(open.Plan)
			open.Provider, open.Spec, open.ChunksInFlight, open.CheckedAt = "chatwoot", "spec", 2, time.Now()
			open.MessageRequests, open.MetadataRequests = 1, 2
			for i := range open.Plan {
				open.Plan[i].Account = r.name
				if in.Plan == activities.PlanPush { // each Push has a window of its own
					now := in.Now.Truncate(time.Second)
					open.Plan[i].Named, open.Plan[i].Window = in.Named, schemas.Window{From: now.Add(-time.Minute), To: now}
				}
			}
			return open, world.begin("OpenExport", 0, 0)
		}),
		"CloseExport": func(context.Context, activities.CloseExportInput) (activities.CloseExportOutput, error) {
			return activities.CloseExportOutput{Manifest: "manifest.json"}, world.begin("CloseExport", 0, 0)
		},
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	return w
}

// holding is an activity that hangs while its scene holds its step: with heartbeats until it is cancelled, or silently
// until it is given up.
func holding[In, Out any](s scene, step string, f func(context.Context, In) (Out, error)) func(context.Context, In) (Out, error) {
	return func(ctx context.Context, in In) (Out, error) {
		if s.hang == step {
			var none Out
			fetch, ok := any(in).(activities.FetchInput)
			if !ok || fetch.Low <= atFault && fetch.High > atFault {
				<-ctx.Done()
				return none, ctx.Err()
			}
		}
		if s.hold == step {
			_ = s.world.begin("held "+step, 0, 0)
		}
		for s.hold == step {
			activity.RecordHeartbeat(ctx)
			select {
			case <-ctx.Done():
				var none Out
				return none, ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
		time.Sleep(s.slow)
		return f(ctx, in)
	}
}

func (r *recorder) start() (string, client.WorkflowRun) {
	id, workflow, in := "", any(workflows.Shard), any(nil)
	switch {
	case r.remap != nil:
		remap := *r.remap
		remap.Account = r.name
		id, workflow, in = workflows.RemapID(r.name), workflows.Remap, remap
	case r.maintain != nil:
		maintain := *r.maintain
		maintain.Account = r.name
		id, workflow, in = workflows.MaintainID(r.name), workflows.Maintain, maintain
	case r.endStale != nil:
		end := *r.endStale
		end.Account = r.name
		id, workflow, in = workflows.EndStaleID(r.name), workflows.EndStaleChats, end
	case r.alerts != nil:
		id, workflow, in = workflows.AlertsID(r.name), workflows.SendAlerts, workflows.AlertsInput{Policy: r.alerts.policy}
	case r.sync != nil:
		sync := *r.sync
		sync.Account = r.name
		id, workflow, in = workflows.SyncID(r.name), workflows.Sync, sync
	case r.settle != nil:
		settle := *r.settle
		settle.Account = r.name
		id, workflow, in = workflows.SettleID(r.name), workflows.Settle, settle
	case r.push != nil:
		push := *r.push
		push.Account = r.name
		id, workflow, in = workflows.PushID(r.name), workflows.Push, push
	case r.inbox != nil:
		inbox := *r.inbox
		inbox.Account = r.name
		id = workflows.InboxID(r.name)
		run, err := r.c.SignalWithStartWorkflow(r.t.Context(), id, workflows.AnnouncedSignal, announced("1", "2"), client.StartWorkflowOptions{TaskQueue: r.name}, workflows.Inbox, inbox)
		if err != nil {
			r.t.Fatal(err)
		}
		return id, run
	case r.budget:
		id, workflow, in = workflows.BudgetID(r.name), workflows.Budget, workflows.BudgetInput{Policy: workflows.NewPolicy()}
	case r.quota:
		id, workflow, in = workflows.QuotaID(r.name, "reports"), workflows.Quota, workflows.QuotaInput{Policy: workflows.NewPolicy()}
	case r.export != nil:
		export := *r.export
		export.Account = r.name
		id, workflow, in = workflows.ExportID(r.name, export.Name), workflows.Export, export
	default:
		shard := may()
		shard.Shard.Account = r.name
		if r.shard != nil {
			r.shard(&shard)
		}
		id, in = workflows.ShardID(shard.Shard), shard
	}
	options := client.StartWorkflowOptions{ID: id, TaskQueue: r.name}
	if r.attributed {
		options.TypedSearchAttributes = workflows.Attributes(r.name, "test")
	}
	run, err := r.c.ExecuteWorkflow(r.t.Context(), options, workflow, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return id, run
}

// order sends an update and waits until the workflow has taken it.
func (r *recorder) order(id, update string, args ...any) error {
	handle, err := r.c.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: update, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(r.t.Context(), nil)
}

// await polls the workflow's progress until it is in a state.
func (r *recorder) await(id string, want workflows.State) error {
	return r.until(func() (bool, error) {
		value, err := r.c.QueryWorkflow(r.t.Context(), id, "", workflows.ProgressQuery)
		if err != nil {
			return false, nil // it has not begun
		}
		var p struct{ State workflows.State }
		err = value.Get(&p)
		return p.State == want, err
	})
}

// shown waits until an export shows at least one of some shards, and is the first.
func (r *recorder) shown(id string, some func(workflows.ExportProgress) []string) (shard string, err error) {
	err = r.until(func() (bool, error) {
		value, err := r.c.QueryWorkflow(r.t.Context(), id, "", workflows.ProgressQuery)
		if err != nil {
			return false, nil // it has not begun
		}
		var p workflows.ExportProgress
		if err := value.Get(&p); err != nil || len(some(p)) == 0 {
			return false, err
		}
		shard = some(p)[0]
		return true, nil
	})
	return shard, err
}

// called waits until a step has begun so often.
func (r *recorder) called(step string, times int) error {
	return r.until(func() (bool, error) {
		r.world.mu.Lock()
		defer r.world.mu.Unlock()
		return r.world.calls[step] >= times, nil
	})
}

func (r *recorder) until(done func() (bool, error)) error {
	deadline := time.After(2 * time.Minute)
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-deadline:
			return errors.New("the scene does not come to the place where somebody acts")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

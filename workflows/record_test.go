//go:build record

package workflows_test

import (
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/worker/embedded"
	"github.com/chatlake/chatlake/workflows"
)

// scene is one way in which workflows can go.
type scene struct {
	world world
	shard func(*workflows.ShardInput)
	// export runs a whole Export; its shards are recorded too.
	export *workflows.ExportInput
	open   activities.OpenExportOutput
	// act is what a person does while it runs.
	act func(ctx context.Context, c client.Client, id string) error
}

func scenes() map[string]scene {
	more := int64(101)
	export := year()
	quarter := year()
	quarter.To = quarter.From.AddDate(0, 3, 0)
	return map[string]scene{
		"shard":         {world: world{conversations: 610, pageSize: 250}},
		"shard-adopted": {world: world{adopted: &activities.Commit{Outcome: "adopted", Generation: 3}}},
		"shard-as-new":  {world: world{conversations: 30_000, pageSize: 250}},
		"shard-bisect": {world: world{conversations: 60, pageSize: 60, fail: func(step string, low, high int) error {
			if step == "FetchMessages" && low <= 33 && high > 33 {
				return kindError(providers.Malformed)
			}
			return nil
		}}},
		"shard-cut": {world: world{conversations: 60, pageSize: 60, fail: func(step string, _, _ int) error {
			if step == "ListPage" {
				return kindError(providers.WindowTooDense)
			}
			return nil
		}}},
		"shard-listed-again": {world: world{conversations: 100, pageSize: 50, total: &more}, shard: func(in *workflows.ShardInput) { in.Flag = true }},
		"shard-expired":      {world: once("ListPage", 2, kindError(providers.CursorExpired))},
		"shard-anew":         {world: once("SealShard", 1, lost())},
		"shard-blocked": {world: once("FetchMessages", 1, kindError(providers.Denied)), act: func(ctx context.Context, c client.Client, id string) error {
			if err := awaitState(ctx, c, id, workflows.StateBlocked); err != nil {
				return err
			}
			return order(ctx, c, id, workflows.RetryBlockedUpdate)
		}},
		"shard-paused": {world: world{conversations: 100, pageSize: 50}, shard: func(in *workflows.ShardInput) { in.Paused = true },
			act: func(ctx context.Context, c client.Client, id string) error {
				if err := order(ctx, c, id, workflows.SetRateUpdate, workflows.SetRateInput{RequestsPerSecond: 50}); err != nil {
					return err
				}
				return order(ctx, c, id, workflows.ResumeUpdate)
			}},
		"shard-cancelled": {world: once("FetchMessages", 1, kindError(providers.Denied)), act: func(ctx context.Context, c client.Client, id string) error {
			if err := awaitState(ctx, c, id, workflows.StateBlocked); err != nil {
				return err
			}
			return c.CancelWorkflow(ctx, id, "")
		}},
		"export": {world: world{conversations: 30, pageSize: 50}, export: &export, open: activities.OpenExportOutput{Shards: 2, HasDirectory: true, RequestsPerSecond: 1000, Visibility: "full"}},
		"export-blocked": {world: once("ListPage", 1, kindError(providers.Denied)), export: &quarter, open: activities.OpenExportOutput{Shards: 1},
			act: func(ctx context.Context, c client.Client, id string) error {
				if err := awaitState(ctx, c, id, workflows.StateBlocked); err != nil {
					return err
				}
				return order(ctx, c, id, workflows.RetryBlockedUpdate)
			}},
		"export-cancelled": {world: once("ListPage", 1, kindError(providers.Denied)), export: &quarter, open: activities.OpenExportOutput{Shards: 1},
			act: func(ctx context.Context, c client.Client, id string) error {
				if err := awaitState(ctx, c, id, workflows.StateBlocked); err != nil {
					return err
				}
				return c.CancelWorkflow(ctx, id, "")
			}},
	}
}

// once is a world in which the nth call of a step fails.
func once(step string, nth int, err error) world {
	calls := 0
	return world{conversations: 100, pageSize: 50, fail: func(s string, _, _ int) error {
		if s != step {
			return nil
		}
		if calls++; calls == nth {
			return err
		}
		return nil
	}}
}

func order(ctx context.Context, c client.Client, id, update string, args ...any) error {
	handle, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateName: update, Args: args, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return err
	}
	return handle.Get(ctx, nil)
}

func awaitState(ctx context.Context, c client.Client, id string, want workflows.State) error {
	for {
		value, err := c.QueryWorkflow(ctx, id, "", workflows.ProgressQuery)
		if err == nil {
			var p struct{ State workflows.State }
			if err := value.Get(&p); err != nil || p.State == want {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// TestRecord writes the histories of every scene. Run it at a release, from the release.
func TestRecord(t *testing.T) {
	server, err := embedded.Start(t.Context(), embedded.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	c, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: embedded.Namespace, Logger: silent{}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := os.MkdirAll(histories, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, s := range scenes() {
		t.Run(name, func(t *testing.T) { s.record(t, c, name) })
	}
}

func (s *scene) record(t *testing.T, c client.Client, name string) {
	w := worker.New(c, name, worker.Options{})
	w.RegisterWorkflow(workflows.Export)
	w.RegisterWorkflow(workflows.Shard)
	for activityName, f := range map[string]any{
		"OpenShard": s.world.OpenShard, "ListPage": s.world.ListPage, "FetchMessages": s.world.FetchMessages,
		"FetchMetadata": s.world.FetchMetadata, "SaveReceipts": s.world.SaveReceipts, "SealShard": s.world.SealShard,
		"VerifyShard": s.world.VerifyShard, "CommitShard": s.world.CommitShard, "Cleanup": s.world.Cleanup,
		"OpenExport": func(context.Context, activities.OpenExportInput) (activities.OpenExportOutput, error) {
			s.open.Provider, s.open.Spec, s.open.Chunks, s.open.CheckedAt = "chatwoot", "spec", 2, time.Now()
			s.open.MessageRequests, s.open.MetadataRequests = 1, 2
			return s.open, nil
		},
		"CloseExport": func(context.Context, activities.CloseExportInput) (activities.CloseExportOutput, error) {
			return activities.CloseExportOutput{Manifest: "manifest.json"}, nil
		},
	} {
		w.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: activityName})
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	id, run := s.start(t, c, name)
	if s.act != nil {
		if err := s.act(t.Context(), c, id); err != nil {
			t.Fatal(err)
		}
	}
	_ = run.Get(t.Context(), nil) // a cancelled one ends with an error
	save(t, c, id, run.GetRunID(), name)
}

func (s *scene) start(t *testing.T, c client.Client, name string) (string, client.WorkflowRun) {
	id, workflow, in := "", any(workflows.Shard), any(nil)
	if s.export != nil {
		s.export.Account = name
		id, workflow, in = workflows.ExportID(name, s.export.Name), workflows.Export, *s.export
	} else {
		shard := may()
		shard.Shard.Account = name
		if s.shard != nil {
			s.shard(&shard)
		}
		id, in = workflows.ShardID(shard.Shard), shard
	}
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: name}, workflow, in)
	if err != nil {
		t.Fatal(err)
	}
	return id, run
}

// save writes the history of the first run of a workflow.
func save(t *testing.T, c client.Client, id, runID, name string) {
	var all history.History
	iter := c.GetWorkflowHistory(t.Context(), id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		event, err := iter.Next()
		if err != nil {
			t.Fatal(err)
		}
		all.Events = append(all.Events, event)
	}
	b, err := protojson.Marshal(&all)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(histories, name+".json.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	out := gzip.NewWriter(file)
	if _, err := out.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

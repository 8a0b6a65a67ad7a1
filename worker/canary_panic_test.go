package worker_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/worker"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// frail is a provider with a defect: it panics with what it reads.
type frail struct {
	providers.Provider
	reading bool // panics while it turns documents into rows, and else while it fetches them
}

func (f frail) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	if !f.reading {
		panic(errors.New(canary + "-panic"))
	}
	return f.Provider.Messages(ctx, refs)
}

func (f frail) Thread(docs []schemas.Document) (schemas.Thread, error) {
	panic(canary + "-panic: " + string(docs[0].Body))
}

// panics exports with providers that panic, until each was made to try again.
func (r *aviary) panics(t *testing.T) {
	r.wires["chatwoot"].spoil.Store(false)
	definition, provider, err := r.config.Open("chatwoot")
	if err != nil {
		t.Fatal(err)
	}
	lake, err := worker.OpenLake(t.Context(), r.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		queue string
		frail frail
		step  string // that panics
	}{{"fetching", frail{provider, false}, "FetchMessages"}, {"reading", frail{provider, true}, "SealShard"}} {
		w := sdk.New(r.client, c.queue, sdk.Options{})
		worker.Register(w, &activities.Activities{Lake: lake, Connect: func(context.Context, string) (activities.Connection, error) {
			return activities.Connection{Provider: c.frail, Name: definition.Name, Spec: "frail", MessageRequests: 1, Chunks: 2, Shards: 1, Parallel: 2}, nil
		}})
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		id := workflows.ExportID(c.queue, "frail")
		run, err := r.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: c.queue}, workflows.Export, workflows.ExportInput{
			Account: c.queue, Name: "frail", Window: "week", From: from, To: from.AddDate(0, 0, 14),
		})
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(30 * time.Second)
		for !r.panicked(c.step) {
			if time.Now().After(deadline) {
				t.Errorf("the log tells of no panic in %s", c.step)
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		r.ask(t, id)
		if err := r.client.CancelWorkflow(t.Context(), id, ""); err != nil {
			t.Fatal(err)
		}
		_ = run.Get(t.Context(), nil)
	}
}

// panicked says whether the log tells of a panic in a step.
func (r *aviary) panicked(step string) bool {
	for line := range strings.Lines(string(r.said.bytes())) {
		if strings.Contains(line, "Activity panic.") && strings.Contains(line, "ActivityType="+step) {
			return true
		}
	}
	return false
}

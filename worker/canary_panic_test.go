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
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/worker"
	"github.com/chatlake/chatlake/workflows"
)

// frail is a provider with a bug: it panics with the text that it reads.
type frail struct {
	providers.Reader
	reading bool // panics while mapping, otherwise while fetching
}

func (f frail) Messages(ctx context.Context, refs []providers.Ref) iter.Seq2[schemas.Document, error] {
	if !f.reading {
		panic(errors.New(canary + "-panic"))
	}
	return f.Reader.Messages(ctx, refs)
}

func (f frail) Thread(docs []schemas.Document) (schemas.Thread, error) {
	panic(canary + "-panic: " + string(docs[0].Body))
}

// panics exports with providers that panic: a panicking fetch is retried, and documents that cannot be mapped become dead
// letters.
func (r *aviary) panics(t *testing.T) {
	r.wires["chatwoot"].spoil.Store(false)
	definition, reader, err := r.config.Open("chatwoot")
	if err != nil {
		t.Fatal(err)
	}
	lake, err := worker.OpenLake(t.Context(), r.config)
	if err != nil {
		t.Fatal(err)
	}
	start := func(t *testing.T, queue string, frail frail) client.WorkflowRun {
		w := sdk.New(r.client, queue, sdk.Options{})
		worker.Register(w, &activities.Activities{Lake: lake, Account: func(context.Context, string) (activities.Account, error) {
			return activities.Account{Reader: providertest.Reads(frail), Mapper: providertest.Maps(frail), Name: definition.Name, Spec: "frail", Costs: providers.Costs{MessageRequests: 1}, ChunksInFlight: 2, Shards: 1, Parallel: 2}, nil
		}})
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Stop)
		run, err := r.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.ExportID(queue, "frail"), TaskQueue: queue}, workflows.Export, workflows.ExportInput{
			Account: queue, Name: "frail", Window: "week", From: from, To: from.AddDate(0, 0, 14),
		})
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	t.Run("fetching", func(t *testing.T) {
		run := start(t, "fetching", frail{reader, false})
		deadline := time.Now().Add(30 * time.Second)
		for !r.panicked("FetchMessages") {
			if time.Now().After(deadline) {
				t.Fatal("the log has no panic")
			}
			time.Sleep(100 * time.Millisecond)
		}
		r.ask(t, run.GetID())
		if err := r.client.CancelWorkflow(t.Context(), run.GetID(), ""); err != nil {
			t.Fatal(err)
		}
		_ = run.Get(t.Context(), nil)
	})
	t.Run("reading", func(t *testing.T) {
		var out workflows.ExportOutput
		if err := start(t, "reading", frail{reader, true}).Get(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		if out.Complete || out.Totals.Dead == 0 || out.Totals.Conversations > 0 {
			t.Errorf("all that cannot be read must be dead letters: %+v", out.Totals)
		}
	})
}

// panicked reports whether the log contains a panic in a step.
func (r *aviary) panicked(step string) bool {
	for line := range strings.Lines(string(r.said.bytes())) {
		if strings.Contains(line, "Activity panic.") && strings.Contains(line, "ActivityType="+step) {
			return true
		}
	}
	return false
}

package worker

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/providers/providertest"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// deaf is a mapper with a bug: it drops the texts of messages.
type deaf struct{ providers.Mapper }

func (d deaf) Thread(docs []schemas.Document) (schemas.Thread, error) {
	thread, err := d.Mapper.Thread(docs)
	for i := range thread.Messages {
		thread.Messages[i].Text = nil
	}
	return thread, err
}

// TestRemapMendsALake writes a lake with a faulty mapper, removes the account's token, and remaps the lake with the fixed mapper
// on a Temporal server: the platform gets no request, the lake has the rows of the fixed mapper, and another remap commits
// nothing.
func TestRemapMendsALake(t *testing.T) {
	s := newFetchedShard(t)
	account := s.do.Account
	s.do.Account = func(ctx context.Context, name string) (activities.Account, error) {
		a, err := account(ctx, name)
		mended, mapperErr := a.Mapper()
		if mapperErr != nil {
			t.Error(mapperErr)
		}
		a.Mapper = providertest.Maps(deaf{mended})
		return a, err
	}
	sealed, err := s.do.SealShard(t.Context(), s.in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.do.CommitShard(t.Context(), activities.CommitShardInput{Target: s.in.Target, Draft: sealed.Draft}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.do.Cleanup(t.Context(), activities.CleanupInput{Target: s.in.Target}); err != nil {
		t.Fatal(err)
	}
	if n := s.texts(t); n > 0 {
		t.Fatalf("the defective mapping has written %d texts", n)
	}
	if err := os.Remove(s.token); err != nil {
		t.Fatal(err)
	}
	requests := s.site.Stats().Requests

	temporal, err := Connect(t.Context(), s.config, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, s.config, temporal, s.do.Lake) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := temporal.Stop(); err != nil {
			t.Error(err)
		}
	})
	remap := func() (out workflows.RemapOutput) {
		run, err := temporal.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: workflows.RemapID("acme"), TaskQueue: s.config.TaskQueue(),
		}, workflows.Remap, workflows.RemapInput{Account: "acme", From: s.in.Shard.Window.From, To: s.in.Shard.Window.To, Policy: workflows.NewPolicy()})
		if err == nil {
			err = run.Get(t.Context(), &out)
		}
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if out := remap(); out.Totals.Rewritten != 1 || out.Totals.Shards != 1 || len(out.Kept) > 0 {
		t.Errorf("remapped %+v", out)
	}
	record := s.current(t)
	if record.Generation != 2 || record.Cause != ledger.CauseRemap || record.WorkflowID != workflows.RemapID("acme") {
		t.Errorf("generation %d, cause %q, by %s", record.Generation, record.Cause, record.WorkflowID)
	}
	if n := s.texts(t); n == 0 {
		t.Error("the texts are missing still")
	}
	if findings, err := s.do.Lake.VerifyRecord(t.Context(), record, true); err != nil || len(findings) > 0 {
		t.Errorf("verified: %v, %v", findings, err)
	}
	if out := remap(); out.Totals.Unchanged != 1 || s.current(t).Generation != 2 {
		t.Errorf("remapped again %+v, generation %d", out, s.current(t).Generation)
	}
	if now := s.site.Stats().Requests; now != requests {
		t.Errorf("the platform was asked %d times", now-requests)
	}
	if left, err := filepath.Glob(filepath.Join(s.config.Scratch(), "*")); err != nil || len(left) > 0 {
		t.Errorf("left in scratch: %v, %v", left, err)
	}
}

// current returns the record that counts by the reader rule.
func (s fetchedShard) current(t *testing.T) ledger.Record {
	t.Helper()
	records, err := s.do.Lake.Current(t.Context(), ledger.Filter{Account: "acme"})
	if err != nil || len(records) != 1 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	return records[0]
}

// texts returns the number of messages with a text.
func (s fetchedShard) texts(t *testing.T) (n int) {
	t.Helper()
	for row, err := range s.do.Lake.Rows(t.Context(), s.current(t), schemas.Messages.Table, "text") {
		if err != nil {
			t.Fatal(err)
		}
		if !row.Cells[0].Null {
			n++
		}
	}
	return n
}

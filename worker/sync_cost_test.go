package worker_test

import (
	"testing"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/simulator"
	"github.com/chatlake/chatlake/workflows"
)

// keepUp runs a sync or a settle. It returns its result, the requests to the platform, and the events of its history and of its shards'.
func (w *whole) keepUp(t *testing.T, id string, run any, now time.Time) (out workflows.SyncOutput, requests int64, events int) {
	t.Helper()
	before := w.site.Stats().Requests
	started, err := w.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: queue}, run, workflows.SyncInput{
		Account: "acme", Now: now, Policy: workflows.NewPolicy(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := started.Get(t.Context(), &out); err != nil || !out.Complete {
		t.Fatalf("%s ended with %+v, %v", id, out, err)
	}
	events = w.events(t, id, started.GetRunID())
	for _, r := range records(t, w.lake) {
		if r.OpenedAt != nil && r.WorkflowID != "" && !r.OpenedAt.Before(now.Add(-time.Hour)) && !w.counted[r.RunID] {
			w.counted[r.RunID] = true
			events += w.events(t, r.WorkflowID, r.RunID)
		}
	}
	return out, w.site.Stats().Requests - before, events
}

func (w *whole) events(t *testing.T, id, run string) (n int) {
	t.Helper()
	history := w.client.GetWorkflowHistory(t.Context(), id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for ; history.HasNext(); n++ {
		if _, err := history.Next(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestSyncCosts measures syncs of an account of 100,000 conversations, with all that they ask. The first one checks the account for the
// others. docs/sync.md has the figures.
func TestSyncCosts(t *testing.T) {
	settings := activities.SyncSettings{Every: 15 * time.Minute, Lag: 2 * time.Second}
	account := activities.Account{Shards: 2, ChunksInFlight: 4, Parallel: 8, Window: "month", Sync: &settings}
	w := newWhole(t, 100_000, account)
	w.counted = map[string]bool{}
	next := int64(1)
	for i, test := range []struct {
		changes          int
		requests, events int
	}{{0, 20, 150}, {0, 3, 75}, {10, 34, 90}, {1000, 2060, 250}} { // the first one may have two windows: its time may be in two months
		for changed := 0; changed < test.changes; next++ { // not every number is one of a conversation
			if _, ok := w.site.AddMessage(next, simulator.Message{Kind: simulator.In, Text: new("still there?")}); ok {
				changed++
			}
		}
		time.Sleep(4 * time.Second) // what has changed is older than the lag
		out, requests, events := w.keepUp(t, workflows.SyncID("acme"), workflows.Sync, time.Now())
		least := 1 + 2*test.changes
		t.Logf("sync %d, %d changes: %d requests (%.3f of the least), %d events, %d conversations", i, test.changes, requests, float64(requests)/float64(least), events, out.Totals.Conversations)
		if out.Totals.Conversations != int64(test.changes) || requests > int64(test.requests) || events > test.events {
			t.Errorf("sync %d: %+v with %d requests and %d events, want %d conversations, at most %d and %d", i, out.Totals, requests, events, test.changes, test.requests, test.events)
		}
	}
}

// TestSettleCosts counts the requests of a settle of months in which nothing has changed, over those of their lists.
func TestSettleCosts(t *testing.T) {
	const conversations = 4000
	settings := activities.SyncSettings{Every: 15 * time.Minute, Lag: 2 * time.Second, Settle: []time.Duration{100 * 365 * 24 * time.Hour}}
	w := newWhole(t, conversations, activities.Account{Shards: 2, ChunksInFlight: 4, Parallel: 8, Window: "month", Sync: &settings})
	w.counted = map[string]bool{}
	w.export(t)
	list := int64(0)
	for _, month := range (schemas.Window{From: from, To: to}).Cut("month") {
		before := w.site.Stats().Requests
		for _, err := range w.reader.Conversations(t.Context(), month, "") {
			if err != nil {
				t.Fatal(err)
			}
		}
		list += w.site.Stats().Requests - before
	}
	out, requests, events := w.keepUp(t, workflows.SettleID("acme"), workflows.Settle, time.Now().AddDate(120, 0, 0))
	t.Logf("settle of %d unchanged conversations: %d requests, the lists alone %d (%.3f), %d events", conversations, requests, list, float64(requests)/float64(list), events)
	all := records(t, w.lake)
	reused := int64(0)
	for _, r := range all {
		if r.Cause == ledger.CauseSettle {
			reused += r.Counts.Reused
		}
	}
	if out.Planned != 2 || reused != conversations || float64(requests) > 1.05*float64(list) {
		t.Errorf("%+v with %d requests, %d reused, want 2 months, at most 5 %% more than %d, all reused", out, requests, reused, list)
	}
}

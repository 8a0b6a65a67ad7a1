package workflows_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// world is an account for tests of workflows. Its activities have no effects; they count their calls and remember their inputs.
type world struct {
	mu            sync.Mutex
	conversations int // of the window
	pageSize      int
	total         *int64 // what the provider counts
	unlisted      int    // conversations of the lake that the provider no longer lists
	adopted       *activities.Commit
	halved        bool
	fail          func(step string, low, high int) error // asked before every activity; low and high only for fetches
	mismatches    int64
	badFiles      int  // that the first VerifyShard finds
	flag          bool // on_mismatch is flag by the time of the last VerifyShard
	throttled     bool // every request is answered with "too many requests"
	// fetchesAtOnce makes a list fetch what it may, withoutMetadata except the metadata.
	fetchesAtOnce, withoutMetadata bool

	calls              map[string]int
	inFlight           int
	most               int     // most fetches and lists at once
	inFlightAt         []int   // how many were, at each fetch
	leased, mostLeased float64 // the sum of the leases in flight
	lists              []activities.ListPageInput
	lookups            []activities.ListUnlistedInput
	fetches            []activities.FetchInput
	sealed             activities.SealShardInput
	committed          activities.CommitShardInput
	counted            *activities.Counted // that the last VerifyShard was told
	saved              []activities.Receipts
	remapped           []time.Month
	grant              *activities.BudgetGrant        // that a run which ends conversations gets
	ended              []string                       // conversations, in order
	refusals           int                            // of the end of a conversation, at each call
	lostAudits         []ledger.Shard                 // of earlier runs
	audits             []activities.CommitAuditsInput // in order
}

func (w *world) begin(step string, low, high int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.calls == nil {
		w.calls = map[string]int{}
	}
	w.calls[step]++
	if w.fail == nil {
		return nil
	}
	return w.fail(step, low, high)
}

func (w *world) enter(lease activities.Lease) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight++
	w.leased += lease.RequestsPerSecond
	w.mostLeased = max(w.mostLeased, w.leased)
	w.most = max(w.most, w.inFlight)
	w.inFlightAt = append(w.inFlightAt, w.inFlight)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.inFlight--
		w.leased -= lease.RequestsPerSecond
	}
}

func (w *world) OpenShard(_ context.Context, in activities.OpenShardInput) (activities.OpenShardOutput, error) {
	if err := w.begin("OpenShard", 0, 0); err != nil {
		return activities.OpenShardOutput{}, err
	}
	opened := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	return activities.OpenShardOutput{Rewrites: "digest", OpenedAt: &opened, SpecDigest: in.Spec, Adopted: w.adopted, Halved: w.halved, Generation: 1, Total: w.total}, nil
}

func (w *world) ListPage(_ context.Context, in activities.ListPageInput) (activities.ListPageOutput, error) {
	defer w.enter(in.Lease)()
	if err := w.begin("ListPage", 0, 0); err != nil {
		return activities.ListPageOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lists = append(w.lists, in)
	from, _ := strconv.Atoi(string(in.Cursor))
	to := min(from+w.pageSize, w.conversations)
	out := activities.ListPageOutput{
		Page:  activities.PageReceipt{Number: in.Number, Refs: to - from, Staged: ledger.Staged{Key: fmt.Sprint("page", in.Number)}},
		Usage: activities.Usage{Requests: 1},
	}
	if in.Known != nil {
		out.Page.Refs = 0
	}
	if to < w.conversations {
		out.Next = providers.Cursor(strconv.Itoa(to))
	}
	if w.fetchesAtOnce && in.AtOnce != nil && out.Next == "" && float64(out.Page.Refs)*(in.AtOnce.Messages+in.AtOnce.Metadata) <= float64(in.AtOnce.Requests) {
		parts := []activities.ChunkReceipt{{Page: in.Number, High: out.Page.Refs}}
		if out.Fetched.Messages = parts; !w.withoutMetadata {
			out.Fetched.Metadata = parts
		}
	}
	return out, nil
}

func (w *world) ListUnlisted(_ context.Context, in activities.ListUnlistedInput) (activities.ListUnlistedOutput, error) {
	if err := w.begin("ListUnlisted", 0, 0); err != nil {
		return activities.ListUnlistedOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookups = append(w.lookups, in)
	from, _ := strconv.Atoi(string(in.Cursor))
	to := min(from+w.pageSize, w.unlisted)
	out := activities.ListUnlistedOutput{
		Page: activities.PageReceipt{Number: in.Number, Refs: to - from, Staged: ledger.Staged{Key: fmt.Sprint("page", in.Number)}, Unlisted: true},
	}
	if to < w.unlisted {
		out.Next = providers.Cursor(strconv.Itoa(to))
	}
	return out, nil
}

func (w *world) ListNamed(_ context.Context, in activities.ListNamedInput) (activities.ListPageOutput, error) {
	if err := w.begin("ListNamed", 0, 0); err != nil {
		return activities.ListPageOutput{}, err
	}
	page := activities.PageReceipt{Number: in.Number, Refs: len(in.Named), Staged: ledger.Staged{Key: fmt.Sprint("page", in.Number)}}
	return activities.ListPageOutput{Page: page, Usage: activities.Usage{Requests: int64(len(in.Named))}}, nil
}

func (w *world) FetchMessages(_ context.Context, in activities.FetchInput) (activities.FetchOutput, error) {
	return w.fetch("FetchMessages", in)
}

func (w *world) FetchMetadata(_ context.Context, in activities.FetchInput) (activities.FetchOutput, error) {
	return w.fetch("FetchMetadata", in)
}

func (w *world) fetch(step string, in activities.FetchInput) (activities.FetchOutput, error) {
	defer w.enter(in.Lease)()
	w.mu.Lock()
	w.fetches = append(w.fetches, in)
	w.mu.Unlock()
	if err := w.begin(step, in.Low, in.High); err != nil {
		return activities.FetchOutput{}, err
	}
	n := int64(in.High - in.Low)
	out := activities.FetchOutput{Usage: activities.Usage{Requests: n}}
	for low := in.Low; low < in.High; low += in.Part {
		high := min(low+in.Part, in.High)
		out.Parts = append(out.Parts, activities.ChunkReceipt{
			Staged: ledger.Staged{Key: fmt.Sprintf("%s/%d/%d-%d", step, in.Page.Number, low, high), Documents: int64(high - low)},
			Page:   in.Page.Number, Low: low, High: high,
		})
	}
	if w.throttled {
		out.Usage.Throttled = n
	}
	return out, nil
}

func (w *world) SaveReceipts(_ context.Context, in activities.SaveReceiptsInput) (activities.SaveReceiptsOutput, error) {
	if err := w.begin("SaveReceipts", 0, 0); err != nil {
		return activities.SaveReceiptsOutput{}, err
	}
	w.saved = append(w.saved, in.Receipts)
	return activities.SaveReceiptsOutput{Saved: ledger.Staged{Key: fmt.Sprint(len(w.saved) - 1)}}, nil
}

func (w *world) SealShard(_ context.Context, in activities.SealShardInput) (activities.SealShardOutput, error) {
	if err := w.begin("SealShard", 0, 0); err != nil {
		return activities.SealShardOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sealed = in
	n := int64(0)
	for _, page := range w.receipts().Pages {
		n += int64(page.Refs)
	}
	dead := int64(len(w.receipts().Dead))
	return activities.SealShardOutput{
		Counts: ledger.Counts{Listed: n, Conversations: n - dead, Dead: dead}, Files: 3, MessageMismatches: w.mismatches,
	}, nil
}

// receipts are all receipts that the seal got, including the saved ones.
func (w *world) receipts() activities.Receipts {
	var all activities.Receipts
	for _, saved := range w.sealed.Receipts.Saved {
		i, _ := strconv.Atoi(saved.Key)
		all.Pages = append(all.Pages, w.saved[i].Pages...)
		all.Messages = append(all.Messages, w.saved[i].Messages...)
		all.Metadata = append(all.Metadata, w.saved[i].Metadata...)
		all.Dead = append(all.Dead, w.saved[i].Dead...)
	}
	all.Pages = append(all.Pages, w.sealed.Receipts.Pages...)
	all.Messages = append(all.Messages, w.sealed.Receipts.Messages...)
	all.Metadata = append(all.Metadata, w.sealed.Receipts.Metadata...)
	all.Dead = append(all.Dead, w.sealed.Receipts.Dead...)
	return all
}

func (w *world) VerifyShard(_ context.Context, in activities.VerifyShardInput) (activities.VerifyShardOutput, error) {
	if in.Ahead {
		err := w.begin("CountAhead", 0, 0)
		return activities.VerifyShardOutput{Total: w.total}, err
	}
	if err := w.begin("VerifyShard", 0, 0); err != nil {
		return activities.VerifyShardOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	out := activities.VerifyShardOutput{Total: w.total, BadFiles: w.badFiles, Flag: w.flag}
	w.badFiles, w.counted = 0, in.Counted
	if w.total != nil {
		out.Missing = max(0, *w.total-int64(w.conversations))
	}
	return out, nil
}

func (w *world) CommitShard(_ context.Context, in activities.CommitShardInput) (activities.CommitShardOutput, error) {
	if err := w.begin("CommitShard", 0, 0); err != nil {
		return activities.CommitShardOutput{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.committed = in
	return activities.CommitShardOutput{Commit: activities.Commit{
		Outcome: "committed", Generation: 1, Counts: ledger.Counts{Listed: int64(w.conversations)}, Flags: in.Flags,
	}}, nil
}

// FinishShard takes the steps one after the other, as the activity does.
func (w *world) FinishShard(ctx context.Context, in activities.FinishShardInput) (out activities.FinishShardOutput, err error) {
	defer w.enter(in.Lease)()
	if err = w.begin("FinishShard", 0, 0); err != nil {
		return out, err
	}
	if out.Sealed, err = w.SealShard(ctx, in.Seal); err != nil {
		return out, err
	}
	out.Verified, err = w.VerifyShard(ctx, activities.VerifyShardInput{Target: in.Seal.Target, Draft: out.Sealed.Draft})
	if err != nil || out.Verified.BadFiles > 0 || out.Verified.Missing > 0 {
		return out, err
	}
	committed, err := w.CommitShard(ctx, activities.CommitShardInput{
		Target: in.Seal.Target, Draft: out.Sealed.Draft, TotalAfter: out.Verified.Total, Flags: out.Sealed.Flags(), Guarded: in.Guarded,
	})
	if err != nil {
		return out, err
	}
	out.Commit = &committed.Commit
	_, _ = w.Cleanup(ctx, activities.CleanupInput{})
	return out, nil
}

func (w *world) Cleanup(context.Context, activities.CleanupInput) (activities.CleanupOutput, error) {
	return activities.CleanupOutput{}, w.begin("Cleanup", 0, 0)
}

// environment is a workflow environment in which the activities are the world's.
func environment(t *testing.T, w *world) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := workflows.NewTestEnvironment()
	env.SetTestTimeout(30 * time.Second)
	var a *activities.Activities
	env.RegisterWorkflow(workflows.Export)
	env.RegisterWorkflow(workflows.Shard)
	env.RegisterActivity(&activities.Activities{})
	env.OnActivity(a.OpenShard, mock.Anything, mock.Anything).Return(w.OpenShard).Maybe()
	env.OnActivity(a.ListPage, mock.Anything, mock.Anything).Return(w.ListPage).Maybe()
	env.OnActivity(a.ListUnlisted, mock.Anything, mock.Anything).Return(w.ListUnlisted).Maybe()
	env.OnActivity(a.ListNamed, mock.Anything, mock.Anything).Return(w.ListNamed).Maybe()
	env.OnActivity(a.FetchMessages, mock.Anything, mock.Anything).Return(w.FetchMessages).Maybe()
	env.OnActivity(a.FetchMetadata, mock.Anything, mock.Anything).Return(w.FetchMetadata).Maybe()
	env.OnActivity(a.SaveReceipts, mock.Anything, mock.Anything).Return(w.SaveReceipts).Maybe()
	env.OnActivity(a.SealShard, mock.Anything, mock.Anything).Return(w.SealShard).Maybe()
	env.OnActivity(a.VerifyShard, mock.Anything, mock.Anything).Return(w.VerifyShard).Maybe()
	env.OnActivity(a.CommitShard, mock.Anything, mock.Anything).Return(w.CommitShard).Maybe()
	env.OnActivity(a.FinishShard, mock.Anything, mock.Anything).Return(w.FinishShard).Maybe()
	env.OnActivity(a.Cleanup, mock.Anything, mock.Anything).Return(w.Cleanup).Maybe()
	return env
}

// stepwise is the policy of new runs, except that small shards are finished in steps as large ones are.
func stepwise() *workflows.Policy {
	p := workflows.NewPolicy()
	p.FetchAtOnce, p.FinishAtOnce = 0, 0
	return p
}

// may is a shard that a test exports, in steps.
func may() workflows.ShardInput {
	return workflows.ShardInput{
		Shard: ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: "created", Window: schemas.Window{
			From: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
		}},
		Spec: "spec", ChunksInFlight: 4, ChunkSize: 25, Costs: providers.Costs{MessageRequests: 1, MetadataRequests: 2}, Policy: stepwise(),
	}
}

// covered fails the test unless the chunks and the dead letters cover every conversation of every page exactly once.
func covered(t *testing.T, r activities.Receipts, chunks []activities.ChunkReceipt, step string) {
	t.Helper()
	for _, page := range r.Pages {
		seen := make([]int, page.Refs)
		for _, c := range chunks {
			for i := c.Low; c.Page == page.Number && i < c.High; i++ {
				seen[i]++
			}
		}
		for _, d := range r.Dead {
			if d.Page == page.Number && d.Step == step {
				seen[d.Index]++
			}
		}
		if i := slices.IndexFunc(seen, func(n int) bool { return n != 1 }); i >= 0 {
			t.Errorf("%s: conversation %d of page %d is covered %d times, want once", step, i, page.Number, seen[i])
		}
	}
}

func kindError(kind providers.Kind) error {
	return temporal.NewNonRetryableApplicationError("as the provider said", string(kind), nil)
}

func lost() error {
	return temporal.NewNonRetryableApplicationError("gone", activities.StagingLost, nil)
}

func convert(next *workflow.ContinueAsNewError, in any) error {
	return converter.GetDefaultDataConverter().FromPayloads(next.Input, in)
}

package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/chatlake/chatlake/internal/ledger"
)

// CommitShardInput names the draft to be put into the ledger.
type CommitShardInput struct {
	Target
	Draft      ledger.Staged `json:"draft"`
	TotalAfter *int64        `json:"total_after,omitempty"`
	Flags      []string      `json:"flags,omitempty"`
}

// CommitShardOutput says what stands in the ledger now.
type CommitShardOutput struct {
	Commit Commit `json:"commit"`
}

// CommitShard puts the commit record into the ledger, or adopts the one that somebody else has put there.
func (a *Activities) CommitShard(ctx context.Context, in CommitShardInput) (CommitShardOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.commitShard(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) commitShard(ctx context.Context, in CommitShardInput) (CommitShardOutput, error) {
	var record ledger.Record
	if err := a.Lake.ReadHeader(ctx, in.Draft, &record); err != nil {
		return CommitShardOutput{}, err
	}
	record.TotalAfter, record.Flags = in.TotalAfter, in.Flags
	if activity.IsActivity(ctx) {
		execution := activity.GetInfo(ctx).WorkflowExecution
		record.WorkflowID, record.RunID = execution.ID, execution.RunID
	}
	outcome, standing, err := a.Lake.Commit(ctx, record)
	if err != nil {
		return CommitShardOutput{}, err
	}
	return CommitShardOutput{Commit: commitOf(string(outcome), standing)}, nil
}

// CleanupInput names a generation whose staging is no longer needed.
type CleanupInput struct {
	Target
}

// CleanupOutput says how many staged objects were removed.
type CleanupOutput struct {
	Removed int `json:"removed"`
}

// Cleanup removes the staging of a generation, after it was committed or given up.
func (a *Activities) Cleanup(ctx context.Context, in CleanupInput) (CleanupOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	removed, err := a.Lake.ClearStaging(ctx, in.Shard, in.Generation)
	return CleanupOutput{Removed: removed}, a.classify(ctx, err)
}

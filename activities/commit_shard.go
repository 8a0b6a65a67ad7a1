package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"github.com/chatlake/chatlake/internal/ledger"
)

// CommitShardInput names the draft to commit.
type CommitShardInput struct {
	Target
	Draft      ledger.Staged `json:"draft"`
	TotalAfter *int64        `json:"total_after,omitempty"`
	Flags      []string      `json:"flags,omitempty"`
	// Guarded means that the commit must follow the record that the shard was opened on, or be the shard's first. If another record is
	// there by then, CommitShard returns Superseded and the shard must be opened again.
	Guarded bool `json:"guarded,omitempty"`
}

// CommitShardOutput has the record that counts now.
type CommitShardOutput struct {
	Commit Commit `json:"commit"`
}

// CommitShard writes the commit record to the ledger, or adopts the one that another attempt has written.
func (a *Activities) CommitShard(ctx context.Context, in CommitShardInput) (CommitShardOutput, error) {
	ctx, stop := keepAlive(ctx)
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
	commit := a.Lake.Commit
	if in.Guarded {
		commit = a.Lake.CommitNext
	}
	outcome, existing, err := commit(ctx, record)
	if err != nil {
		return CommitShardOutput{}, err
	}
	return CommitShardOutput{Commit: commitOf(string(outcome), existing)}, nil
}

// CleanupInput names a generation whose staged objects are no longer needed.
type CleanupInput struct {
	Target
}

// CleanupOutput has the number of removed staged objects.
type CleanupOutput struct {
	Removed int `json:"removed"`
}

// Cleanup removes the staged objects of a generation that was committed or abandoned.
func (a *Activities) Cleanup(ctx context.Context, in CleanupInput) (CleanupOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	removed, err := a.Lake.ClearStaging(ctx, in.Shard, in.Generation)
	return CleanupOutput{Removed: removed}, a.classify(ctx, err)
}

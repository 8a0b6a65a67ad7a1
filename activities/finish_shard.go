package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
)

// FinishShardInput is everything that sealing, verifying and committing a shard need.
type FinishShardInput struct {
	Seal SealShardInput `json:"seal"`
	// Depth, Uncounted and Lease are those of VerifyShardInput, and Guarded is that of CommitShardInput.
	Depth     Depth `json:"depth,omitempty"`
	Uncounted bool  `json:"uncounted,omitempty"`
	Lease     Lease `json:"lease"`
	Guarded   bool  `json:"guarded,omitempty"`
	// Grows is set if the lease may grow.
	Grows *Growing `json:"grows,omitempty"`
}

// FinishShardOutput has the results of the steps. If the files or the counts differ, Commit is nil, and nothing is committed.
type FinishShardOutput struct {
	Sealed   SealShardOutput   `json:"sealed"`
	Verified VerifyShardOutput `json:"verified"`
	Commit   *Commit           `json:"commit,omitempty"`
}

// FinishShard seals, verifies and commits a small shard, and removes its staging: what SealShard, VerifyShard, CommitShard and Cleanup
// do one after the other, without a round through Temporal between them. A later attempt finds what an earlier one has committed.
func (a *Activities) FinishShard(ctx context.Context, in FinishShardInput) (FinishShardOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.finishShard(a.withGrowing(ctx, in.Grows), in)
	return out, a.classify(ctx, err)
}

func (a *Activities) finishShard(ctx context.Context, in FinishShardInput) (out FinishShardOutput, err error) {
	target := in.Seal.Target
	if mayBeRetry(ctx) {
		if out.Commit, err = a.committedBefore(ctx, in.Seal); err != nil || out.Commit != nil {
			a.clear(ctx, target)
			return out, err
		}
	}
	out.Sealed, err = a.sealShard(ctx, in.Seal)
	if errors.Is(err, lake.ErrStagingLost) { // an attempt that was taken for dead may have come first
		if commit, read := a.committedBefore(ctx, in.Seal); read == nil && commit != nil {
			out.Commit, err = commit, nil
		}
	}
	if err != nil || out.Commit != nil {
		return out, err
	}
	out.Verified, err = a.verifyShard(ctx, VerifyShardInput{
		Target: target, Draft: out.Sealed.Draft, Depth: in.Depth, Uncounted: in.Uncounted, Fresh: a.isFresh(in.Seal.ListedAt), Lease: in.Lease,
	})
	if err != nil || out.Verified.BadFiles > 0 || out.Verified.Missing > 0 {
		return out, err
	}
	committed, err := a.commitShard(ctx, CommitShardInput{
		Target: target, Draft: out.Sealed.Draft, TotalAfter: out.Verified.Total, Flags: out.Sealed.Flags(), Guarded: in.Guarded,
	})
	if err != nil {
		return out, err
	}
	out.Commit = &committed.Commit
	a.clear(ctx, target)
	return out, nil
}

// justNow is how long ago a list was read that is not counted again. What comes into the window later comes after it was copied.
const justNow = 10 * time.Second

// isFresh reports whether a list was read a moment ago.
func (a *Activities) isFresh(listed *time.Time) bool {
	return listed != nil && a.Lake.Now().Sub(*listed).Abs() < justNow
}

// committedBefore returns the commit of an earlier attempt of this activity. It is nil if there is none.
func (a *Activities) committedBefore(ctx context.Context, in SealShardInput) (*Commit, error) {
	latest, err := a.Lake.Latest(ctx, in.Shard)
	if err != nil || latest == nil || latest.Generation != in.Generation {
		return nil, err
	}
	run := ""
	if activity.IsActivity(ctx) {
		run = activity.GetInfo(ctx).WorkflowExecution.RunID
	}
	opened := latest.OpenedAt != nil && in.OpenedAt != nil && latest.OpenedAt.Equal(*in.OpenedAt)
	if !opened || latest.RunID != run {
		return nil, nil
	}
	commit := commitOf(string(ledger.Committed), *latest)
	return &commit, nil
}

// clear removes the staging. What remains is never read, and is swept later.
func (a *Activities) clear(ctx context.Context, target Target) {
	if _, err := a.Lake.ClearStaging(ctx, target.Shard, target.Generation); err != nil && activity.IsActivity(ctx) {
		activity.GetLogger(ctx).Warn("staging was not removed", "shard", target.Shard.String(), "error", a.classify(ctx, err))
	}
}

package activities

import (
	"context"

	"github.com/chatlake/chatlake/internal/ledger"
)

// VerifyShardInput names a draft to compare with its files and with the provider's count.
type VerifyShardInput struct {
	Target
	Draft ledger.Staged `json:"draft"`
	// Depth is how much of the window was asked for again.
	Depth Depth `json:"depth,omitempty"`
	// Uncounted means that the provider was not asked for its count before.
	Uncounted bool `json:"uncounted,omitempty"`
	// Fresh means that the list was read a moment ago. If it counts as many conversations as it has, nothing is counted again.
	Fresh bool  `json:"fresh,omitempty"`
	Lease Lease `json:"lease"`
	// Ahead asks for the count only, while the shard is being sealed and there is no draft. Counted is the answer, which is not asked for
	// again.
	Ahead   bool     `json:"ahead,omitempty"`
	Counted *Counted `json:"counted,omitempty"`
}

// Counted is the provider's own count of a window after it was listed, nil if it has none.
type Counted struct {
	Total *int64 `json:"total,omitempty"`
}

// VerifyShardOutput is the result of the comparison.
type VerifyShardOutput struct {
	// Total is the provider's own count of the window after listing, or nil if it has none.
	Total *int64 `json:"total,omitempty"`
	// Missing is by how many conversations the provider's count exceeds the list.
	Missing int64 `json:"missing"`
	// BadFiles is how many files differ from the draft.
	BadFiles int `json:"bad_files"`
	// Flag means that the account's on_mismatch is now flag. It may have been block when the shard started.
	Flag  bool  `json:"flag,omitempty"`
	Usage Usage `json:"usage"`
}

// VerifyShard checks the files that SealShard wrote, and asks the provider again how many conversations there are. A list with
// more conversations than the provider counts is not an error: some were deleted in the meantime.
func (a *Activities) VerifyShard(ctx context.Context, in VerifyShardInput) (VerifyShardOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	out, err := a.verifyShard(ctx, in)
	return out, a.classify(ctx, err)
}

// provesItself reports whether the list counts as many conversations as it has, and nothing of the window had changed, or the list was
// read a moment ago. Then another count would be asked of the same list.
func provesItself(r ledger.Record, fresh bool) bool {
	c := r.Counts
	unchanged := c.Reused == c.Conversations && c.Dead == 0 && c.Gone == c.Unlisted
	return r.TotalListed != nil && *r.TotalListed == c.Listed-c.Unlisted && (unchanged || fresh)
}

func (a *Activities) verifyShard(ctx context.Context, in VerifyShardInput) (VerifyShardOutput, error) {
	if in.Ahead {
		total, usage, err := a.count(ctx, in.Shard, in.Lease)
		return VerifyShardOutput{Total: total, Usage: usage}, err
	}
	var record ledger.Record
	if err := a.Lake.ReadHeader(ctx, in.Draft, &record); err != nil {
		return VerifyShardOutput{}, err
	}
	findings, err := a.Lake.VerifyRecord(ctx, record, false)
	if err != nil {
		return VerifyShardOutput{}, err
	}
	out := VerifyShardOutput{BadFiles: len(findings)}
	if record.TotalBefore == nil && in.Depth != DepthList && !in.Uncounted {
		return out, nil // a provider that could not count before cannot count now, so do not open its account
	}
	if provesItself(record, in.Fresh) {
		return out, nil
	}
	if in.Counted != nil {
		out.Total = in.Counted.Total
	} else if out.Total, out.Usage, err = a.count(ctx, in.Shard, in.Lease); err != nil {
		return VerifyShardOutput{}, err
	}
	total := out.Total
	if total != nil {
		out.Missing = max(0, *total-(record.Counts.Listed-record.Counts.Unlisted))
	}
	if out.Missing > 0 {
		account, err := a.Account(ctx, in.Shard.Account)
		if err != nil {
			return VerifyShardOutput{}, err
		}
		out.Flag = account.OnMismatch == "flag"
	}
	return out, nil
}

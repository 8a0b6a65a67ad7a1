package activities

import (
	"context"

	"github.com/chatlake/chatlake/internal/ledger"
)

// VerifyShardInput names a draft to be held against its files and against the provider.
type VerifyShardInput struct {
	Target
	Draft ledger.Staged `json:"draft"`
	Lease Lease         `json:"lease"`
}

// VerifyShardOutput says what was found.
type VerifyShardOutput struct {
	// Total is the provider's own count of the window after it was listed, nil where it has none.
	Total *int64 `json:"total,omitempty"`
	// Missing is how many conversations more than were listed the provider counts.
	Missing int64 `json:"missing"`
	// BadFiles is how many files are not what the draft says.
	BadFiles int `json:"bad_files"`
	// Flag says that the account's on_mismatch is flag by now: it may have been block when the shard began.
	Flag  bool  `json:"flag,omitempty"`
	Usage Usage `json:"usage"`
}

// VerifyShard reads back what SealShard wrote, and asks the provider once more how many conversations there are. A list
// that holds more than the provider counts is no fault: conversations were deleted since.
func (a *Activities) VerifyShard(ctx context.Context, in VerifyShardInput) (VerifyShardOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.verifyShard(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) verifyShard(ctx context.Context, in VerifyShardInput) (VerifyShardOutput, error) {
	var record ledger.Record
	if err := a.Lake.ReadHeader(ctx, in.Draft, &record); err != nil {
		return VerifyShardOutput{}, err
	}
	findings, err := a.Lake.VerifyRecord(ctx, record, false)
	if err != nil {
		return VerifyShardOutput{}, err
	}
	out := VerifyShardOutput{BadFiles: len(findings)}
	if record.TotalBefore == nil {
		return out, nil // a provider that could not say before cannot say now: its account need not be opened
	}
	total, usage, err := a.count(ctx, in.Shard, in.Lease)
	if err != nil {
		return VerifyShardOutput{}, err
	}
	out.Total, out.Usage = total, usage
	if total != nil {
		out.Missing = max(0, *total-record.Counts.Listed)
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

package workflows_test

import (
	"context"
	"fmt"
	"time"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
	"github.com/chatlake/chatlake/workflows"
)

// remappedYear has five committed shards, of which the third comes out the same and the fourth has to be kept.
func remappedYear() workflows.RemapInput {
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	return workflows.RemapInput{Account: "acme", From: from, To: from.AddDate(1, 0, 0), Policy: workflows.NewPolicy()}
}

func committedShard(i int) ledger.Shard {
	from := time.Date(2025, time.Month(i), 1, 0, 0, 0, 0, time.UTC)
	return ledger.Shard{Provider: "chatwoot", Account: "acme", Stream: schemas.StreamCreated, Window: schemas.Window{From: from, To: from.AddDate(0, 1, 0)}}
}

const committedShards = 5

func (w *world) ListCommitted(_ context.Context, in activities.ListCommittedInput) (activities.ListCommittedOutput, error) {
	out := activities.ListCommittedOutput{Total: committedShards}
	for i := 1; i <= committedShards; i++ {
		switch shard := committedShard(i); {
		case shard.String() <= in.After:
		case len(out.Shards) == in.Limit:
			out.More = true
		default:
			out.Shards = append(out.Shards, shard)
		}
	}
	return out, w.begin("ListCommitted", 0, 0)
}

func (w *world) RemapShard(_ context.Context, in activities.RemapShardInput) (activities.RemapShardOutput, error) {
	month := int(in.Shard.Window.From.Month())
	if err := w.begin("RemapShard", month, month+1); err != nil {
		return activities.RemapShardOutput{}, err
	}
	w.mu.Lock()
	w.remapped = append(w.remapped, in.Shard.Window.From.Month())
	w.mu.Unlock()
	out := activities.RemapShardOutput{Outcome: activities.Rewritten, Commit: activities.Commit{Counts: ledger.Counts{Conversations: 10, Messages: 30, Dead: 1}}}
	switch month {
	case 3:
		out.Outcome = activities.Unchanged
	case 4:
		out.Outcome, out.Why = activities.Kept, fmt.Sprintf("%d conversations", month)
	}
	return out, nil
}

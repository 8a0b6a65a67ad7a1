package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/chatlake/chatlake/activities"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// RemapInput starts a Remap. Its workflow id is RemapID(Account).
type RemapInput struct {
	Account string    `json:"account"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// Policy decides the order of commands.
	Policy *Policy     `json:"policy,omitempty"`
	State  *RemapState `json:"resume,omitempty"` // only continue-as-new sets it
}

// RemapState is what a Remap carries through continue-as-new.
type RemapState struct {
	After  string      `json:"after"` // the last shard that was done
	Totals RemapTotals `json:"totals"`
	Kept   []KeptShard `json:"kept,omitempty"`
	Paused bool        `json:"paused,omitempty"`
}

// RemapTotals are the sums over the shards of a remap.
type RemapTotals struct {
	Shards    int `json:"shards"` // in the ledger, of the range
	Rewritten int `json:"rewritten"`
	Unchanged int `json:"unchanged"`
	Kept      int `json:"kept"`
	// The rewritten shards as they are now.
	Conversations int64 `json:"conversations"`
	Messages      int64 `json:"messages"`
	Dead          int64 `json:"dead"`
}

// KeptShard is a shard that was not rewritten because the mapping of this build would lose something of it.
type KeptShard struct {
	Shard ledger.Shard `json:"shard"`
	Why   string       `json:"why"`
}

// mostKept is how many kept shards a Remap names.
const mostKept = 100

// RemapOutput is the result of a Remap.
type RemapOutput struct {
	Totals RemapTotals `json:"totals"`
	Kept   []KeptShard `json:"kept,omitempty"` // the first mostKept of them
}

// RemapProgress answers ProgressQuery on a Remap.
type RemapProgress struct {
	State   State         `json:"state"`
	Totals  RemapTotals   `json:"totals"`
	Shard   string        `json:"shard,omitempty"` // the one being rewritten
	Waiting *Waiting      `json:"waiting,omitempty"`
	Blocked *BlockedShard `json:"blocked,omitempty"`
}

// RemapID is the workflow id of a remap. An account has one at a time.
func RemapID(account string) string { return "remap/" + account }

// Remap maps the documents in an account's committed shards to rows again, one shard after the other. The platform gets no
// requests. Shards that are committed meanwhile were mapped by the build that committed them.
func Remap(ctx workflow.Context, in RemapInput) (RemapOutput, error) {
	r := &remap{in: in}
	r.policy = policyOf(in.Policy)
	told := tellState(ctx, r.policy, r.told)
	out, err := r.whole(ctx)
	told.end(ctx, out.Totals.Kept == 0, err)
	return out, err
}

// whole is the run from its start to its result.
func (r *remap) whole(ctx workflow.Context) (RemapOutput, error) {
	in := r.in
	if err := refuse(ctx, in.Policy, in.Check()); err != nil {
		return RemapOutput{}, err
	}
	if in.State != nil {
		r.state = *in.State
	}
	r.paused, r.self = r.state.Paused, workflow.GetInfo(ctx).WorkflowExecution.ID
	r.setChunks = func(int) {}
	if err := r.listen(ctx); err != nil {
		return RemapOutput{}, err
	}
	if err := workflow.SetQueryHandler(ctx, ProgressQuery, r.progress); err != nil {
		return RemapOutput{}, err
	}
	if err := r.run(ctx); err != nil {
		return RemapOutput{}, err
	}
	return RemapOutput{Totals: r.state.Totals, Kept: r.state.Kept}, nil
}

// Check returns an error unless a Remap can do what the input asks for.
func (in RemapInput) Check() error {
	if err := checkAccount(in.Account); err != nil {
		return err
	}
	return errors.Join(checkRange(schemas.Window{From: in.From, To: in.To}), in.Policy.Check())
}

type remap struct {
	in    RemapInput
	state RemapState
	shard string // in hand
	control
}

// run rewrites the shards of one list, and continues as new for the next list.
func (r *remap) run(ctx workflow.Context) error {
	var list activities.ListCommittedOutput
	err := r.retryUntilDone(ctx, func() (err error) {
		list, err = call(quick(ctx), do.ListCommitted, activities.ListCommittedInput{
			Account: r.in.Account, Range: schemas.Window{From: r.in.From, To: r.in.To}, After: r.state.After, Limit: r.policy.ShardsPerRun,
		})
		return err
	})
	if err != nil {
		return err
	}
	r.state.Totals.Shards = list.Total
	for _, shard := range list.Shards {
		if err := workflow.Await(ctx, func() bool { return !r.paused }); err != nil {
			return err
		}
		if err := r.one(ctx, shard); err != nil {
			return err
		}
	}
	if !list.More {
		return nil
	}
	drainSignals(ctx)
	r.state.Paused = r.paused
	next := r.in
	next.State = &r.state
	return workflow.NewContinueAsNewError(ctx, Remap, next)
}

func (r *remap) one(ctx workflow.Context, shard ledger.Shard) error {
	r.shard = shard.String()
	defer func() { r.shard = "" }()
	var out activities.RemapShardOutput
	err := r.retryUntilDone(ctx, func() (err error) {
		out, err = call(sealing(ctx), do.RemapShard, activities.RemapShardInput{Shard: shard})
		return err
	})
	if err != nil {
		return err
	}
	r.state.After = shard.String()
	t := &r.state.Totals
	switch out.Outcome {
	case activities.Rewritten:
		t.Rewritten++
		t.Conversations += out.Commit.Counts.Conversations
		t.Messages += out.Commit.Counts.Messages
		t.Dead += out.Commit.Counts.Dead
	case activities.Unchanged:
		t.Unchanged++
	default:
		if t.Kept++; len(r.state.Kept) < mostKept {
			r.state.Kept = append(r.state.Kept, KeptShard{shard, out.Why})
		}
	}
	return nil
}

func (r *remap) progress() (RemapProgress, error) {
	return RemapProgress{State: r.stateNow(), Totals: r.state.Totals, Shard: r.shard, Waiting: r.waiting, Blocked: r.blocked}, nil
}

package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.temporal.io/sdk/activity"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// CauseRemap is the cause of a record whose rows were made anew of documents that the lake held.
const CauseRemap = "remap"

// ListCommittedInput asks for committed shards of an account whose windows have time in common with a range.
type ListCommittedInput struct {
	Account string         `json:"account"`
	Range   schemas.Window `json:"range"`
	After   string         `json:"after,omitempty"` // the last of the shards that came before, as its String is
	Limit   int            `json:"limit"`
}

// ListCommittedOutput names them in the order of stream and window.
type ListCommittedOutput struct {
	Shards []ledger.Shard `json:"shards"`
	Total  int            `json:"total"` // of the range
	More   bool           `json:"more,omitempty"`
}

// ListCommitted reads from the ledger which shards of an account there are. It opens no account.
func (a *Activities) ListCommitted(ctx context.Context, in ListCommittedInput) (ListCommittedOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.listCommitted(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) listCommitted(ctx context.Context, in ListCommittedInput) (ListCommittedOutput, error) {
	account, err := a.Account(ctx, in.Account)
	if err != nil {
		return ListCommittedOutput{}, err
	}
	shards, err := a.Lake.Shards(ctx, ledger.Filter{Provider: account.Name, Account: in.Account, Window: in.Range})
	if err != nil {
		return ListCommittedOutput{}, err
	}
	slices.SortFunc(shards, func(a, b ledger.Shard) int { return cmp.Compare(a.String(), b.String()) })
	out := ListCommittedOutput{Total: len(shards)}
	for _, shard := range shards {
		if shard.String() <= in.After {
			continue
		}
		if out.More = len(out.Shards) == in.Limit; out.More {
			break
		}
		out.Shards = append(out.Shards, shard)
	}
	return out, nil
}

// RemapShardInput names a committed shard.
type RemapShardInput struct {
	Shard ledger.Shard `json:"shard"`
}

// How a RemapShard ended.
const (
	Rewritten = "rewritten" // a new generation is committed
	Unchanged = "unchanged" // the rows came out the same, and nothing was committed
	Kept      = "kept"      // something would have been lost, and nothing was committed: see Why
)

// RemapShardOutput says what became of a shard.
type RemapShardOutput struct {
	Outcome string `json:"outcome"`
	// Why says, of a shard that was kept, what would have been lost.
	Why    string `json:"why,omitempty"`
	Commit Commit `json:"commit"` // what stands now
}

// RemapShard makes the rows of a committed shard anew of the documents that the lake holds, and commits them as a new generation if
// they are others. It opens no account, asks no platform, and resolves no secret but those that mapping itself needs.
//
// What the lake cannot make anew stays: documents with the time when they were read, tombstones, dead letters of what could not be
// fetched, flags, the platform's counts, lists without a witness. A conversation that is in the lake as rows is never given up for a
// dead letter, nor a text that is readable for one that is not: then all of the shard is kept.
//
// It may be repeated, at the same time too: committed files do not change, the same rows have the same names, and the commit replaces
// the record that was read or nothing.
func (a *Activities) RemapShard(ctx context.Context, in RemapShardInput) (RemapShardOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	for {
		out, err := a.remapShard(ctx, in.Shard)
		if errors.Is(err, ledger.ErrSuperseded) && ctx.Err() == nil {
			continue // another generation stands by now, and is mapped in its turn
		}
		return out, a.classify(ctx, err)
	}
}

func (a *Activities) remapShard(ctx context.Context, shard ledger.Shard) (RemapShardOutput, error) {
	account, err := a.Account(ctx, shard.Account)
	if err != nil {
		return RemapShardOutput{}, err
	}
	mapper, err := account.Mapper()
	if err != nil {
		return RemapShardOutput{}, err
	}
	record, err := a.Lake.Latest(ctx, shard)
	if err != nil {
		return RemapShardOutput{}, err
	}
	if record == nil {
		return RemapShardOutput{}, fmt.Errorf("%s has no record in the ledger: %w", shard, errIncomplete)
	}
	stands := RemapShardOutput{Outcome: Unchanged, Commit: commitOf(string(ledger.Adopted), *record)}
	if madeHere(ctx, *record) {
		stands.Outcome, stands.Commit.Outcome = Rewritten, string(ledger.Committed)
		return stands, nil // an attempt before this one committed it
	}
	r := &remap{lake: a.Lake, mapper: mapper, before: *record, keeps: record.SchemaVersion == schemas.Version}
	same, err := r.compare(ctx)
	switch {
	case errors.Is(err, lake.ErrDamaged):
		stands.Outcome, stands.Why = Kept, redact.Mask(err.Error())
		return stands, nil
	case err != nil:
		return RemapShardOutput{}, err
	case r.why != "":
		stands.Outcome, stands.Why = Kept, r.why
		return stands, nil
	case same:
		return stands, nil
	}
	next, err := r.seal(ctx)
	if err != nil {
		return RemapShardOutput{}, err
	}
	findings, err := a.Lake.VerifyRecord(ctx, next, false)
	if err != nil {
		return RemapShardOutput{}, err
	}
	if len(findings) > 0 {
		return RemapShardOutput{}, fmt.Errorf("%s: %s", findings[0].Key, findings[0].Problem) // it is tried again
	}
	next.WorkflowID, next.RunID = whoRuns(ctx)
	outcome, standing, err := a.Lake.Commit(ctx, next)
	if err != nil {
		return RemapShardOutput{}, err
	}
	return RemapShardOutput{Outcome: Rewritten, Commit: commitOf(string(outcome), standing)}, nil
}

// madeHere reports whether a record was committed by an earlier attempt at the same activity.
func madeHere(ctx context.Context, r ledger.Record) bool {
	workflow, run := whoRuns(ctx)
	return run != "" && r.Cause == CauseRemap && r.WorkflowID == workflow && r.RunID == run
}

// whoRuns is the workflow that an activity is of; what no worker runs is of none.
func whoRuns(ctx context.Context) (workflow, run string) {
	if !activity.IsActivity(ctx) {
		return "", ""
	}
	execution := activity.GetInfo(ctx).WorkflowExecution
	return execution.ID, execution.RunID
}

// remap makes the rows of one record anew.
type remap struct {
	lake   *lake.Lake
	mapper providers.Mapper
	before ledger.Record
	keeps  bool   // the files of the documents stay as they are
	why    string // the record has to be kept
}

// compare maps everything, writes nothing, and reports whether the rows are the same as before.
func (r *remap) compare(ctx context.Context) (same bool, err error) {
	out, comparison, err := r.lake.Compare(ctx, r.before)
	if err != nil {
		return false, err
	}
	p, files, err := r.press(ctx, out, true)
	if err != nil {
		return false, err
	}
	was := r.before.Counts
	switch {
	case p.lost > 0:
		r.why = fmt.Sprintf("%d conversations that the lake has as rows cannot be read by this build", p.lost)
	case !r.before.Shard.Stream.HasConversations() && p.counts.Dead > was.Dead:
		r.why = fmt.Sprintf("%d documents that the lake has as rows cannot be read by this build", p.counts.Dead-was.Dead)
	case p.counts.Unreadable > was.Unreadable:
		r.why = fmt.Sprintf("%d texts could not be decrypted, %d by the build that sealed them; look at the account's private keys", p.counts.Unreadable, was.Unreadable)
	}
	if r.why != "" || !r.keeps {
		return false, nil
	}
	return comparison.Same(ctx, files, schemas.Documents.Table)
}

// seal writes the files of the next generation and returns its record.
func (r *remap) seal(ctx context.Context) (ledger.Record, error) {
	out, err := r.lake.Seal(ctx, r.before.Shard)
	if err != nil {
		return ledger.Record{}, err
	}
	p, files, err := r.press(ctx, out, r.keeps)
	if err != nil {
		return ledger.Record{}, err
	}
	next := r.before
	next.Generation, next.Cause, next.Rewrites = r.before.Generation+1, CauseRemap, r.before.Digest
	next.SchemaVersion, next.Writer, next.Counts = schemas.Version, r.lake.Writer(), p.counts
	next.Files, next.Flags = r.withDocuments(files), nil
	for _, flag := range r.before.Flags {
		if flag != FlagMessages {
			next.Flags = append(next.Flags, flag)
		}
	}
	if p.counts.Mismatched > 0 {
		next.Flags = append([]string{FlagMessages}, next.Flags...)
	}
	return next, nil
}

// withDocuments puts the files of the documents, where they stay, among others in the order of the tables.
func (r *remap) withDocuments(files []ledger.File) []ledger.File {
	if !r.keeps {
		return files
	}
	for _, f := range r.before.Files {
		if f.Table == schemas.Documents.Table {
			files = append(files, f)
		}
	}
	place := map[string]int{}
	for i, shape := range schemas.Shapes() {
		place[shape.Table] = i
	}
	slices.SortStableFunc(files, func(a, b ledger.File) int { return cmp.Compare(place[a.Table], place[b.Table]) })
	return files
}

// press makes rows of all documents of the record and writes them.
func (r *remap) press(ctx context.Context, out *lake.Seal, keeps bool) (*press, []ledger.File, error) {
	defer out.Discard()
	p := &press{lake: r.lake, mapper: r.mapper, out: out, keeps: keeps}
	was := r.before.Counts
	p.counts.Listed, p.counts.Duplicates, p.counts.OutOfWindow = was.Listed, was.Duplicates, was.OutOfWindow
	var err error
	if of, ok := sources[r.before.Shard.Stream]; !ok {
		err = p.conversations(ctx, r.bundles)
	} else if rows := of.rows(r.mapper); rows != nil {
		err = p.loose(r.lake.Documents(ctx, r.before), rows)
	}
	if err == nil && p.counts.Documents != was.Documents {
		err = fmt.Errorf("%d documents were read and %d were sealed: %w", p.counts.Documents, was.Documents, lake.ErrDamaged)
	}
	if err != nil {
		return p, nil, err
	}
	files, err := out.Close(ctx)
	return p, files, err
}

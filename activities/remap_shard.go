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

// ListCommittedInput asks for the committed shards of an account whose windows overlap a range.
type ListCommittedInput struct {
	Account string         `json:"account"`
	Range   schemas.Window `json:"range"`
	After   string         `json:"after,omitempty"` // the last shard returned before, as its String
	Limit   int            `json:"limit"`
}

// ListCommittedOutput lists shards by stream and window.
type ListCommittedOutput struct {
	Shards []ledger.Shard `json:"shards"`
	Total  int            `json:"total"` // in the range
	More   bool           `json:"more,omitempty"`
}

// ListCommitted lists the shards of an account in the ledger. It opens no account.
func (a *Activities) ListCommitted(ctx context.Context, in ListCommittedInput) (ListCommittedOutput, error) {
	ctx, stop := keepAlive(ctx)
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
	shards = slices.DeleteFunc(shards, func(s ledger.Shard) bool { return s.Stream.IsOwn() }) // there are no documents of it
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

// The outcomes of RemapShard.
const (
	Rewritten = "rewritten" // a new generation was committed
	Unchanged = "unchanged" // the rows are the same; nothing was committed
	Kept      = "kept"      // a new generation would lose something; nothing was committed, see Why
)

// RemapShardOutput is the outcome of RemapShard.
type RemapShardOutput struct {
	Outcome string `json:"outcome"`
	// Why says what a kept shard would have lost.
	Why    string `json:"why,omitempty"`
	Commit Commit `json:"commit"` // the record that counts now
}

// RemapShard makes the rows of a committed shard again from the documents in the lake. If the rows differ, it commits them as a
// new generation. It opens no account, makes no request to the platform, and resolves only secrets that mapping needs.
//
// It copies what cannot be derived from documents: the documents and their times, tombstones, dead letters of conversations that
// could not be fetched, flags, the platform's counts, and unwitnessed lists. It never replaces the rows of a conversation with a
// dead letter, or a readable text with an unreadable one: in these cases it keeps the shard as it is.
//
// It may run several times, even concurrently: committed files do not change, the same rows produce files with the same names,
// and the commit replaces exactly the record that was read.
func (a *Activities) RemapShard(ctx context.Context, in RemapShardInput) (RemapShardOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	for {
		out, err := a.remapShard(ctx, in.Shard)
		if errors.Is(err, ledger.ErrSuperseded) && ctx.Err() == nil {
			continue // another generation was committed; map that one
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
	unchanged := RemapShardOutput{Outcome: Unchanged, Commit: commitOf(string(ledger.Adopted), *record)}
	if record.AbsorbedBy != "" {
		return unchanged, nil // another shard has its rows
	}
	if committedByEarlierAttempt(ctx, *record) {
		unchanged.Outcome, unchanged.Commit.Outcome = Rewritten, string(ledger.Committed)
		return unchanged, nil // an earlier attempt committed it
	}
	if record.SchemaVersion > schemas.Version { // its documents may be in columns that this build does not know
		unchanged.Outcome = Kept
		unchanged.Why = fmt.Sprintf("its tables have schema version %d, and this build knows versions up to %d; use the build that wrote it or a newer one",
			record.SchemaVersion, schemas.Version)
		return unchanged, nil
	}
	r := &remap{lake: a.Lake, mapper: mapper, before: *record, keepDocuments: record.SchemaVersion == schemas.Version}
	same, err := r.compare(ctx)
	switch {
	case errors.Is(err, lake.ErrDamaged):
		unchanged.Outcome, unchanged.Why = Kept, redact.Mask(err.Error())
		return unchanged, nil
	case err != nil:
		return RemapShardOutput{}, err
	case r.why != "":
		unchanged.Outcome, unchanged.Why = Kept, r.why
		return unchanged, nil
	case same:
		return unchanged, nil
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
		return RemapShardOutput{}, fmt.Errorf("%s: %s", findings[0].Key, findings[0].Problem) // the activity is retried
	}
	next.WorkflowID, next.RunID = workflowAndRun(ctx)
	outcome, existing, err := a.Lake.Commit(ctx, next)
	if err != nil {
		return RemapShardOutput{}, err
	}
	return RemapShardOutput{Outcome: Rewritten, Commit: commitOf(string(outcome), existing)}, nil
}

// committedByEarlierAttempt reports whether an earlier attempt of the same activity committed the record.
func committedByEarlierAttempt(ctx context.Context, r ledger.Record) bool {
	workflow, run := workflowAndRun(ctx)
	return run != "" && r.Cause == ledger.CauseRemap && r.WorkflowID == workflow && r.RunID == run
}

// workflowAndRun returns the ids of the activity's workflow and run, or empty strings outside of a worker.
func workflowAndRun(ctx context.Context) (workflow, run string) {
	if !activity.IsActivity(ctx) {
		return "", ""
	}
	execution := activity.GetInfo(ctx).WorkflowExecution
	return execution.ID, execution.RunID
}

// remap makes the rows of one record again.
type remap struct {
	lake          *lake.Lake
	mapper        providers.Mapper
	before        ledger.Record
	keepDocuments bool   // reuse the files with the documents
	why           string // why the record has to be kept
}

// compare maps everything without writing anything, and reports whether the rows are the same as before.
func (r *remap) compare(ctx context.Context) (same bool, err error) {
	out, comparison, err := r.lake.Compare(ctx, r.before)
	if err != nil {
		return false, err
	}
	w, files, err := r.write(ctx, out, true)
	if err != nil {
		return false, err
	}
	was := r.before.Counts
	switch {
	case w.lost > 0:
		r.why = fmt.Sprintf("this build cannot read %d conversations that have rows in the lake", w.lost)
	case !r.before.Shard.Stream.HasConversations() && w.counts.Dead > was.Dead:
		r.why = fmt.Sprintf("this build cannot read %d documents that have rows in the lake", w.counts.Dead-was.Dead)
	case w.counts.Unreadable > was.Unreadable:
		r.why = fmt.Sprintf("%d texts could not be decrypted, but only %d when the shard was sealed; check the account's private keys", w.counts.Unreadable, was.Unreadable)
	}
	if r.why != "" || !r.keepDocuments {
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
	w, files, err := r.write(ctx, out, r.keepDocuments)
	if err != nil {
		return ledger.Record{}, err
	}
	next := r.before
	next.Generation, next.Cause, next.Rewrites = r.before.Generation+1, ledger.CauseRemap, r.before.Digest
	next.SchemaVersion, next.Writer, next.Counts = schemas.Version, r.lake.Writer(), w.counts
	next.Files, next.Flags = r.withDocuments(files), nil
	next.Found, next.Named = nil, nil // the first generation has them
	for _, flag := range r.before.Flags {
		if flag != FlagMessages {
			next.Flags = append(next.Flags, flag)
		}
	}
	if w.counts.Mismatched > 0 {
		next.Flags = append([]string{FlagMessages}, next.Flags...)
	}
	return next, nil
}

// withDocuments adds the reused files of the documents, sorted by table.
func (r *remap) withDocuments(files []ledger.File) []ledger.File {
	if !r.keepDocuments {
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

// write makes the rows of all documents of the record and writes them to out.
func (r *remap) write(ctx context.Context, out *lake.Seal, keepDocuments bool) (*shardWriter, []ledger.File, error) {
	defer out.Discard()
	w := &shardWriter{lake: r.lake, mapper: r.mapper, out: out, keepDocuments: keepDocuments}
	was := r.before.Counts
	w.counts.Listed, w.counts.Duplicates, w.counts.OutOfWindow = was.Listed, was.Duplicates, was.OutOfWindow
	w.counts.Unchanged, w.counts.Reused, w.counts.Unlisted = was.Unchanged, was.Reused, was.Unlisted
	var err error
	if of, ok := sources[r.before.Shard.Stream]; !ok {
		err = w.writeAll(ctx, r.conversations)
	} else if rows := of.rows(r.mapper); rows != nil {
		documents := func() documentsOf { return r.lake.Documents(ctx, r.before) }
		if rows, err = observedLast(r.before.Shard.Stream, documents, rows); err == nil {
			err = w.snapshots(documents(), rows)
		}
	}
	if err == nil && w.counts.Documents != was.Documents {
		err = fmt.Errorf("%d documents were read, expected %d: %w", w.counts.Documents, was.Documents, lake.ErrDamaged)
	}
	if err != nil {
		return w, nil, err
	}
	files, err := out.Close(ctx)
	return w, files, err
}

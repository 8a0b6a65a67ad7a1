package activities

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Before a platform is asked to change something, a note that it is about to be asked is staged; afterwards, one of what came of it. So it
// is known what may have happened however an attempt ends. Notes of a run are named after the run and the conversation. The commit of
// the audits makes rows of the notes of all runs that are staged, each once, and removes them.

// AuditRun is a run that asks a platform for changes.
type AuditRun struct {
	Shard    ledger.Shard `json:"shard"` // of its audits
	Workflow string       `json:"workflow"`
	Run      string       `json:"run"`
}

// The outcomes of asking for a change.
const (
	OutcomeEnded       = "ended"       // the platform said so
	OutcomeUnconfirmed = "unconfirmed" // its answer was lost, and then the conversation had ended or was gone
	OutcomeRefused     = "refused"
	OutcomeOpen        = "open" // its answers were lost, and the conversation had not ended when it was last looked at
)

// outcomes are all of them; where two attempts disagree, the first of them is right.
var outcomes = []string{OutcomeEnded, OutcomeUnconfirmed, OutcomeRefused, OutcomeOpen}

const (
	actionEnd = "end"
	// auditGeneration is the generation under which notes are staged: none, because every commit takes all that are there.
	auditGeneration = 0
	// The names of staged notes.
	asked, audited = "asked", "audit"
)

// note is the header of a staged note.
type note struct {
	ID         string            `json:"id"`
	Workflow   string            `json:"workflow"`
	Run        string            `json:"run"`
	AskedAt    time.Time         `json:"asked_at"`
	ObservedAt time.Time         `json:"observed_at"`
	Outcome    string            `json:"outcome,omitempty"` // empty before the platform is asked
	ErrorKind  string            `json:"error_kind,omitempty"`
	Before     map[string]string `json:"before"`
	After      map[string]string `json:"after,omitempty"`
	// Messages is how many messages the conversation had before.
	Messages *int64 `json:"messages,omitempty"`
	// Replied means that it had more when it ended: somebody wrote between the last look and the end.
	Replied bool `json:"replied,omitempty"`
}

// key is the part of a note's name that says which run and conversation it belongs to.
func (n note) key() string { return runKey(n.Workflow, n.Run) + "-" + short(n.ID) }

func runKey(workflow, run string) string { return short(workflow + "\n" + run) }

// short is a digest that fits into a key.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// row is the audit of a note that has an outcome.
func (n note) row() schemas.Audit {
	texts := func(facts map[string]string) map[string]*string {
		all := map[string]*string{}
		for name, value := range facts {
			all[name] = &value
		}
		return all
	}
	row := schemas.Audit{
		AuditID: n.key(), ConversationID: n.ID, ObservedAt: n.ObservedAt, Action: actionEnd, Outcome: n.Outcome, AskedAt: &n.AskedAt,
		WorkflowID: n.Workflow, RunID: n.Run, StateBefore: texts(n.Before), StateAfter: texts(n.After),
	}
	if n.ErrorKind != "" {
		row.ErrorKind = &n.ErrorKind
	}
	return row
}

// stageNote stages a note under the name kind.
func (a *Activities) stageNote(ctx context.Context, shard ledger.Shard, kind string, n note) error {
	stage, err := a.Lake.Stage(shard, auditGeneration, n)
	if err != nil {
		return err
	}
	defer stage.Discard()
	_, err = stage.Commit(ctx, kind+"-"+n.key())
	return err
}

// withdraw removes the note that a platform is about to be asked: it has not been.
func (a *Activities) withdraw(ctx context.Context, shard ledger.Shard, n note) error {
	found, err := a.Lake.FindStaged(ctx, shard, auditGeneration, asked+"-"+n.key())
	for _, f := range found {
		if err == nil {
			err = a.Lake.Store().Delete(ctx, f.Key)
		}
	}
	return err
}

// notes reads the staged notes of a kind, by their keys: of one run, or of all if run is empty. Of several of a conversation, as two
// attempts leave them, that with the best outcome counts.
func (a *Activities) notes(ctx context.Context, shard ledger.Shard, kind, run string) (map[string]note, []lake.Found, error) {
	found, err := a.Lake.FindStaged(ctx, shard, auditGeneration, kind+"-"+run)
	if err != nil {
		return nil, nil, err
	}
	all := map[string]note{}
	for _, f := range found {
		var n note
		if err := a.Lake.ReadHeader(ctx, f.Staged, &n); err != nil {
			if errors.Is(err, lake.ErrStagingLost) {
				continue // another commit has just taken it
			}
			return nil, nil, err
		}
		key := n.key()
		if before, twice := all[key]; !twice || better(n, before) {
			all[key] = n
		}
	}
	return all, found, nil
}

// better reports whether n says more about what came of a change than another note about the same.
func better(n, than note) bool {
	return cmp.Or(cmp.Compare(slices.Index(outcomes, n.Outcome), slices.Index(outcomes, than.Outcome)), n.AskedAt.Compare(than.AskedAt)) < 0
}

// CommitAuditsInput asks for the rows of what a run has done.
type CommitAuditsInput struct {
	AuditRun
	// Expected is how many conversations the run has asked to change.
	Expected int `json:"expected"`
}

// CommitAuditsOutput has the record that counts now.
type CommitAuditsOutput struct {
	Rows   int     `json:"rows"`             // that were added
	Commit *Commit `json:"commit,omitempty"` // nil if there was nothing to add
}

// CommitAudits makes rows of all staged notes that have an outcome, of this run and of others, and adds them to the audits of the month.
// It may run several times, even concurrently: a row is in the lake once, whoever adds it.
func (a *Activities) CommitAudits(ctx context.Context, in CommitAuditsInput) (CommitAuditsOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	for {
		out, err := a.commitAudits(ctx, in)
		if errors.Is(err, ledger.ErrSuperseded) && ctx.Err() == nil {
			continue // another run has added rows; add these to them
		}
		return out, a.classify(ctx, err)
	}
}

func (a *Activities) commitAudits(ctx context.Context, in CommitAuditsInput) (out CommitAuditsOutput, err error) {
	account, err := a.Account(ctx, in.Shard.Account)
	if err != nil {
		return out, err
	}
	staged, found, err := a.notes(ctx, in.Shard, audited, "")
	if err != nil {
		return out, err
	}
	record, err := a.Lake.Latest(ctx, in.Shard)
	if err != nil {
		return out, err
	}
	has, err := a.auditsIn(ctx, record)
	if err != nil {
		return out, err
	}
	if err := complete(in, staged, has); err != nil {
		return out, err
	}
	var rows []schemas.Audit
	for key, n := range staged {
		if !has[key] {
			rows = append(rows, n.row())
		}
	}
	if len(rows) > 0 {
		slices.SortFunc(rows, func(x, y schemas.Audit) int {
			return cmp.Or(x.AskedAt.Compare(*y.AskedAt), cmp.Compare(x.AuditID, y.AuditID))
		})
		next, err := a.sealAudits(ctx, in.Shard, record, rows)
		if err != nil {
			return out, err
		}
		next.SpecDigest = account.Spec
		next.WorkflowID, next.RunID = workflowAndRun(ctx)
		outcome, committed, err := a.Lake.CommitNext(ctx, next)
		if err != nil {
			return out, err
		}
		out = CommitAuditsOutput{Rows: len(rows), Commit: new(commitOf(string(outcome), committed))}
	}
	return out, a.clearNotes(ctx, in.Shard, staged, found)
}

// complete returns an error if the list of staged notes lacks one of the run that is not a row yet.
func complete(in CommitAuditsInput, staged map[string]note, has map[string]bool) error {
	keys := maps.Clone(has)
	for key := range staged {
		keys[key] = true
	}
	n := 0
	for key := range keys {
		if strings.HasPrefix(key, runKey(in.Workflow, in.Run)+"-") {
			n++
		}
	}
	if n < in.Expected {
		return fmt.Errorf("the store lists notes of %d conversations that the run asked to change, expected %d", n, in.Expected)
	}
	return nil
}

// auditsIn returns the ids of the audits that a record has; the record may be nil.
func (a *Activities) auditsIn(ctx context.Context, record *ledger.Record) (map[string]bool, error) {
	has := map[string]bool{}
	if record == nil {
		return has, nil
	}
	for row, err := range a.Lake.Rows(ctx, *record, schemas.Audits.Table, "audit_id") {
		if err != nil {
			return nil, err
		}
		has[row.Cells[0].Text] = true
	}
	return has, nil
}

// sealAudits writes rows to a file and returns the record that adds it to those of the record before, which may be nil.
func (a *Activities) sealAudits(ctx context.Context, shard ledger.Shard, before *ledger.Record, rows []schemas.Audit) (ledger.Record, error) {
	next := ledger.Record{Shard: shard, Generation: 1, Cause: ledger.CauseAudit, SchemaVersion: schemas.Version, Writer: a.Lake.Writer()}
	if before != nil {
		next.Generation, next.Rewrites, next.Files = before.Generation+1, before.Digest, slices.Clone(before.Files)
	}
	out, err := a.Lake.Seal(ctx, shard)
	if err != nil {
		return next, err
	}
	defer out.Discard()
	for _, row := range rows {
		if err := out.Audit(row); err != nil {
			return next, err
		}
	}
	files, err := out.Close(ctx)
	if err != nil {
		return next, err
	}
	next.Files = append(next.Files, files...)
	findings, err := a.Lake.VerifyRecord(ctx, next, false)
	if err == nil && len(findings) > 0 {
		err = fmt.Errorf("%s: %s", findings[0].Key, findings[0].Problem) // the activity is retried
	}
	return next, err
}

// clearNotes removes notes that are rows now. Those that say that something was about to be asked go first, so that none of them stays
// without the one that says what came of it.
func (a *Activities) clearNotes(ctx context.Context, shard ledger.Shard, staged map[string]note, found []lake.Found) error {
	if len(staged) == 0 {
		return nil
	}
	var all []lake.Found
	before, err := a.Lake.FindStaged(ctx, shard, auditGeneration, asked+"-")
	if err != nil {
		return err
	}
	for _, f := range before {
		if _, done := staged[strings.TrimPrefix(f.Name, asked+"-")]; done {
			all = append(all, f)
		}
	}
	for _, f := range append(all, found...) {
		if err := a.Lake.Store().Delete(ctx, f.Key); err != nil {
			return err
		}
	}
	return nil
}

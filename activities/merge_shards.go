package activities

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/internal/redact"
	"github.com/chatlake/chatlake/schemas"
)

// MergeShardsInput names the shard to make from the shards inside its window.
type MergeShardsInput struct {
	Shard ledger.Shard `json:"shard"`
}

// Merged is the outcome of MergeShards when it committed a record. The others are Unchanged and Kept.
const Merged = "merged"

// MergeShardsOutput is the outcome of MergeShards.
type MergeShardsOutput struct {
	Outcome string `json:"outcome"`
	Why     string `json:"why,omitempty"`    // what would have been lost, if it was kept
	Shards  int    `json:"shards,omitempty"` // that were merged
	Commit  Commit `json:"commit"`           // if it was merged
}

// MergeShards makes one shard of the shards inside its window, from the documents in the lake. Of a stream with conversations it takes
// those that readers take from one of these shards, so what readers see does not change. It opens no account and asks the platform
// nothing. The shards that it was made from stay as they are: AbsorbShards replaces them.
//
// It may run several times, even concurrently: of several attempts one commits, and the others begin again or find nothing to do.
func (a *Activities) MergeShards(ctx context.Context, in MergeShardsInput) (MergeShardsOutput, error) {
	ctx, stop := keepAlive(ctx)
	defer stop()
	for {
		out, err := a.mergeShards(ctx, in.Shard)
		switch {
		case errors.Is(err, ledger.ErrSuperseded) && ctx.Err() == nil:
			continue // another record was committed; merge that one as well
		case errors.Is(err, lake.ErrDamaged):
			return MergeShardsOutput{Outcome: Kept, Why: redact.Mask(err.Error())}, nil
		}
		return out, a.classify(ctx, err)
	}
}

func (a *Activities) mergeShards(ctx context.Context, shard ledger.Shard) (MergeShardsOutput, error) {
	account, err := a.Account(ctx, shard.Account)
	if err != nil {
		return MergeShardsOutput{}, err
	}
	mapper, err := account.Mapper()
	if err != nil {
		return MergeShardsOutput{}, err
	}
	m := &merge{remap: remap{lake: a.Lake, mapper: mapper}, shard: shard}
	if err := m.read(ctx); err != nil {
		return MergeShardsOutput{}, err
	}
	changed, err := m.choose(ctx)
	switch {
	case err != nil:
		return MergeShardsOutput{}, err
	case m.why != "":
		return MergeShardsOutput{Outcome: Kept, Why: m.why}, nil
	case !changed:
		return MergeShardsOutput{Outcome: Unchanged}, nil
	}
	record, err := m.seal(ctx)
	if err != nil {
		return MergeShardsOutput{}, err
	}
	if m.why != "" {
		return MergeShardsOutput{Outcome: Kept, Why: m.why}, nil
	}
	findings, err := a.Lake.VerifyRecord(ctx, record, false)
	if err != nil {
		return MergeShardsOutput{}, err
	}
	if len(findings) > 0 {
		return MergeShardsOutput{}, fmt.Errorf("%s: %s", findings[0].Key, findings[0].Problem) // the activity is retried
	}
	record.WorkflowID, record.RunID = workflowAndRun(ctx)
	outcome, existing, err := a.Lake.CommitNext(ctx, record)
	if err != nil {
		return MergeShardsOutput{}, err
	}
	return MergeShardsOutput{Outcome: Merged, Shards: len(m.inputs), Commit: commitOf(string(outcome), existing)}, nil
}

// merge makes a shard from those inside its window.
type merge struct {
	remap  // before is the input whose documents are being read
	shard  ledger.Shard
	own    *ledger.Record  // what the shard holds now; nil if nothing
	inputs []ledger.Record // with files, in the order of their windows; own among them if it has files
	others []ledger.Record // that may have conversations of the inputs, and win over them

	place map[lake.Key]int // the input from which each conversation is taken, or elsewhere
	seen  int              // conversations in all inputs, each as often as it is there
}

// elsewhere is the place of a conversation that readers take from another shard.
const elsewhere = -1

// read reads the records of the shards.
func (m *merge) read(ctx context.Context) error {
	f := ledger.Filter(m.shard)
	records, err := m.lake.Current(ctx, f)
	if err != nil {
		return err
	}
	slices.SortFunc(records, byWindow)
	var covered []schemas.Window
	for i, r := range records {
		inside := within(r.Shard.Window, m.shard.Window)
		switch {
		case r.Shard == m.shard:
			m.own = &records[i]
		case within(m.shard.Window, r.Shard.Window):
			m.others = append(m.others, r)
		}
		if inside || r.Shard == m.shard {
			covered = append(covered, r.Shard.Window)
			if len(r.Files) > 0 {
				m.inputs = append(m.inputs, r)
			}
		}
	}
	if gaps := m.shard.Window.Without(covered); m.shard.Stream.IsContinuous() && len(gaps) > 0 {
		m.why = fmt.Sprintf("no shard covers %s", gaps[0])
	}
	if !m.shard.Stream.IsByChange() {
		return nil
	}
	created, err := m.lake.Current(ctx, createdBefore(m.shard))
	m.others = append(m.others, created...)
	return err
}

// createdBefore selects the windows of creation of conversations that can have changed in a shard of changes.
func createdBefore(s ledger.Shard) ledger.Filter {
	return ledger.Filter{Provider: s.Provider, Account: s.Account, Stream: schemas.StreamCreated, Window: schemas.Window{To: s.Window.To}}
}

// choose decides from which input each conversation is taken. It reports whether a shard other than the present one results.
func (m *merge) choose(ctx context.Context) (changed bool, err error) {
	if !m.shard.Stream.HasConversations() {
		return m.chooseInputs(ctx)
	}
	best := map[lake.Key]lake.Standing{}
	m.place = map[lake.Key]int{}
	for i, r := range m.inputs {
		standings, err := m.lake.Standings(ctx, r, nil)
		if err != nil {
			return false, err
		}
		if want := r.Counts.Conversations + r.Counts.Gone + r.Counts.Dead; int64(len(standings)) != want {
			return false, fmt.Errorf("%s has %d conversations, expected %d: %w", r.Shard, len(standings), want, lake.ErrDamaged)
		}
		m.seen += len(standings)
		for key, v := range standings {
			if at, ok := m.place[key]; !ok || wins(v, r, best[key], m.inputs[at]) {
				best[key], m.place[key] = v, i
			}
		}
	}
	for _, other := range m.others {
		standings, err := m.lake.Standings(ctx, other, func(key lake.Key) bool { _, ok := best[key]; return ok })
		if errors.Is(err, lake.ErrDamaged) {
			continue // nothing is left out because of a shard that cannot be read
		}
		if err != nil {
			return false, err
		}
		for key, v := range standings {
			if at := m.place[key]; at != elsewhere && wins(v, other, best[key], m.inputs[at]) {
				m.place[key] = elsewhere
			}
		}
	}
	for _, at := range m.place {
		if at != elsewhere && m.inputs[at].Shard != m.shard {
			return true, nil
		}
	}
	return m.own == nil && len(m.inputs) > 0, nil
}

// chooseInputs leaves out inputs without conversations whose documents the shard has already, and reports whether others are left.
func (m *merge) chooseInputs(ctx context.Context) (changed bool, err error) {
	var own map[lake.Key]lake.Standing
	if m.own != nil {
		if own, err = documentKeys(ctx, m.lake, *m.own); err != nil {
			return false, err
		}
	}
	var left []ledger.Record
	for _, r := range m.inputs {
		if r.Shard == m.shard {
			left = append(left, r)
			continue
		}
		keys, err := documentKeys(ctx, m.lake, r)
		if err != nil {
			return false, err
		}
		if !subset(keys, own) {
			left = append(left, r)
			changed = true
		}
	}
	m.inputs = left
	return changed, nil
}

// wins reports whether readers take a conversation from shard a, where it has version v, and not from b, where it has version w.
func wins(v lake.Standing, a ledger.Record, w lake.Standing, b ledger.Record) bool {
	if order := v.Compare(w); order != 0 {
		return order > 0
	}
	if order := a.CommittedAt.Compare(b.CommittedAt); order != 0 {
		return order > 0
	}
	return a.Shard.String() > b.Shard.String()
}

// seal writes the files of the shard and returns its record. It sets why if something would be lost.
func (m *merge) seal(ctx context.Context) (ledger.Record, error) {
	next := m.record()
	out, err := m.lake.Seal(ctx, m.shard)
	if err != nil {
		return ledger.Record{}, err
	}
	defer out.Discard()
	w := &shardWriter{lake: m.lake, mapper: m.mapper, out: out, counts: next.Counts}
	if m.shard.Stream.HasConversations() {
		err = w.writeAll(ctx, m.conversations)
	} else {
		err = m.snapshots(ctx, w)
	}
	if err != nil {
		return ledger.Record{}, err
	}
	if m.why == "" {
		m.why = m.loses(w)
	}
	if m.why != "" {
		return ledger.Record{}, nil
	}
	next.Counts = w.counts
	if w.counts.Mismatched > 0 {
		next.Flags = append([]string{FlagMessages}, next.Flags...)
	}
	next.Files, err = out.Close(ctx)
	return next, err
}

// loses says what of the inputs is missing in what was written.
func (m *merge) loses(w *shardWriter) string {
	var was ledger.Counts
	for _, r := range m.inputs {
		was.Dead += r.Counts.Dead
		was.Unreadable += r.Counts.Unreadable
	}
	switch {
	case w.lost > 0:
		return fmt.Sprintf("this build cannot read %d conversations that have rows in the lake", w.lost)
	case !m.shard.Stream.HasConversations() && w.counts.Dead > was.Dead:
		return fmt.Sprintf("this build cannot read %d documents that have rows in the lake", w.counts.Dead-was.Dead)
	case w.counts.Unreadable > was.Unreadable:
		return fmt.Sprintf("%d texts could not be decrypted, but only %d when the shards were sealed; check the account's private keys", w.counts.Unreadable, was.Unreadable)
	}
	return ""
}

// conversations yields the chosen conversations of all inputs with their documents and outcomes.
func (m *merge) conversations(ctx context.Context) iter.Seq2[conversation, error] {
	return func(yield func(conversation, error) bool) {
		for i, r := range m.inputs {
			from := m.remap
			from.before = r
			var documents int64
			for c, err := range from.conversations(ctx) {
				if err == nil {
					documents += int64(len(c.documents()))
					if at, ok := m.place[lake.KeyOf(c.ref.ID)]; !ok || at != i {
						continue
					}
				}
				if !yield(c, err) || err != nil {
					return
				}
			}
			if documents != r.Counts.Documents {
				yield(conversation{}, fmt.Errorf("%s: %d documents were read, expected %d: %w", r.Shard, documents, r.Counts.Documents, lake.ErrDamaged))
				return
			}
		}
	}
}

// snapshots writes the documents of all inputs, one after the other, and their rows.
func (m *merge) snapshots(ctx context.Context, w *shardWriter) error {
	of := sources[m.shard.Stream]
	rows := of.rows(m.mapper)
	if rows == nil {
		m.why = "this build has no mapping for it"
		return nil
	}
	documents := func() documentsOf { return m.documents(ctx) }
	rows, err := observedLast(m.shard.Stream, documents, rows)
	if err != nil {
		return err
	}
	return w.snapshots(documents(), rows)
}

// documents yields the documents of the inputs, without documents of a directory that are as in the snapshot before.
func (m *merge) documents(ctx context.Context) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		last := map[string]lake.Key{}
		for _, r := range m.inputs {
			for doc, err := range m.lake.Documents(ctx, r) {
				if err == nil && m.shard.Stream == schemas.StreamDirectory {
					place, body := placeOf(doc), lake.KeyOf(string(doc.Body))
					if last[place] == body {
						continue
					}
					last[place] = body
				}
				if !yield(doc, err) || err != nil {
					return
				}
			}
		}
	}
}

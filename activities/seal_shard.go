package activities

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/chatlake/chatlake/internal/lake"
	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// SealShardInput names everything that a shard is made of.
type SealShardInput struct {
	Target
	SpecDigest  string   `json:"spec_digest"`
	Refresh     string   `json:"refresh,omitempty"`
	Receipts    Receipts `json:"receipts"`
	OutOfWindow int64    `json:"out_of_window"`
	TotalBefore *int64   `json:"total_before,omitempty"`
	Visibility  string   `json:"visibility"`
}

// SealShardOutput names the draft of the commit record.
type SealShardOutput struct {
	Draft  ledger.Staged `json:"draft"`
	Counts ledger.Counts `json:"counts"`
	Files  int           `json:"files"`
	Bytes  int64         `json:"bytes"`
	// MessageMismatches is in how many conversations the provider states another number of messages than are stored.
	MessageMismatches int64 `json:"message_mismatches"`
}

// FlagMessages is the flag of a shard in which some conversation has another number of messages than the provider states.
const FlagMessages = "message_count_mismatch"

// stepSeal is the step of dead letters whose documents are all there and could not be read.
const stepSeal = "SealShard"

// SealShard turns the winners into Parquet files. It is a function of its input and of the mapper alone: it opens no account, asks no
// clock, resolves no secret but those that mapping itself needs, and another attempt writes the same bytes under the same names. The files count for nothing until they are committed.
func (a *Activities) SealShard(ctx context.Context, in SealShardInput) (SealShardOutput, error) {
	ctx, stop := alive(ctx)
	defer stop()
	out, err := a.sealShard(ctx, in)
	return out, a.classify(ctx, err)
}

func (a *Activities) sealShard(ctx context.Context, in SealShardInput) (SealShardOutput, error) {
	account, err := a.Account(ctx, in.Shard.Account)
	if err != nil {
		return SealShardOutput{}, err
	}
	mapper, err := account.Mapper()
	if err != nil {
		return SealShardOutput{}, err
	}
	receipts, err := a.receipts(ctx, in.Receipts)
	if err != nil {
		return SealShardOutput{}, err
	}
	out, err := a.Lake.Seal(ctx, in.Shard)
	if err != nil {
		return SealShardOutput{}, err
	}
	defer out.Discard()
	p := &press{lake: a.Lake, mapper: mapper, metadata: account.MetadataRequests > 0, out: out}
	p.counts.OutOfWindow = in.OutOfWindow
	if err := p.run(ctx, in.Shard.Stream, receipts); err != nil {
		return SealShardOutput{}, err
	}
	files, err := out.Close(ctx)
	if err != nil {
		return SealShardOutput{}, err
	}
	record := ledger.Record{
		Shard:         in.Shard,
		Generation:    in.Generation,
		SpecDigest:    in.SpecDigest,
		Refresh:       in.Refresh,
		SchemaVersion: schemas.Version,
		Writer:        a.Lake.Writer(),
		Counts:        p.counts,
		TotalBefore:   in.TotalBefore,
		Visibility:    in.Visibility,
		Files:         files,
	}
	for _, page := range receipts.Pages {
		record.Unwitnessed = union(record.Unwitnessed, page.Unwitnessed)
	}
	return a.draft(ctx, in.Target, record)
}

func (a *Activities) draft(ctx context.Context, target Target, record ledger.Record) (SealShardOutput, error) {
	stage, err := a.Lake.Stage(target.Shard, target.Generation, record)
	if err != nil {
		return SealShardOutput{}, err
	}
	defer stage.Discard()
	staged, err := stage.Commit(ctx, "draft")
	if err != nil {
		return SealShardOutput{}, err
	}
	commit := commitOf("", record)
	return SealShardOutput{
		Draft: staged, Counts: record.Counts, Files: commit.Files, Bytes: commit.Bytes, MessageMismatches: record.Counts.Mismatched,
	}, nil
}

// press reads the winners in list order and writes each conversation where it belongs: whole into the tables, or as a
// tombstone, or as a dead letter.
type press struct {
	lake     *lake.Lake
	mapper   providers.Mapper
	metadata bool // there is some to fetch
	out      *lake.Seal
	counts   ledger.Counts
	// keeps says that the documents stay where they are, in files that stand already.
	keeps bool
	lost  int64 // conversations that the lake has as rows and of which none can be made now
}

func (p *press) run(ctx context.Context, stream schemas.Stream, receipts Receipts) error {
	if of, ok := sources[stream]; ok {
		if rows := of.rows(p.mapper); rows != nil {
			return p.loose(p.stagedPages(ctx, receipts.Pages), rows)
		}
		return nil
	}
	sheaf, err := newSheaf(ctx, p.lake, receipts, p.metadata)
	if err != nil {
		return err
	}
	p.counts.Listed, p.counts.Duplicates = sheaf.listed, sheaf.duplicates
	return p.conversations(ctx, sheaf.bundles)
}

// conversations writes every conversation of a shard.
func (p *press) conversations(ctx context.Context, bundles func(context.Context) iter.Seq2[bundle, error]) error {
	for turn, err := range p.inTurn(ctx, bundles) {
		if err == nil {
			err = p.bundle(turn.bundle, turn.thread, turn.err)
		}
		if err != nil {
			return err
		}
	}
	if p.counts.Conversations+p.counts.Gone+p.counts.Dead != p.counts.Listed {
		return fmt.Errorf("%d conversations, %d gone and %d dead of %d listed: %w",
			p.counts.Conversations, p.counts.Gone, p.counts.Dead, p.counts.Listed, errIncomplete)
	}
	return nil
}

// bundle writes one conversation: its rows, or what was wrong with its documents.
func (p *press) bundle(b bundle, thread schemas.Thread, illegible error) error {
	if b.dead != nil {
		return p.dead(b, *b.dead)
	}
	if b.gone() {
		p.counts.Gone++
		err := p.out.Tombstone(schemas.Tombstone{ConversationID: b.ref.ID, ObservedAt: b.observedAt(), Reason: providers.ReasonGone})
		if err != nil {
			return fmt.Errorf("write tombstone of conversation %s: %w", b.ref.ID, err)
		}
		return p.documents(b)
	}
	if illegible != nil {
		if b.stands {
			p.lost++
		}
		return p.dead(b, DeadRef{Step: stepSeal, Kind: string(providers.Malformed), Detail: illegible.Error(), Attempts: 1})
	}
	thread.Conversation.StoredMessages = int64(len(thread.Messages))
	if thread.Conversation.StatedMessages == nil {
		thread.Conversation.StatedMessages = b.ref.Messages
	}
	if stated := thread.Conversation.StatedMessages; stated != nil && *stated != thread.Conversation.StoredMessages {
		p.counts.Mismatched++
	}
	if d, ok := p.mapper.(providers.Decrypter); ok {
		p.counts.Unreadable += d.Unreadable(thread)
	}
	p.counts.Conversations++
	p.counts.Messages += thread.Conversation.StoredMessages
	if err := p.out.Thread(thread); err != nil {
		return fmt.Errorf("write conversation %s: %w", b.ref.ID, err)
	}
	return p.documents(b)
}

// guarded reads documents. A panic is an error of these documents: it must not keep all others out of the lake.
func guarded[In, Rows any](read func(In) (Rows, error), in In) (rows Rows, err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked // without its value, which may hold a text
		}
	}()
	return read(in)
}

// dead writes a dead letter, and the documents that there are, so that nothing fetched is lost.
func (p *press) dead(b bundle, d DeadRef) error {
	p.counts.Dead++
	err := p.out.DeadLetter(schemas.DeadLetter{
		ConversationID: b.ref.ID,
		ObservedAt:     b.observedAt(),
		Step:           d.Step,
		ErrorKind:      d.Kind,
		Detail:         &d.Detail,
		Attempts:       d.Attempts,
	})
	if err != nil {
		return fmt.Errorf("write dead letter of conversation %s: %w", b.ref.ID, err)
	}
	return p.documents(b)
}

func (p *press) documents(b bundle) error {
	for _, doc := range b.documents() {
		if err := p.document(doc); err != nil {
			return fmt.Errorf("write documents of conversation %s: %w", b.ref.ID, err)
		}
	}
	return nil
}

// document writes a document, unless it stands already.
func (p *press) document(doc schemas.Document) error {
	p.counts.Documents++
	if p.keeps {
		return nil
	}
	return p.out.Document(doc)
}

// loose writes documents that belong to no one conversation.
func (p *press) loose(documents iter.Seq2[schemas.Document, error], rows func(schemas.Document) (schemas.Snapshot, error)) error {
	for doc, err := range documents {
		if err != nil {
			return err
		}
		snapshot, err := guarded(rows, doc)
		if err == nil {
			err = p.out.Snapshot(snapshot)
		} else {
			err = p.illegible(doc, err)
		}
		if err == nil {
			err = p.document(doc)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stagedPages are the documents of pages, one page after the other.
func (p *press) stagedPages(ctx context.Context, pages []PageReceipt) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, page := range pages {
			for doc, err := range p.lake.ReadStaged(ctx, page.Staged, nil) {
				if !yield(doc, err) || err != nil {
					return
				}
			}
		}
	}
}

// illegible writes a dead letter for a document that belongs to no one conversation.
func (p *press) illegible(doc schemas.Document, cause error) error {
	p.counts.Dead++
	detail := fmt.Sprintf("%s %d: %v", doc.Kind, doc.Sequence, cause)
	return p.out.DeadLetter(schemas.DeadLetter{
		ObservedAt: doc.ObservedAt, Step: stepSeal, ErrorKind: string(providers.Malformed), Detail: &detail, Attempts: 1,
	})
}

// bundle is one listed conversation with all its documents.
type bundle struct {
	ref                      providers.Ref
	listed, messages, others []schemas.Document
	dead                     *DeadRef
	stands                   bool // the lake has rows of it, which these are to replace
}

func (b bundle) documents() []schemas.Document {
	all := make([]schemas.Document, 0, len(b.listed)+len(b.messages)+len(b.others))
	return append(append(append(all, b.listed...), b.messages...), b.others...)
}

// gone says whether the provider answered that the conversation does not exist.
func (b bundle) gone() bool {
	return len(b.messages) > 0 && (b.messages[0].Status == 404 || b.messages[0].Status == 410)
}

// observedAt is when the conversation was last looked at.
func (b bundle) observedAt() (at time.Time) {
	for _, doc := range b.documents() {
		if doc.ObservedAt.After(at) {
			at = doc.ObservedAt
		}
	}
	return at
}

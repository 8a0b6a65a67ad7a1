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

// SealShardInput names everything that a shard is made from.
type SealShardInput struct {
	Target
	SpecDigest  string   `json:"spec_digest"`
	Refresh     string   `json:"refresh,omitempty"`
	Receipts    Receipts `json:"receipts"`
	OutOfWindow int64    `json:"out_of_window"`
	TotalBefore *int64   `json:"total_before,omitempty"`
	Visibility  string   `json:"visibility"`
	// Cause, Rewrites and OpenedAt go into the record as they are. The last two come from OpenShard.
	Cause    ledger.Cause `json:"cause,omitempty"`
	Rewrites string       `json:"rewrites,omitempty"`
	OpenedAt *time.Time   `json:"opened_at,omitempty"`
	// NoMetadata means that the run did not fetch metadata, because the account's options asked for none when it began.
	NoMetadata bool `json:"no_metadata,omitempty"`
	// ListedAt is when the list was read to its end.
	ListedAt *time.Time `json:"listed_at,omitempty"`
}

// SealShardOutput names the draft of the commit record.
type SealShardOutput struct {
	Draft  ledger.Staged `json:"draft"`
	Counts ledger.Counts `json:"counts"`
	Files  int           `json:"files"`
	Bytes  int64         `json:"bytes"`
	// MessageMismatches is the number of conversations for which the provider states a different number of messages than are
	// stored.
	MessageMismatches int64 `json:"message_mismatches"`
}

// Flags returns the flags that the commit gets.
func (o SealShardOutput) Flags() []string {
	if o.MessageMismatches > 0 {
		return []string{FlagMessages}
	}
	return nil
}

// FlagMessages is the flag of a shard with at least one such conversation.
const FlagMessages = "message_count_mismatch"

// stepSeal is the step in dead letters whose documents were fetched but could not be read.
const stepSeal = "SealShard"

// SealShard turns the winners into Parquet files. Its result depends on its input and the mapper only: it opens no account, uses
// no clock, and resolves only secrets that mapping needs. Another attempt writes the same bytes under the same names. The files
// do not count until they are committed.
func (a *Activities) SealShard(ctx context.Context, in SealShardInput) (SealShardOutput, error) {
	ctx, stop := keepAlive(ctx)
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
	receipts, err := a.shelve(ctx, in.Receipts)
	if err != nil {
		return SealShardOutput{}, err
	}
	defer receipts.close()
	out, err := a.Lake.Seal(ctx, in.Shard)
	if err != nil {
		return SealShardOutput{}, err
	}
	defer out.Discard()
	w := &shardWriter{lake: a.Lake, mapper: mapper, keeper: account.Keeper, metadata: hasMetadata(account, in, receipts), out: out}
	w.counts.OutOfWindow = in.OutOfWindow
	if err := w.run(ctx, in.Shard, receipts); err != nil {
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
		Counts:        w.counts,
		TotalBefore:   in.TotalBefore,
		TotalListed:   totalListed(receipts.pages),
		Visibility:    in.Visibility,
		Cause:         in.Cause,
		Rewrites:      in.Rewrites,
		OpenedAt:      in.OpenedAt,
		ListedAt:      in.ListedAt,
		Files:         files,
	}
	record.Omitted = w.omitted
	w.announcing.record(&record)
	for _, page := range receipts.pages {
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

// shardWriter writes each conversation of a shard in list order: as rows, as a tombstone, or as a dead letter.
type shardWriter struct {
	lake     *lake.Lake
	mapper   providers.Mapper
	keeper   providers.Keeper
	metadata bool // the provider has metadata to fetch
	out      *lake.Seal
	counts   ledger.Counts
	// compares means that conversations with the content that the lake has are not written.
	compares bool
	// keepDocuments means that the documents are not written, because existing files have them.
	keepDocuments bool
	lost          int64 // conversations that have rows in the lake but cannot be mapped now
	omitted       []ledger.Omission
	announcing    *announcing // of a shard of changes or of announcements; nil for others
}

func (w *shardWriter) run(ctx context.Context, shard ledger.Shard, receipts *shelf) error {
	if of, ok := sources[shard.Stream]; ok {
		if rows := of.rows(w.mapper); rows != nil {
			return w.snapshots(w.stagedPages(ctx, receipts.pages), rows)
		}
		return nil
	}
	all, err := newWinners(ctx, w.lake, w.keeper, receipts, w.metadata)
	if err != nil {
		return err
	}
	w.counts.Listed, w.counts.Duplicates, w.counts.Unchanged = all.listed, all.duplicates, all.unchanged
	w.omitted = all.omitted
	if w.compares = !shard.Stream.IsByCreation(); w.compares {
		w.announcing = &all.announcing
		w.announcing.window = shard.Window
	}
	return w.writeAll(ctx, all.conversations)
}

// writeAll writes every conversation of a shard.
func (w *shardWriter) writeAll(ctx context.Context, conversations func(context.Context) iter.Seq2[conversation, error]) error {
	for m, err := range w.mapInOrder(ctx, conversations) {
		if err == nil {
			err = w.write(ctx, m.conversation, m.thread, m.err)
		}
		if err != nil {
			return err
		}
	}
	if n := w.counts; n.Conversations+n.Gone+n.Dead+n.Unchanged != n.Listed {
		return fmt.Errorf("%d conversations, %d gone, %d dead and %d unchanged of %d listed: %w", n.Conversations, n.Gone, n.Dead, n.Unchanged, n.Listed, errIncomplete)
	}
	return nil
}

// write writes one conversation: its rows, or a tombstone or a dead letter instead. If the lake had an earlier version of what is gone or
// dead, its rows are written as well.
func (w *shardWriter) write(ctx context.Context, c conversation, thread schemas.Thread, malformed error) error {
	if w.compares && c.dead == nil && c.gone() && c.ref.Unlisted && (c.had == nil || c.had.Gone) {
		w.counts.Unchanged++ // somebody has named what is not there, and the lake does not have it either
		return nil
	}
	if malformed != nil && c.dead == nil && len(c.kept) == 0 {
		dead := &DeadRef{Step: stepSeal, Kind: string(providers.Malformed), Detail: malformed.Error(), Attempts: 1}
		if c.hasRows {
			w.lost++
		}
		if !c.reused {
			last, err := c.withLast(ctx, w.lake, w.keeper, c.header, c.had)
			if err != nil {
				return err
			}
			if c = last; len(c.kept) > 0 {
				thread, malformed = w.rows(c.kept)
			}
		}
		c.dead = dead
	}
	if len(c.kept) == 0 && malformed == nil && c.olderThanLake(thread) {
		newer, there, err := c.asInLake(ctx, w.lake, w.keeper)
		if err != nil {
			return err
		}
		if rows, err := w.rows(newer.messages); there && err == nil {
			c, thread = newer, rows
		}
	}
	switch {
	case len(c.kept) > 0 && malformed == nil:
		if err := w.keep(c, thread); err != nil {
			return err
		}
	case len(c.kept) > 0 && c.hasRows:
		w.lost++
	}
	switch {
	case c.dead != nil:
		return w.dead(c, *c.dead)
	case c.gone():
		return w.gone(c)
	case w.compares && c.sameContent(thread):
		w.counts.Unchanged++
		return nil
	}
	if c.reused {
		w.counts.Reused++
	}
	w.counts.Conversations++
	w.announcing.note(c, &thread)
	if err := w.thread(c, &thread); err != nil {
		return err
	}
	if stated := thread.Conversation.StatedMessages; stated != nil && *stated != thread.Conversation.StoredMessages {
		w.counts.Mismatched++
	}
	return w.documents(c)
}

// thread writes the rows of a conversation.
func (w *shardWriter) thread(c conversation, thread *schemas.Thread) error {
	row := &thread.Conversation
	row.StoredMessages = int64(len(thread.Messages))
	if row.StatedMessages == nil {
		row.StatedMessages = c.ref.Messages
	}
	if c.ref.Version != "" {
		row.ListedVersion = &c.ref.Version
	}
	if d, ok := w.mapper.(providers.Decrypter); ok {
		w.counts.Unreadable += d.Unreadable(*thread)
	}
	w.counts.Messages += row.StoredMessages
	if err := w.out.Thread(*thread); err != nil {
		return fmt.Errorf("write conversation %s: %w", c.ref.ID, err)
	}
	return nil
}

// keep writes the last version of a conversation that is gone or dead.
func (w *shardWriter) keep(c conversation, thread schemas.Thread) error {
	w.counts.Kept++
	if c.gone() {
		// It was observed when the platform said that it is gone, so that readers prefer it to the same version in another shard.
		at := c.messages[0].ObservedAt
		thread.Conversation.GoneAt, thread.Conversation.ObservedAt = &at, at
	}
	return w.thread(c, &thread)
}

// gone writes the tombstone of a conversation.
func (w *shardWriter) gone(c conversation) error {
	w.counts.Gone++
	if c.ref.Unlisted {
		w.counts.Unlisted++
	}
	err := w.out.Tombstone(schemas.Tombstone{ConversationID: c.ref.ID, ObservedAt: c.observedAt(), Reason: providers.ReasonGone})
	if err != nil {
		return fmt.Errorf("write tombstone of conversation %s: %w", c.ref.ID, err)
	}
	return w.documents(c)
}

// sameContent reports whether the lake has the conversation with the same content and in the same listed version.
func (c conversation) sameContent(thread schemas.Thread) bool {
	n := c.had
	return n != nil && n.Row && !n.Gone && !n.Dead && n.Listed == c.ref.Version &&
		n.Content != "" && n.Content == lake.ContentKey(thread.Conversation.ContentSHA256)
}

// guarded calls read and turns a panic into an error, so that one conversation cannot keep all others out of the lake.
func guarded[In, Rows any](read func(In) (Rows, error), in In) (rows Rows, err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked // without the panic's value, which may contain text
		}
	}()
	return read(in)
}

// dead writes a dead letter and the documents that exist, so that nothing fetched is lost.
func (w *shardWriter) dead(c conversation, d DeadRef) error {
	w.counts.Dead++
	err := w.out.DeadLetter(schemas.DeadLetter{
		ConversationID: c.ref.ID,
		ObservedAt:     c.observedAt(),
		Step:           d.Step,
		ErrorKind:      d.Kind,
		Detail:         &d.Detail,
		Attempts:       d.Attempts,
	})
	if err != nil {
		return fmt.Errorf("write dead letter of conversation %s: %w", c.ref.ID, err)
	}
	return w.documents(c)
}

func (w *shardWriter) documents(c conversation) error {
	for _, doc := range c.documents() {
		if err := w.document(doc); err != nil {
			return fmt.Errorf("write documents of conversation %s: %w", c.ref.ID, err)
		}
	}
	return nil
}

// document counts a document and writes it, unless existing files have it.
func (w *shardWriter) document(doc schemas.Document) error {
	w.counts.Documents++
	if w.keepDocuments {
		return nil
	}
	return w.out.Document(doc)
}

// snapshots writes documents that belong to no single conversation.
func (w *shardWriter) snapshots(documents iter.Seq2[schemas.Document, error], rows func(schemas.Document) (schemas.Snapshot, error)) error {
	for doc, err := range documents {
		if err != nil {
			return err
		}
		snapshot, err := guarded(rows, doc)
		if err == nil {
			err = w.out.Snapshot(snapshot)
		} else {
			err = w.malformed(doc, err)
		}
		if err == nil {
			err = w.document(doc)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stagedPages yields the documents of all pages.
func (w *shardWriter) stagedPages(ctx context.Context, pages []PageReceipt) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		for _, page := range pages {
			for doc, err := range w.lake.ReadStaged(ctx, page.Staged, nil) {
				if !yield(doc, err) || err != nil {
					return
				}
			}
		}
	}
}

// malformed writes a dead letter for a document that belongs to no single conversation.
func (w *shardWriter) malformed(doc schemas.Document, cause error) error {
	w.counts.Dead++
	detail := fmt.Sprintf("%s %d: %v", doc.Kind, doc.Sequence, cause)
	return w.out.DeadLetter(schemas.DeadLetter{
		ObservedAt: doc.ObservedAt, Step: stepSeal, ErrorKind: string(providers.Malformed), Detail: &detail, Attempts: 1,
	})
}

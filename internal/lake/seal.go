package lake

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// How a seal uses memory, disk and network.
const (
	sealFileBytes     = 128 << 20 // a file is ended before it grows beyond
	sealRowGroupBytes = 12 << 20  // buffered for one row group of one table
	sealBufferedBytes = 18 << 20  // buffered in all tables together: the fullest is written out before
	sealUploads       = 3         // files on their way at once; while they are, no further file is ended
	defaultSealBytes  = 36 << 20  // buffered in all seals of a lake together

	// Row groups of tables of bodies are so many times smaller: they are looked up rather than scanned, and leave the memory to
	// those that are.
	bodiesShare = 3
)

// Seal writes one shard as Parquet files: rows go in, in the order of the shard's list, and data files come out in the
// store. They count for nothing until a commit record names them. The same rows in the same order are the same files.
//
// A seal is not for concurrent use. It must be ended by Close or Discard; Discard after Close does nothing.
type Seal struct {
	store         ledger.Store
	shard         ledger.Shard
	writer        string // the build that writes
	scratch       string // the folder for files in progress
	now           func() time.Time
	fileBytes     int64
	rowGroupBytes int64
	bufferedBytes int64

	conversations *tableWriter[schemas.Conversation]
	messages      *tableWriter[schemas.Message]
	participants  *tableWriter[schemas.Participant]
	events        *tableWriter[schemas.Event]
	ratings       *tableWriter[schemas.Rating]
	attachments   *tableWriter[schemas.Attachment]
	documents     *tableWriter[schemas.Document]
	deadLetters   *tableWriter[schemas.DeadLetter]
	tombstones    *tableWriter[schemas.Tombstone]
	agents        *tableWriter[schemas.Agent]
	contacts      *tableWriter[schemas.Contact]
	groups        *tableWriter[schemas.Group]
	channels      *tableWriter[schemas.Channel]
	labels        *tableWriter[schemas.Label]
	fields        *tableWriter[schemas.Field]

	tables  []sealTable // all of the above, in the order of the lake
	uploads *errgroup.Group
	ctx     context.Context // of the uploads; ends with the first that fails
	stop    context.CancelCauseFunc
	ended   bool
	err     error  // the first; after it nothing is written
	release func() // gives back what the seal may buffer; nil outside of a lake
}

// sealTable is a tableWriter without the type of its rows.
type sealTable interface {
	buffered() int64
	flush() error
	end() error
	abandon()
	finished() []ledger.File
}

// errSealEnded is why uploads of a discarded seal end, and what rows that come after the end are told.
var errSealEnded = errors.New("seal has ended")

// Seal begins a seal in the lake. It waits until seals that began before leave it the memory.
func (l *Lake) Seal(ctx context.Context, shard ledger.Shard) (*Seal, error) {
	return l.seal(ctx, l.Store(), shard)
}

func (l *Lake) seal(ctx context.Context, store ledger.Store, shard ledger.Shard) (*Seal, error) {
	release := func() {}
	if l.seals != nil {
		if err := l.seals.Acquire(ctx, sealBufferedBytes); err != nil {
			return nil, fmt.Errorf("wait for memory to seal: %w", context.Cause(ctx))
		}
		release = func() { l.seals.Release(sealBufferedBytes) }
	}
	s, err := NewSeal(ctx, store, l.scratch, shard, l.writer)
	if err != nil {
		release()
		return nil, err
	}
	s.release = release
	s.now = l.Now
	if l.fileBytes > 0 {
		s.fileBytes = l.fileBytes
		s.rowGroupBytes = min(s.rowGroupBytes, l.fileBytes/8)
	}
	return s, nil
}

// NewSeal begins a seal, whose uploads end with ctx. Its files in progress are in the folder scratch, without a name as far
// as the system allows, so that nothing is left of them even when the process is killed.
func NewSeal(ctx context.Context, store ledger.Store, scratch string, shard ledger.Shard, writerBuild string) (*Seal, error) {
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	s := &Seal{
		store: store, shard: shard, writer: writerBuild, scratch: scratch, now: time.Now,
		fileBytes: sealFileBytes, rowGroupBytes: sealRowGroupBytes, bufferedBytes: sealBufferedBytes,
	}
	s.ctx, s.stop = context.WithCancelCause(ctx)
	s.uploads, s.ctx = errgroup.WithContext(s.ctx)
	s.uploads.SetLimit(sealUploads)
	s.conversations = newTable(s, schemas.Conversations)
	s.messages = newTable(s, schemas.Messages)
	s.participants = newTable(s, schemas.Participants)
	s.events = newTable(s, schemas.Events)
	s.ratings = newTable(s, schemas.Ratings)
	s.attachments = newTable(s, schemas.Attachments)
	s.documents = newTable(s, schemas.Documents)
	s.documents.ofBodies = true
	s.deadLetters = newTable(s, schemas.DeadLetters)
	s.deadLetters.ofBodies = true
	s.tombstones = newTable(s, schemas.Tombstones)
	s.agents = newTable(s, schemas.Agents)
	s.contacts = newTable(s, schemas.Contacts)
	s.groups = newTable(s, schemas.Groups)
	s.channels = newTable(s, schemas.Channels)
	s.labels = newTable(s, schemas.Labels)
	s.fields = newTable(s, schemas.Fields)
	return s, nil
}

// Thread writes a conversation and all that belongs to it.
func (s *Seal) Thread(t schemas.Thread) error {
	addRows(s.conversations, t.Conversation)
	addRows(s.messages, t.Messages...)
	addRows(s.participants, t.Participants...)
	addRows(s.events, t.Events...)
	addRows(s.ratings, t.Ratings...)
	addRows(s.attachments, t.Attachments...)
	addRows(s.tombstones, t.Tombstones...)
	return s.err
}

// Document writes a document.
func (s *Seal) Document(d schemas.Document) error {
	addRows(s.documents, d)
	return s.err
}

// DeadLetter writes a dead letter.
func (s *Seal) DeadLetter(d schemas.DeadLetter) error {
	addRows(s.deadLetters, d)
	return s.err
}

// Tombstone writes a tombstone.
func (s *Seal) Tombstone(t schemas.Tombstone) error {
	addRows(s.tombstones, t)
	return s.err
}

// Snapshot writes a directory, or a part of one.
func (s *Seal) Snapshot(d schemas.Snapshot) error {
	addRows(s.events, d.Events...)
	addRows(s.ratings, d.Ratings...)
	addRows(s.agents, d.Agents...)
	addRows(s.contacts, d.Contacts...)
	addRows(s.groups, d.Groups...)
	addRows(s.channels, d.Channels...)
	addRows(s.labels, d.Labels...)
	addRows(s.fields, d.Fields...)
	return s.err
}

// addRows writes rows to their table, unless something went wrong before.
func addRows[R any](t *tableWriter[R], rows ...R) {
	for i := range rows {
		if t.seal.err != nil {
			return
		}
		if t.seal.err = t.add(&rows[i]); t.seal.err == nil {
			t.seal.err = t.seal.relieve()
		}
	}
}

// relieve writes the fullest buffer out when all tables together hold too much.
func (s *Seal) relieve() error {
	var fullest sealTable
	total, most := int64(0), int64(-1)
	for _, t := range s.tables {
		n := t.buffered()
		total += n
		if n > most {
			fullest, most = t, n
		}
	}
	if total < s.bufferedBytes {
		return nil
	}
	return fullest.flush()
}

// Close ends all files and waits until the store has them. It returns them in the order of the tables, then of their
// numbers. On an error nothing of the shard may be committed.
func (s *Seal) Close(ctx context.Context) ([]ledger.File, error) {
	if s.ended {
		return nil, fmt.Errorf("close seal: %w", errSealEnded)
	}
	defer s.Discard()
	defer context.AfterFunc(ctx, func() { s.stop(context.Cause(ctx)) })()
	for _, t := range s.tables {
		if s.err == nil {
			s.err = t.end()
		}
	}
	if err := s.uploads.Wait(); s.err == nil {
		s.err = err
	}
	if s.err == nil {
		s.err = context.Cause(ctx) // the uploads may have been faster than the news
	}
	if s.err != nil {
		return nil, s.err
	}
	var files []ledger.File
	for _, t := range s.tables {
		files = append(files, t.finished()...)
	}
	return files, nil
}

// Discard ends the seal without files: it stops uploads and removes what it has in scratch. Files that the store has
// already stay there; they count for nothing.
func (s *Seal) Discard() {
	if s.ended {
		return
	}
	s.ended = true
	if s.err == nil {
		s.err = errSealEnded
	}
	s.stop(errSealEnded)
	_ = s.uploads.Wait() // whoever cares was told by Close
	for _, t := range s.tables {
		t.abandon()
	}
	if s.release != nil {
		s.release()
	}
}

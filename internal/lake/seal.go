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

// Limits of a seal's memory, disk and network.
const (
	sealFileBytes     = 128 << 20 // the maximum size of a file
	sealRowGroupBytes = 12 << 20  // buffered for one row group of one table
	sealBufferedBytes = 18 << 20  // buffered in all tables together; beyond it the fullest buffer is flushed
	sealUploads       = 3         // concurrent uploads; while they run, no further file is finished
	defaultSealBytes  = 36 << 20  // buffered in all seals of a process together

	// Row groups of tables with bodies are this much smaller. They are looked up rather than scanned, and the memory is better
	// used for tables that are scanned.
	bodiesShare = 3
)

// Seal writes one shard as Parquet files: it takes rows in the order of the shard's list and puts data files into the store. The
// files do not count until a commit record names them. The same rows in the same order produce the same files.
//
// A Seal is not safe for concurrent use. End it with Close or Discard; Discard after Close does nothing.
type Seal struct {
	store         ledger.Store
	shard         ledger.Shard
	writer        string // the build
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
	audits        *tableWriter[schemas.Audit]

	tables  []sealTable // all of the above, in the order of the lake
	uploads *errgroup.Group
	ctx     context.Context // of the uploads; cancelled by the first failure
	stop    context.CancelCauseFunc
	ended   bool
	err     error  // the first error; nothing is written after it
	release func() // releases the buffer memory; nil outside of a lake
}

// sealTable is a tableWriter without the type of its rows.
type sealTable interface {
	buffered() int64
	flush() error
	end() error
	abandon()
	finished() []ledger.File
}

// errSealEnded is the cause that cancels the uploads of a discarded seal, and the error of adding rows to an ended seal.
var errSealEnded = errors.New("seal has ended")

// Seal starts a seal in the lake. It waits until earlier seals leave it enough memory.
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

// NewSeal starts a seal. Cancelling ctx stops its uploads. Its files in progress are in the folder scratch; they have no name if
// the system allows it, so that nothing is left of them even if the process is killed.
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
	s.audits = newTable(s, schemas.Audits)
	return s, nil
}

// Thread writes a conversation and everything that belongs to it.
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

// Audit writes what chatlake asked a platform to change.
func (s *Seal) Audit(a schemas.Audit) error {
	addRows(s.audits, a)
	return s.err
}

// Snapshot writes a directory or a part of one.
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

// addRows writes rows to their table, unless the seal has failed.
func addRows[R any](t *tableWriter[R], rows ...R) {
	for i := range rows {
		if t.seal.err != nil {
			return
		}
		if t.seal.err = t.add(&rows[i]); t.seal.err == nil {
			t.seal.err = t.seal.flushFullest()
		}
	}
}

// flushFullest flushes the fullest buffer if all tables together hold too much.
func (s *Seal) flushFullest() error {
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

// Close finishes all files and waits until they are in the store. It returns them sorted by table, then by number. If it returns
// an error, nothing of the shard may be committed.
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
		s.err = context.Cause(ctx) // the uploads may have finished before ctx was cancelled
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

// Discard ends the seal without files: it stops uploads and removes its scratch files. Files that are already in the store stay
// there; they do not count.
func (s *Seal) Discard() {
	if s.ended {
		return
	}
	s.ended = true
	if s.err == nil {
		s.err = errSealEnded
	}
	s.stop(errSealEnded)
	_ = s.uploads.Wait() // Close has returned the error
	for _, t := range s.tables {
		t.abandon()
	}
	if s.release != nil {
		s.release()
	}
}

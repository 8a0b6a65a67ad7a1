package lake

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/chatlake/chatlake/schemas"
)

// A staged object is a zstd stream of frames, each a length as uvarint and that many bytes: first the header as JSON, then
// two frames for each document, what it is as JSON and its body as sent.
const (
	maxMetaBytes = 64 << 20
	maxBodyBytes = 1 << 30
)

// Stage is a staged object that is being written. It must be ended by Commit or Discard; Discard after Commit does nothing.
type Stage struct {
	store     Store
	key       string
	file      *os.File
	sum       hash.Hash
	bytes     int64
	buffer    *bufio.Writer
	encoder   *zstd.Encoder
	documents int64
	ended     bool
}

// staged is what is said of a document beside its body.
type staged struct {
	Kind           string    `json:"k"`
	ConversationID string    `json:"c,omitempty"`
	Sequence       int64     `json:"n,omitempty"`
	Status         int64     `json:"s"`
	ObservedAt     time.Time `json:"t"`
}

// Stage begins a staged object under a key that is used once. The header is any JSON value, nil for none.
func (l *Lake) Stage(_ context.Context, shard Shard, generation int, name string, header any) (*Stage, error) {
	if err := os.MkdirAll(l.scratch, 0o755); err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	file, err := os.CreateTemp(l.scratch, "stage-")
	if err != nil {
		return nil, fmt.Errorf("stage %s: %w", name, err)
	}
	_ = os.Remove(file.Name()) // an open file lives on without its name, and goes with the process
	s := &Stage{store: l.store, key: stagingKey(shard, generation, name), file: file, sum: sha256.New()}
	s.buffer = bufio.NewWriterSize(io.MultiWriter(file, s.sum, (*counter)(&s.bytes)), 64<<10)
	s.encoder, err = zstd.NewWriter(s.buffer, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20))
	if err == nil {
		err = s.json(header)
	}
	if err != nil {
		s.Discard()
		return nil, fmt.Errorf("stage %s: %w", name, err)
	}
	return s, nil
}

// Add writes a document.
func (s *Stage) Add(doc schemas.Document) error {
	err := s.json(staged{doc.Kind, doc.ConversationID, doc.Sequence, doc.Status, doc.ObservedAt})
	if err == nil {
		err = s.frame(doc.Body, maxBodyBytes)
	}
	if err != nil {
		return fmt.Errorf("stage document: %w", err)
	}
	s.documents++
	return nil
}

func (s *Stage) json(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.frame(b, maxMetaBytes)
}

// frame writes a frame, unless it would be refused when it is read.
func (s *Stage) frame(b []byte, limit int) error {
	if len(b) > limit {
		return fmt.Errorf("%d bytes, at most %d are allowed", len(b), limit)
	}
	var length [binary.MaxVarintLen64]byte
	if _, err := s.encoder.Write(binary.AppendUvarint(length[:0], uint64(len(b)))); err != nil {
		return err
	}
	_, err := s.encoder.Write(b)
	return err
}

// Commit puts the object into the lake and names it.
func (s *Stage) Commit(ctx context.Context) (Staged, error) {
	defer s.Discard()
	err := s.encoder.Close()
	if err == nil {
		err = s.buffer.Flush()
	}
	if err == nil {
		_, err = s.file.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = s.store.Put(ctx, s.key, s.file, s.bytes, false)
	}
	if err != nil {
		return Staged{}, fmt.Errorf("stage: %w", err)
	}
	return Staged{Key: s.key, SHA256: hex.EncodeToString(s.sum.Sum(nil)), Bytes: s.bytes, Documents: s.documents}, nil
}

// Discard removes the local file.
func (s *Stage) Discard() {
	if s.ended {
		return
	}
	s.ended = true
	_ = s.encoder.Close() // its file is thrown away
	removeScratch(s.file)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// ClearStaging removes everything that was staged for a generation, and says how much it was.
func (l *Lake) ClearStaging(ctx context.Context, shard Shard, generation int) (int, error) {
	var keys []string
	for object, err := range l.store.List(ctx, stagingFolder(shard, generation)) {
		if err != nil {
			return 0, fmt.Errorf("clear staging: %w", err)
		}
		keys = append(keys, object.Key)
	}
	for i, key := range keys {
		if err := l.store.Delete(ctx, key); err != nil {
			return i, fmt.Errorf("clear staging: %w", err)
		}
	}
	return len(keys), nil
}

package lake

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
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

// ReadHeader fills header from a staged object.
func (l *Lake) ReadHeader(ctx context.Context, st Staged, header any) error {
	r, err := l.openStaged(ctx, st)
	if err != nil {
		return err
	}
	defer r.close()
	return r.header(header)
}

// ReadStaged yields the documents of a staged object, after header was filled; nil where none is wanted. Nothing is
// yielded of an object that is not what was written: a missing or different one is ErrStagingLost.
func (l *Lake) ReadStaged(ctx context.Context, st Staged, header any) iter.Seq2[schemas.Document, error] {
	return func(yield func(schemas.Document, error) bool) {
		r, err := l.openStaged(ctx, st)
		if err == nil {
			defer r.close()
			err = r.header(header)
		}
		if err != nil {
			yield(schemas.Document{}, err)
			return
		}
		for range st.Documents {
			doc, err := r.document()
			if !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

// stagedReader decodes a staged object.
type stagedReader struct {
	key     string
	file    *os.File
	decoder *zstd.Decoder
	in      *bufio.Reader
}

// openStaged copies the object to a local file, and opens it only when its digest is right.
func (l *Lake) openStaged(ctx context.Context, st Staged) (*stagedReader, error) {
	body, err := l.store.Get(ctx, st.Key, 0, -1)
	if errors.Is(err, ErrNotExist) {
		return nil, fmt.Errorf("read staged %s: %w", st.Key, ErrStagingLost)
	}
	if err != nil {
		return nil, fmt.Errorf("read staged %s: %w", st.Key, err)
	}
	defer body.Close()
	if err := os.MkdirAll(l.scratch, 0o755); err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	file, err := os.CreateTemp(l.scratch, "read-")
	if err != nil {
		return nil, fmt.Errorf("read staged %s: %w", st.Key, err)
	}
	_ = os.Remove(file.Name()) // an open file lives on without its name, and goes with the process
	r := &stagedReader{key: st.Key, file: file}
	sum := sha256.New()
	if _, err = io.Copy(io.MultiWriter(file, sum), contextReader{ctx, body}); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != st.SHA256 {
		err = ErrStagingLost
	}
	if err == nil {
		err = r.decode(file)
	}
	if err != nil {
		r.close()
		return nil, fmt.Errorf("read staged %s: %w", st.Key, err)
	}
	return r, nil
}

func (r *stagedReader) decode(in io.Reader) (err error) {
	r.decoder, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err == nil {
		r.in = bufio.NewReaderSize(r.decoder, 64<<10)
	}
	return err
}

func (r *stagedReader) close() {
	if r.decoder != nil {
		r.decoder.Close()
	}
	removeScratch(r.file)
}

func (r *stagedReader) header(v any) error {
	b, err := r.frame(maxMetaBytes)
	if err == nil && v != nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		return fmt.Errorf("read header of staged %s: %w", r.key, err)
	}
	return nil
}

func (r *stagedReader) document() (schemas.Document, error) {
	var meta staged
	b, err := r.frame(maxMetaBytes)
	if err == nil {
		err = json.Unmarshal(b, &meta)
	}
	if err == nil {
		b, err = r.frame(maxBodyBytes)
	}
	if err != nil {
		return schemas.Document{}, fmt.Errorf("read document of staged %s: %w", r.key, err)
	}
	return schemas.Document{
		Kind: meta.Kind, ConversationID: meta.ConversationID, Sequence: meta.Sequence, Status: meta.Status,
		ObservedAt: meta.ObservedAt, Body: b,
	}, nil
}

// frame reads one frame. It grows with what is there, so that a length that lies costs no memory.
func (r *stagedReader) frame(limit uint64) ([]byte, error) {
	length, err := binary.ReadUvarint(r.in)
	if err != nil {
		return nil, unexpected(err)
	}
	if length > limit {
		return nil, fmt.Errorf("frame of %d bytes, at most %d are allowed", length, limit)
	}
	if length <= 1<<20 {
		b := make([]byte, length)
		_, err := io.ReadFull(r.in, b)
		return b, unexpected(err)
	}
	b, err := io.ReadAll(io.LimitReader(r.in, int64(length)))
	if err == nil && uint64(len(b)) < length {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
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

package lake

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// A staged object is a zstd stream of frames; each frame is a length as a uvarint and that many bytes. The first frame is the
// header as JSON. Two frames follow for each document: its metadata as JSON, and its body as sent.
const (
	maxMetaBytes = 64 << 20
	maxBodyBytes = 1 << 30
)

// Stage writes a staged object. End it with Commit or Discard; Discard after Commit does nothing.
type Stage struct {
	store     ledger.Store
	folder    string
	spool     *spool
	encoder   *zstd.Encoder
	documents int64
	ended     bool
}

// staged is the metadata of a document.
type staged struct {
	Kind           string    `json:"k"`
	ConversationID string    `json:"c,omitempty"`
	Sequence       int64     `json:"n,omitempty"`
	Status         int64     `json:"s"`
	ObservedAt     time.Time `json:"t"`
}

// Stage starts a staged object. The header is any JSON value, or nil.
func (l *Lake) Stage(shard ledger.Shard, generation int, header any) (*Stage, error) {
	s := &Stage{store: l.Store(), folder: ledger.StagingFolder(shard, generation), spool: newSpool(l.scratch), encoder: encoders.Get().(*zstd.Encoder)}
	s.encoder.Reset(s.spool)
	if err := s.json(header); err != nil {
		s.Discard()
		return nil, fmt.Errorf("stage: %w", err)
	}
	return s, nil
}

// encoders are reused: a new one clears its memory first. What repeats in documents repeats within a quarter of a megabyte; a larger
// window saves nothing, and every fetch has an encoder.
var encoders = sync.Pool{New: func() any {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(256<<10), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
}}

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

// frame writes a frame. It refuses frames that readers would refuse.
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

// Commit puts the object into the lake. Its key consists of the name, the number of documents and the digest.
func (s *Stage) Commit(ctx context.Context, name string) (ledger.Staged, error) {
	defer s.Discard()
	err := s.encoder.Close()
	sum := hex.EncodeToString(s.spool.sum.Sum(nil))
	key := s.folder + stagedName(name, sum, s.documents)
	if err == nil {
		var body io.ReadSeeker
		if body, err = s.spool.reader(); err == nil {
			if err = s.store.Put(ctx, key, body, s.spool.bytes, false); err != nil {
				s.spool.memory = nil // the request may still be reading it, so it must not be reused
			}
		}
	}
	if err != nil {
		return ledger.Staged{}, fmt.Errorf("stage %s: %w", name, err)
	}
	return ledger.Staged{Key: key, SHA256: sum, Bytes: s.spool.bytes, Documents: s.documents}, nil
}

// Found is a staged object and the name under which it was staged.
type Found struct {
	ledger.Staged
	Name string
}

// FindStaged returns the objects that any attempt has staged for a generation under names that begin with prefix, sorted by key.
// It does not read them: an object may be missing or damaged by the time it is read.
func (l *Lake) FindStaged(ctx context.Context, shard ledger.Shard, generation int, prefix string) (found []Found, err error) {
	folder := ledger.StagingFolder(shard, generation)
	for object, err := range l.Store().List(ctx, folder+prefix) {
		if err != nil {
			return nil, fmt.Errorf("list staged objects: %w", err)
		}
		if name, sum, documents, ok := parseStagedName(strings.TrimPrefix(object.Key, folder)); ok {
			found = append(found, Found{ledger.Staged{Key: object.Key, SHA256: sum, Bytes: object.Bytes, Documents: documents}, name})
		}
	}
	return found, nil
}

// Discard drops everything that is not yet in the lake.
func (s *Stage) Discard() {
	if s.ended {
		return
	}
	s.ended = true
	s.encoder.Reset(nil)
	encoders.Put(s.encoder)
	s.spool.discard()
}

// ClearStaging removes all staged objects of a generation and returns how many it removed.
func (l *Lake) ClearStaging(ctx context.Context, shard ledger.Shard, generation int) (int, error) {
	var keys []string
	for object, err := range l.Store().List(ctx, ledger.StagingFolder(shard, generation)) {
		if err != nil {
			return 0, fmt.Errorf("clear staging: %w", err)
		}
		keys = append(keys, object.Key)
	}
	for i, key := range keys {
		if err := l.Store().Delete(ctx, key); err != nil {
			return i, fmt.Errorf("clear staging: %w", err)
		}
	}
	return len(keys), nil
}

// stagedName appends the number of documents and the digest to the name of a staged object: attempts that write the same content
// use the same key, and other attempts do not.
func stagedName(name, sha256 string, documents int64) string {
	return fmt.Sprintf("%s-%d-%s", name, documents, sha256)
}

// parseStagedName is the inverse of stagedName.
func parseStagedName(full string) (name, sha256 string, documents int64, ok bool) {
	rest, sha256, ok := cutLast(full, "-")
	if !ok || len(sha256) != hex.EncodedLen(32) {
		return "", "", 0, false
	}
	name, number, ok := cutLast(rest, "-")
	documents, err := strconv.ParseInt(number, 10, 64)
	return name, sha256, documents, ok && err == nil && stagedName(name, sha256, documents) == full
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

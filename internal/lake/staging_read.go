package lake

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// ReadHeader decodes the header of a staged object, from the object or from memory if it was read before.
func (l *Lake) ReadHeader(ctx context.Context, st ledger.Staged, header any) error {
	b, ok := l.headers.of(st)
	if !ok {
		r, err := l.openStaged(ctx, st)
		if err != nil {
			return err
		}
		defer r.close()
		if b, err = r.frame(maxMetaBytes); err != nil {
			return fmt.Errorf("read header of staged %s: %w", st.Key, err)
		}
	}
	if header != nil {
		if err := json.Unmarshal(b, header); err != nil {
			return fmt.Errorf("read header of staged %s: %w", st.Key, err)
		}
	}
	if !ok {
		l.headers.remember(st, b)
	}
	return nil
}

// CheckStaged reads a staged object, even if its header is in memory. It returns ErrStagingLost if the object is missing or has
// other content.
func (l *Lake) CheckStaged(ctx context.Context, st ledger.Staged) error {
	r, err := l.openStaged(ctx, st)
	if err == nil {
		r.close()
	}
	return err
}

// ReadStaged decodes the header into header, unless that is nil, and yields the documents of a staged object. It checks the
// content first: it yields only ErrStagingLost if the object is missing or has other content.
func (l *Lake) ReadStaged(ctx context.Context, st ledger.Staged, header any) iter.Seq2[schemas.Document, error] {
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
	lake    *Lake
	spool   *spool
	decoder *zstd.Decoder
	in      *bufio.Reader
}

// decoder returns a pooled decoder or a new one; a new one clears megabytes of memory first. The pool belongs to the lake because
// decoders contain channels, which must not leave the bubble of a trial of the protocol.
func (l *Lake) decoder() (*zstd.Decoder, error) {
	if d, ok := l.decoders.Get().(*zstd.Decoder); ok {
		return d, nil
	}
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20), zstd.WithDecoderLowmem(true))
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 64<<10) }}

// readsBeforeLost is how often a staged object is read before a wrong digest is believed: fetching a shard again is too expensive
// for one truncated response.
const readsBeforeLost = 3

// openStaged copies the object and opens it if its digest is correct.
func (l *Lake) openStaged(ctx context.Context, st ledger.Staged) (r *stagedReader, err error) {
	for range readsBeforeLost {
		if r, err = l.copyStaged(ctx, st); !errors.Is(err, errOtherBytes) {
			break
		}
	}
	if errors.Is(err, ledger.ErrNotExist) || errors.Is(err, errOtherBytes) {
		err = ErrStagingLost
	}
	if err != nil {
		return nil, fmt.Errorf("read staged %s: %w", st.Key, err)
	}
	return r, nil
}

var errOtherBytes = errors.New("the object has another digest")

func (l *Lake) copyStaged(ctx context.Context, st ledger.Staged) (_ *stagedReader, err error) {
	body, err := l.Store().Get(ctx, st.Key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	r := &stagedReader{key: st.Key, lake: l, spool: newSpool(l.scratch)}
	sum := r.spool.sum
	if _, err = io.Copy(r.spool, contextReader{ctx, body}); err == nil && hex.EncodeToString(sum.Sum(nil)) != st.SHA256 {
		err = errOtherBytes
	}
	var copied io.Reader
	if err == nil {
		copied, err = r.spool.reader()
	}
	if err == nil {
		err = r.decode(copied)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *stagedReader) decode(in io.Reader) (err error) {
	if r.decoder, err = r.lake.decoder(); err != nil {
		return err
	}
	r.in = readers.Get().(*bufio.Reader)
	r.in.Reset(r.decoder)
	return r.decoder.Reset(in)
}

func (r *stagedReader) close() {
	if r.decoder != nil {
		r.in.Reset(nil)
		readers.Put(r.in)
		_ = r.decoder.Reset(nil) // never fails
		r.lake.decoders.Put(r.decoder)
	}
	r.spool.discard()
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

// frame reads one frame. Its buffer grows with the data, so a wrong length cannot exhaust the memory.
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

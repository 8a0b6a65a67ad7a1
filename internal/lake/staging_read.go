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
	"io"
	"iter"
	"os"

	"github.com/klauspost/compress/zstd"

	"github.com/chatlake/chatlake/schemas"
)

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

// readsBeforeLost is how often a staged object is read before what comes is taken for what it is: fetching a shard anew is
// too dear for an answer that was cut short on its way.
const readsBeforeLost = 3

// openStaged copies the object to a local file, and opens it only when its digest is right.
func (l *Lake) openStaged(ctx context.Context, st Staged) (r *stagedReader, err error) {
	if err := os.MkdirAll(l.scratch, 0o755); err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	for range readsBeforeLost {
		if r, err = l.copyStaged(ctx, st); !errors.Is(err, errOtherBytes) {
			break
		}
	}
	if errors.Is(err, ErrNotExist) || errors.Is(err, errOtherBytes) {
		err = ErrStagingLost
	}
	if err != nil {
		return nil, fmt.Errorf("read staged %s: %w", st.Key, err)
	}
	return r, nil
}

var errOtherBytes = errors.New("the object has another digest")

func (l *Lake) copyStaged(ctx context.Context, st Staged) (_ *stagedReader, err error) {
	body, err := l.store.Get(ctx, st.Key, 0, -1)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, err := os.CreateTemp(l.scratch, "read-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // an open file lives on without its name, and goes with the process
	r := &stagedReader{key: st.Key, file: file}
	sum := sha256.New()
	if _, err = io.Copy(io.MultiWriter(file, sum), contextReader{ctx, body}); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil && hex.EncodeToString(sum.Sum(nil)) != st.SHA256 {
		err = errOtherBytes
	}
	if err == nil {
		err = r.decode(file)
	}
	if err != nil {
		r.close()
		return nil, err
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

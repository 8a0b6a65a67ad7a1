package parquet

import (
	"io"
	"runtime"
	"sync"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// How pages are compressed. The window is larger than a page. An even larger one would cost memory in each encoder and save
// nothing, because pages are compressed one by one.
const (
	level       = zstd.SpeedDefault
	windowBytes = 2 * pageBytes
)

// useCodec replaces the library's zstd codec, which creates a new encoder for every page, with one that reuses its encoders.
// It must be called before the library writes or reads.
var useCodec = sync.OnceValue(func() error {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(windowBytes),
		zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true), zstd.WithEncoderConcurrency(min(runtime.GOMAXPROCS(0), 4)))
	if err != nil {
		return err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(min(runtime.GOMAXPROCS(0), 4)))
	if err != nil {
		return err
	}
	compress.RegisterCodec(compress.Codecs.Zstd, &codec{encoder, decoder})
	return nil
})

// codec compresses at one fixed level, whatever level is requested.
type codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func (c *codec) Encode(dst, src []byte) []byte { return c.encoder.EncodeAll(src, dst[:0]) }

func (c *codec) EncodeLevel(dst, src []byte, _ int) []byte { return c.Encode(dst, src) }

func (c *codec) CompressBound(n int64) int64 { return int64(c.encoder.MaxEncodedSize(int(n))) }

// Decode panics if src is damaged: the interface has no error, and all callers recover.
func (c *codec) Decode(dst, src []byte) []byte {
	out, err := c.decoder.DecodeAll(src, dst[:0])
	if err != nil {
		panic(err)
	}
	return out
}

func (c *codec) NewReader(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r)
	if err != nil {
		panic(err)
	}
	return d.IOReadCloser()
}

func (c *codec) NewWriter(w io.Writer) io.WriteCloser {
	e, err := c.NewWriterLevel(w, 0)
	if err != nil {
		panic(err)
	}
	return e
}

func (c *codec) NewWriterLevel(w io.Writer, _ int) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderLevel(level))
}

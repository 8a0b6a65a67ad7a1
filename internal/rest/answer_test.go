package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestBodiesAreReadToTheirEnd reads bodies around the sizes at which the method of reading changes: of known and unknown length, at
// once and byte by byte, complete and truncated.
func TestBodiesAreReadToTheirEnd(t *testing.T) {
	const limit = 3 * smallBody
	for _, size := range []int{0, 1, 4 << 10, smallBody - 1, smallBody, smallBody + 1, 2 * smallBody, limit - 1, limit, limit + 1} {
		sent := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
		for name, c := range map[string]struct {
			r    func() io.Reader
			want error
		}{
			"at once":      {func() io.Reader { return bytes.NewReader(sent) }, nil},
			"byte by byte": {func() io.Reader { return iotest.OneByteReader(bytes.NewReader(sent)) }, nil},
			"cut off":      {func() io.Reader { return io.MultiReader(bytes.NewReader(sent), iotest.ErrReader(io.ErrUnexpectedEOF)) }, io.ErrUnexpectedEOF},
		} {
			for _, expected := range []int64{0, int64(size)} {
				t.Run(fmt.Sprintf("%d of %d %s", expected, size, name), func(t *testing.T) {
					got, err := readUpTo(c.r(), expected, limit)
					if size >= limit && c.want != nil {
						c.want = nil // it is not read that far
					}
					if !errors.Is(err, c.want) || !bytes.Equal(got, sent[:min(size, limit)]) {
						t.Errorf("%d bytes of %d, error %v", len(got), size, err)
					}
				})
			}
		}
	}
}

// BenchmarkReadBody reads bodies of unknown length, as compressed ones are.
func BenchmarkReadBody(b *testing.B) {
	sent := strings.Repeat("x", 12_000)
	b.SetBytes(int64(len(sent)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readUpTo(strings.NewReader(sent), 0, defaultMaxBody); err != nil {
			b.Fatal(err)
		}
	}
}

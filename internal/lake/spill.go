package lake

import (
	"fmt"
	"io"
)

// spillBytes is how much of a spill stays in memory, and how much is written to its file at a time.
const spillBytes = 64 << 10

// Spill is bytes that are written in order and read at any place. A small one stays in memory; a larger one is in a scratch file, which
// disappears with the process. It is not safe for concurrent writing.
type Spill struct {
	scratch string
	tail    []byte // not yet in the file
	file    *ScratchFile
	flushed int64
}

// NewSpill returns an empty spill. End it with Close.
func (l *Lake) NewSpill() *Spill { return &Spill{scratch: l.scratch} }

// Size returns how many bytes were written.
func (s *Spill) Size() int64 { return s.flushed + int64(len(s.tail)) }

// Write adds bytes at the end.
func (s *Spill) Write(p []byte) (int, error) {
	s.tail = append(s.tail, p...)
	if len(s.tail) < spillBytes {
		return len(p), nil
	}
	if s.file == nil {
		file, err := NewScratchFile(s.scratch)
		if err != nil {
			return 0, err
		}
		s.file = &file
	}
	if _, err := s.file.WriteAt(s.tail, s.flushed); err != nil {
		return 0, fmt.Errorf("write scratch file: %w", err)
	}
	s.flushed += int64(len(s.tail))
	s.tail = s.tail[:0]
	return len(p), nil
}

// ReadAt reads what was written before.
func (s *Spill) ReadAt(p []byte, offset int64) (n int, err error) {
	if offset < s.flushed {
		if n, err = s.file.ReadAt(p[:min(int64(len(p)), s.flushed-offset)], offset); err != nil {
			return n, fmt.Errorf("read scratch file: %w", err)
		}
	}
	if n < len(p) && offset+int64(n) < s.Size() {
		n += copy(p[n:], s.tail[offset+int64(n)-s.flushed:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close releases the file. Nothing may read from the spill afterwards.
func (s *Spill) Close() {
	if s.file != nil {
		_ = s.file.Close() // always nil
	}
}

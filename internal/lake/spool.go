package lake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"
)

// spoolBytes is how much of an object is kept in memory; a larger one is on disk. Almost all staged objects are smaller, and
// files that live for a moment cost more than what they hold.
const spoolBytes = 1 << 20

// spool is an object in progress: it takes bytes, and gives them back from the beginning.
type spool struct {
	scratch string        // the folder for files in progress
	memory  *bytes.Buffer // nil once there is a file
	file    *os.File      // without a name, as far as the system allows
	sum     hash.Hash
	bytes   int64
}

// buffers are used again, so that memory for them is not cleared and collected with every object.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func newSpool(scratch string) *spool {
	return &spool{scratch: scratch, memory: buffers.Get().(*bytes.Buffer), sum: sha256.New()}
}

func (s *spool) Write(p []byte) (n int, err error) {
	if s.memory != nil && s.bytes+int64(len(p)) > spoolBytes {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.memory != nil {
		n, err = s.memory.Write(p)
	} else {
		n, err = s.file.Write(p)
	}
	s.sum.Write(p[:n])
	s.bytes += int64(n)
	return n, err
}

// spill moves what is in memory into a file.
func (s *spool) spill() (err error) {
	if s.file, err = scratchFile(s.scratch, "spool-"); err != nil {
		return err
	}
	_, err = s.file.Write(s.memory.Bytes())
	s.forget()
	return err
}

// forget lets go of the memory.
func (s *spool) forget() {
	s.memory.Reset()
	buffers.Put(s.memory)
	s.memory = nil
}

// reader is for all that was written.
func (s *spool) reader() (io.ReadSeeker, error) {
	if s.memory != nil {
		return bytes.NewReader(s.memory.Bytes()), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

// discard ends the spool. Nobody may read from it any more.
func (s *spool) discard() {
	if s.memory != nil {
		s.forget()
	}
	if s.file != nil {
		removeScratch(s.file)
		s.file = nil
	}
}

// ScratchFile is a file for data in progress. It is gone when it is closed, and with the process.
type ScratchFile struct{ *os.File }

// NewScratchFile makes a file for data in progress in a folder, which it makes where it is missing.
func NewScratchFile(folder string) (ScratchFile, error) {
	file, err := scratchFile(folder, "data-")
	return ScratchFile{file}, err
}

// Close closes and removes the file. Its errors say nothing of use: what it held was read, or is worth nothing.
func (s ScratchFile) Close() error {
	removeScratch(s.File)
	return nil
}

// scratchFile makes a file that goes with the process: an open file lives on without its name. Where an open file cannot be
// removed, removeScratch does it.
func scratchFile(folder, name string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	file, err := os.CreateTemp(folder, name)
	if err != nil {
		return nil, fmt.Errorf("make scratch file: %w", err)
	}
	_ = os.Remove(file.Name())
	return file, nil
}

// contextReader stops a long copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

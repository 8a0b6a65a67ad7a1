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

// spoolBytes is how much of an object is kept in memory; larger objects go to disk. Almost all staged objects are smaller, and
// creating a file that is deleted at once costs more than writing its content.
const spoolBytes = 1 << 20

// spool is an object in progress: it collects bytes and can be read from the start.
type spool struct {
	scratch string        // the folder for files in progress
	memory  *bytes.Buffer // nil once there is a file
	file    *os.File      // has no name if the system allows it
	sum     hash.Hash
	bytes   int64
}

// buffers are reused, so that their memory is not cleared and collected for every object.
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

// spill moves the content of memory into a file.
func (s *spool) spill() (err error) {
	if s.file, err = scratchFile(s.scratch, "spool-"); err != nil {
		return err
	}
	_, err = s.file.Write(s.memory.Bytes())
	s.forget()
	return err
}

// forget releases the memory.
func (s *spool) forget() {
	s.memory.Reset()
	buffers.Put(s.memory)
	s.memory = nil
}

// reader reads everything that was written.
func (s *spool) reader() (io.ReadSeeker, error) {
	if s.memory != nil {
		return bytes.NewReader(s.memory.Bytes()), nil
	}
	_, err := s.file.Seek(0, io.SeekStart)
	return s.file, err
}

// discard ends the spool. Nothing may read from it afterwards.
func (s *spool) discard() {
	if s.memory != nil {
		s.forget()
	}
	if s.file != nil {
		removeScratch(s.file)
		s.file = nil
	}
}

// ScratchFile is a file for temporary data. It disappears when it is closed or when the process ends.
type ScratchFile struct{ *os.File }

// NewScratchFile creates a file for temporary data in a folder, and creates the folder if it is missing.
func NewScratchFile(folder string) (ScratchFile, error) {
	file, err := scratchFile(folder, "data-")
	return ScratchFile{file}, err
}

// Close closes and removes the file. It never returns an error: the content was read or is no longer needed.
func (s ScratchFile) Close() error {
	removeScratch(s.File)
	return nil
}

// scratchFile creates a file that disappears with the process: it removes the name of the open file. If the system does not allow
// that, removeScratch removes it later.
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

// contextReader stops a long copy when its context is cancelled.
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

package parquet

import "io"

// sink is all that the library sees of where a file goes: it cannot close it. After the first error, or the first write
// that was cut short, nothing more is written, and err tells what happened even if the library does not.
type sink struct {
	to    io.Writer
	bytes int64
	err   error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.to.Write(p)
	if err == nil && n != len(p) {
		err = io.ErrShortWrite
	}
	s.bytes += int64(n)
	s.err = err
	return n, err
}

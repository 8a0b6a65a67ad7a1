package parquet

import "io"

// sink is the library's only access to the destination of a file, so the library cannot close the destination. After the
// first error or short write, nothing more is written, and err has the cause even if the library hides it.
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

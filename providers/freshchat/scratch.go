package freshchat

import (
	"io"

	"github.com/chatlake/chatlake/providers"
)

// scratchError means that a scratch file cannot be written or read on this machine.
type scratchError struct{ cause error }

func (s *scratchError) Error() string {
	return "a scratch file on this machine cannot be written or read"
}
func (s *scratchError) Unwrap() error { return s.cause }

// newFile creates a scratch file, in memory if the account has no Scratch.
func (a *account) newFile() (providers.File, error) {
	if a.scratch == nil {
		return &memoryFile{}, nil
	}
	f, err := a.scratch()
	if err != nil {
		return nil, &scratchError{err}
	}
	return f, nil
}

// memoryFile is a file in memory. It is written once, from the beginning to the end.
type memoryFile struct{ data []byte }

func (m *memoryFile) WriteAt(p []byte, at int64) (int, error) {
	if end := at + int64(len(p)); end > int64(len(m.data)) {
		m.data = append(m.data, make([]byte, end-int64(len(m.data)))...)
	}
	return copy(m.data[at:], p), nil
}

func (m *memoryFile) ReadAt(p []byte, at int64) (int, error) {
	if at >= int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memoryFile) Close() error { return nil }

// keptFile stays in memory as long as it is small, because each file on disk takes a descriptor and most reports are small.
type keptFile struct {
	small memoryFile
	large providers.File
	make  func() (providers.File, error)
}

// maxSmall is the largest keptFile in memory, in bytes.
const maxSmall = 1 << 20

func (k *keptFile) WriteAt(p []byte, at int64) (int, error) {
	if k.large == nil && at+int64(len(p)) <= maxSmall {
		return k.small.WriteAt(p, at)
	}
	if k.large == nil {
		large, err := k.make()
		if err == nil {
			_, err = large.WriteAt(k.small.data, 0)
		}
		if err != nil {
			return 0, err
		}
		k.large, k.small.data = large, nil
	}
	return k.large.WriteAt(p, at)
}

func (k *keptFile) ReadAt(p []byte, at int64) (int, error) {
	if k.large == nil {
		return k.small.ReadAt(p, at)
	}
	return k.large.ReadAt(p, at)
}

func (k *keptFile) Close() error {
	if k.large == nil {
		return nil
	}
	return k.large.Close()
}

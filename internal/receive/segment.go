package receive

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// An entry is the length of its text, the CRC-32C of its text, and its text: an Event as JSON.
const (
	entryHeader = 8
	maxEntry    = 1 << 20
	// suffix is that of the names of segments, which are numbers.
	suffix = ".spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func encode(e Event) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if len(text) > maxEntry {
		return nil, fmt.Errorf("an announcement of %d conversations is too long to keep", len(e.Conversations))
	}
	entry := make([]byte, entryHeader, entryHeader+len(text))
	binary.LittleEndian.PutUint32(entry, uint32(len(text)))
	binary.LittleEndian.PutUint32(entry[4:], crc32.Checksum(text, castagnoli))
	return append(entry, text...), nil
}

// segment is a file that is not written any more.
type segment struct {
	name  string
	bytes int64
}

// read returns the entries of a segment, and how many bytes of it are in no whole entry.
func (g segment) read() (events []Event, torn int64, err error) {
	b, err := os.ReadFile(g.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	for len(b) >= entryHeader {
		n := int(binary.LittleEndian.Uint32(b))
		if n > maxEntry || len(b) < entryHeader+n {
			break
		}
		text := b[entryHeader : entryHeader+n]
		var e Event
		if crc32.Checksum(text, castagnoli) == binary.LittleEndian.Uint32(b[4:]) && json.Unmarshal(text, &e) == nil {
			events = append(events, e)
		} else {
			torn += int64(entryHeader + n)
		}
		b = b[entryHeader+n:]
	}
	return events, torn + int64(len(b)), nil
}

// open is the segment that is being written.
type open struct {
	file  *os.File
	bytes int64
}

// create makes a segment that is there after a crash.
func create(folder string, number uint64) (*open, error) {
	f, err := os.OpenFile(filepath.Join(folder, fmt.Sprintf("%020d%s", number, suffix)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syncFolder(folder); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &open{file: f}, nil
}

// append writes entries and waits until they are on disk.
func (o *open) append(entries []byte) error {
	if _, err := o.file.Write(entries); err != nil {
		return err
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	o.bytes += int64(len(entries))
	return nil
}

func (o *open) close() segment {
	_ = o.file.Close() // everything that counts is on disk
	return segment{name: o.file.Name(), bytes: o.bytes}
}

func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// find finds the segments of earlier processes.
func (s *Spool) find() error {
	entries, err := os.ReadDir(s.folder) // sorted by name
	if err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	for _, e := range entries {
		number, err := strconv.ParseUint(strings.TrimSuffix(e.Name(), suffix), 10, 64)
		if err != nil || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("read the spool: %w", err)
		}
		s.sealed = append(s.sealed, segment{filepath.Join(s.folder, e.Name()), info.Size()})
		s.bytes += info.Size()
		s.next = max(s.next, number+1)
	}
	return nil
}

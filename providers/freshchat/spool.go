package freshchat

import (
	"bytes"
	"cmp"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// spool keeps the rows of one report compressed in a scratch file, a few bytes for each message, so that the pages of a list need
// not download the report again. Consecutive rows of an entry are stored together. Only an index is in memory.
type spool struct {
	file    providers.File
	blocks  []storedBlock
	size    int64        // of the file
	open    bytes.Buffer // the block being filled
	spans   int
	entries []*entry
	byID    map[string]*entry // nil once the spool is sealed
	at      time.Time         // when the report was read
}

// storedBlock is the position of a compressed block in the file.
type storedBlock struct {
	at   int64
	size int
}

// entry is one conversation of a report, or one document of a report that is not listed by conversation.
type entry struct {
	id string
	period
	kind string
	rows []span
}

// span is the position of rows in a block: JSON objects, separated by commas.
type span struct{ block, from, to int }

const (
	blockSize = 256 << 10
	maxSpool  = 1 << 30   // bytes of a report on disk, compressed
	maxIndex  = 128 << 20 // bytes of a report's index in memory
)

// errDense means that a report is too large to be kept.
var errDense = fmt.Errorf("a report of the window is too large: more than %d MiB compressed, or too many conversations", maxSpool>>20)

// put stores rows.
func (s *spool) put(rows []byte) (span, error) {
	if s.open.Len() > 0 && s.open.Len()+len(rows) > blockSize {
		if err := s.close(); err != nil {
			return span{}, err
		}
	}
	from := s.open.Len()
	s.open.Write(rows)
	s.spans++
	if s.index() > maxIndex {
		return span{}, errDense
	}
	return span{len(s.blocks), from, s.open.Len()}, nil
}

// close compresses the block being filled and writes it to the file.
func (s *spool) close() error {
	if s.open.Len() == 0 {
		return nil
	}
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(s.open.Bytes())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("freshchat: compress in memory: " + err.Error()) // writing to a bytes.Buffer cannot fail
	}
	if s.size+int64(packed.Len()) > maxSpool {
		return errDense
	}
	if _, err := s.file.WriteAt(packed.Bytes(), s.size); err != nil {
		return &scratchError{err}
	}
	s.blocks = append(s.blocks, storedBlock{s.size, packed.Len()})
	s.size += int64(packed.Len())
	s.open.Reset()
	return nil
}

// index returns the approximate memory of the spool's index in bytes.
func (s *spool) index() int {
	const perEntry, perSpan = 200, 24
	return len(s.entries)*perEntry + s.spans*perSpan
}

// seal writes the last block. No rows can be added after it.
func (s *spool) seal() error {
	s.byID = nil
	err := s.close()
	s.open = bytes.Buffer{}
	return err
}

// unpack reads block n.
func (s *spool) unpack(n int) ([]byte, error) {
	b := s.blocks[n]
	rows, err := io.ReadAll(flate.NewReader(io.NewSectionReader(s.file, b.at, int64(b.size))))
	if err != nil {
		return nil, &scratchError{err}
	}
	return rows, nil
}

// blockCache keeps the uncompressed blocks of all spools that were used last. The conversations of a page are in few blocks: those of
// a few days and of the month's Conversation-Created.
type blockCache struct {
	mu     sync.Mutex
	recent []unpackedBlock // the newest at the end
}

type unpackedBlock struct {
	spool *spool
	block int
	rows  []byte
}

func (c *blockCache) get(s *spool, n int) ([]byte, error) {
	const most = 48
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.recent, func(u unpackedBlock) bool { return u.spool == s && u.block == n })
	if i >= 0 {
		found := c.recent[i]
		c.recent = append(slices.Delete(c.recent, i, i+1), found)
		return found.rows, nil
	}
	rows, err := s.unpack(n)
	if err != nil {
		return nil, err
	}
	if len(c.recent) >= most {
		c.recent = slices.Delete(c.recent, 0, 1)
	}
	c.recent = append(c.recent, unpackedBlock{s, n, rows})
	return rows, nil
}

// segment is the merged content of all reports of a part of a window.
type segment struct {
	entries []*segmentEntry
	at      time.Time // when the last of the reports was read
}

// segmentEntry is an entry and the positions of its rows in each report.
type segmentEntry struct {
	id string
	period
	kind          string
	rows, created []rowSpans // created are of Conversation-Created
}

// rowSpans are the positions of rows in one report.
type rowSpans struct {
	spool *spool
	spans []span
}

// read returns rows as one JSON array.
func (c *blockCache) read(rows []rowSpans) ([]byte, error) {
	array := []byte{'['}
	for _, p := range rows {
		for _, at := range p.spans {
			block, err := c.get(p.spool, at.block)
			if err != nil {
				return nil, err
			}
			if len(array) > 1 {
				array = append(array, ',')
			}
			array = append(array, block[at.from:at.to]...)
		}
	}
	return append(array, ']'), nil
}

// merge merges reports: their documents in the order of the reports, and their conversations each once, in the order of the list. Of
// reports other than Chat-Transcript and Conversation-Created, only the ids and times of conversations count.
func merge(orders []order, spools []*spool) *segment {
	s := &segment{}
	byID := map[string]*segmentEntry{}
	for i, report := range spools {
		if report.at.After(s.at) {
			s.at = report.at
		}
		for _, e := range report.entries {
			f := byID[e.id]
			if f == nil || e.kind != "" {
				f = &segmentEntry{id: e.id, kind: e.kind}
				byID[e.id] = f
				s.entries = append(s.entries, f)
			}
			f.span(e.first, e.last)
			switch p := (rowSpans{report, e.rows}); {
			case orders[i].event == eventCreated:
				f.created = append(f.created, p)
			case orders[i].event == eventTranscript || e.kind != "":
				f.rows = append(f.rows, p)
			}
		}
	}
	if !slices.ContainsFunc(s.entries, func(f *segmentEntry) bool { return f.kind != "" }) {
		slices.SortFunc(s.entries, func(a, b *segmentEntry) int { return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.id, b.id)) })
	}
	return s
}

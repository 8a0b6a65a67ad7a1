package freshchat

import (
	"bytes"
	"cmp"
	"compress/flate"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// spool keeps the rows of one report packed in a scratch file, so that the pages of a list need not download it again: a few bytes
// for a message. Rows of one entry that were read one after the other stand together. In memory there is an index only.
type spool struct {
	file    providers.File
	blocks  []stored
	size    int64        // of the file
	open    bytes.Buffer // the block that is being filled
	spans   int
	entries []*entry
	byID    map[string]*entry // while it is being filled
	at      time.Time         // when the report was read
}

// stored is where a block stands in the file, packed.
type stored struct {
	at   int64
	size int
}

// entry is one conversation of a report, or one document of a report that is on no one conversation.
type entry struct {
	id    string
	first time.Time // earliest time of a row
	kind  string
	rows  []span
}

// span is where rows stand: JSON objects with commas between them.
type span struct{ block, from, to int }

const (
	blockSize = 256 << 10
	maxSpool  = 1 << 30   // bytes of a report on disk, packed
	maxIndex  = 128 << 20 // bytes of a report's index in memory
)

// errDense says that a report is larger than what is kept of one.
var errDense = errors.New("the window's reports are larger than the cap")

// put keeps rows.
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

// close packs the block that is being filled.
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
		panic("freshchat: pack in memory: " + err.Error()) // a bytes.Buffer takes all
	}
	if s.size+int64(packed.Len()) > maxSpool {
		return errDense
	}
	if _, err := s.file.WriteAt(packed.Bytes(), s.size); err != nil {
		return &scratchError{err}
	}
	s.blocks = append(s.blocks, stored{s.size, packed.Len()})
	s.size += int64(packed.Len())
	s.open.Reset()
	return nil
}

// index is about how much memory the spool takes.
func (s *spool) index() int {
	const perEntry, perSpan = 200, 24
	return len(s.entries)*perEntry + s.spans*perSpan
}

// seal packs what is open.
func (s *spool) seal() error {
	s.byID = nil
	err := s.close()
	s.open = bytes.Buffer{}
	return err
}

// unpack is block n.
func (s *spool) unpack(n int) ([]byte, error) {
	b := s.blocks[n]
	rows, err := io.ReadAll(flate.NewReader(io.NewSectionReader(s.file, b.at, int64(b.size))))
	if err != nil {
		return nil, &scratchError{err}
	}
	return rows, nil
}

// blocks keeps unpacked the blocks that were used last, of all spools. A page's conversations stand in few: those of some days, and
// of the month's creations.
type blocks struct {
	mu     sync.Mutex
	opened []unpacked // the newest at the end
}

type unpacked struct {
	spool *spool
	block int
	rows  []byte
}

func (c *blocks) get(s *spool, n int) ([]byte, error) {
	const most = 48
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.opened, func(u unpacked) bool { return u.spool == s && u.block == n })
	if i >= 0 {
		found := c.opened[i]
		c.opened = append(slices.Delete(c.opened, i, i+1), found)
		return found.rows, nil
	}
	rows, err := s.unpack(n)
	if err != nil {
		return nil, err
	}
	if len(c.opened) >= most {
		c.opened = slices.Delete(c.opened, 0, 1)
	}
	c.opened = append(c.opened, unpacked{s, n, rows})
	return rows, nil
}

// segment is what the reports of a segment of a window say together.
type segment struct {
	entries []*found
	at      time.Time // when the last of the reports was read
}

// found is an entry, and where its rows are in each report.
type found struct {
	id            string
	first         time.Time
	kind          string
	rows, created []place // created are of Conversation-Created
}

// place is rows of one report.
type place struct {
	spool *spool
	spans []span
}

// read is the rows of places as one JSON array.
func (c *blocks) read(places []place) ([]byte, error) {
	array := []byte{'['}
	for _, p := range places {
		for _, at := range p.spans {
			rows, err := c.get(p.spool, at.block)
			if err != nil {
				return nil, err
			}
			if len(array) > 1 {
				array = append(array, ',')
			}
			array = append(array, rows[at.from:at.to]...)
		}
	}
	return append(array, ']'), nil
}

// merge brings reports together: their documents in the order of the reports, their conversations each once, in the order of a list.
func merge(orders []order, spools []*spool) *segment {
	s := &segment{}
	byID := map[string]*found{}
	for i, report := range spools {
		if report.at.After(s.at) {
			s.at = report.at
		}
		for _, e := range report.entries {
			f := byID[e.id]
			if f == nil || e.kind != "" {
				f = &found{id: e.id, first: e.first, kind: e.kind}
				byID[e.id] = f
				s.entries = append(s.entries, f)
			}
			if !e.first.IsZero() && (f.first.IsZero() || e.first.Before(f.first)) {
				f.first = e.first
			}
			if p := (place{report, e.rows}); orders[i].event == eventCreated {
				f.created = append(f.created, p)
			} else {
				f.rows = append(f.rows, p)
			}
		}
	}
	if !slices.ContainsFunc(s.entries, func(f *found) bool { return f.kind != "" }) {
		slices.SortFunc(s.entries, func(a, b *found) int { return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.id, b.id)) })
	}
	return s
}

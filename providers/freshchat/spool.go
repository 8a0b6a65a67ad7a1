package freshchat

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/chatlake/chatlake/providers"
)

// spool keeps the rows of a segment's reports packed in memory, so that the pages of a list need not download them again:
// a few bytes for a message. Rows of one entry stand together; entries are in the order of a list.
type spool struct {
	blocks  [][]byte // packed
	open    bytes.Buffer
	entries []*entry
	byID    map[string]*entry // while it is being filled
	at      time.Time         // when the reports were read

	mu     sync.Mutex
	opened []unpacked // those used last, the newest at the end
}

type unpacked struct {
	block int
	rows  []byte
}

// entry is one conversation of the reports, or one document of a report that is on no one conversation.
type entry struct {
	id      string
	first   time.Time // earliest time of a row
	kind    string
	rows    []span // of the transcript, or of the document
	created []span // rows of Conversation-Created
}

// span is where rows stand: JSON objects with commas between them.
type span struct{ block, from, to int }

const (
	blockSize = 256 << 10
	maxSpool  = 384 << 20 // packed bytes of one segment
)

// put keeps rows.
func (s *spool) put(rows []byte) span {
	if s.open.Len() > 0 && s.open.Len()+len(rows) > blockSize {
		s.close()
	}
	from := s.open.Len()
	s.open.Write(rows)
	return span{len(s.blocks), from, s.open.Len()}
}

// close packs the block that is being filled.
func (s *spool) close() {
	if s.open.Len() == 0 {
		return
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
	s.blocks = append(s.blocks, slices.Clip(packed.Bytes()))
	s.open.Reset()
}

// size is how much memory the spool takes, about.
func (s *spool) size() int {
	const perEntry = 200
	n := len(s.entries) * perEntry
	for _, b := range s.blocks {
		n += len(b)
	}
	return n
}

// read is the rows of spans as one JSON array.
func (s *spool) read(spans []span) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	array := []byte{'['}
	for i, at := range spans {
		rows, err := s.block(at.block)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, rows[at.from:at.to]...)
	}
	return append(array, ']'), nil
}

// block is a block unpacked. A page's conversations stand in few blocks: those of some days, and of the month's creations.
// The caller holds s.mu.
func (s *spool) block(n int) ([]byte, error) {
	const most = 24
	i := slices.IndexFunc(s.opened, func(u unpacked) bool { return u.block == n })
	if i >= 0 {
		found := s.opened[i]
		s.opened = append(slices.Delete(s.opened, i, i+1), found)
		return found.rows, nil
	}
	rows, err := io.ReadAll(flate.NewReader(bytes.NewReader(s.blocks[n])))
	if err != nil {
		return nil, errArchive
	}
	if len(s.opened) >= most {
		s.opened = slices.Delete(s.opened, 0, 1)
	}
	s.opened = append(s.opened, unpacked{n, rows})
	return rows, nil
}

// seal packs what is open and brings the entries into their order.
func (s *spool) seal() {
	s.close()
	s.byID = nil
	slices.SortFunc(s.entries, func(a, b *entry) int { return cmp.Or(a.first.Compare(b.first), cmp.Compare(a.id, b.id)) })
}

// fill reads one report after the other into a spool. Reports that failed are given back by their place, to be ordered
// again.
func (a *account) fill(ctx context.Context, orders []order, ids []string, read func(*spool, order, [][]byte) error) (*spool, int, error) {
	for i, o := range orders {
		if _, err := a.links(ctx, o, ids[i]); err != nil {
			return nil, i, err
		}
	}
	s := &spool{}
	for i, o := range orders {
		bodies, err := a.files(ctx, o, ids[i])
		if err != nil {
			return nil, i, err
		}
		if err := read(s, o, bodies); err != nil {
			return nil, i, malformed("read "+o.op(), err)
		}
		if s.size() > maxSpool {
			return nil, i, &providers.Error{Kind: providers.WindowTooDense, Op: "read " + o.op(), Err: errors.New("the window's reports are larger than the cap")}
		}
	}
	s.at = time.Now().UTC().Truncate(time.Microsecond)
	s.seal()
	for _, id := range ids {
		a.orders.drop(id)
	}
	return s, 0, nil
}

// shelf keeps the spools that were used last, up to a bound. Another process fills its own.
type shelf struct {
	mu     sync.Mutex
	spools []*shelved // used last at the end
}

type shelved struct {
	key  string
	busy chan struct{} // holds one token while the spool is being filled
	full *spool
}

const maxShelf = 512 << 20

// get is the spool under a key. Of several that ask for it one fills it, and the others wait.
func (s *shelf) get(ctx context.Context, key string, fill func() (*spool, error)) (*spool, error) {
	one := s.find(key)
	select {
	case one.busy <- struct{}{}:
		defer func() { <-one.busy }()
	case <-ctx.Done():
		return nil, &providers.Error{Kind: providers.Transient, Op: "wait for the reports", Err: context.Cause(ctx)}
	}
	if one.full != nil {
		return one.full, nil
	}
	full, err := fill()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.full = full
	s.bound()
	return full, nil
}

func (s *shelf) find(key string) *shelved {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.spools, func(one *shelved) bool { return one.key == key })
	if i < 0 {
		one := &shelved{key: key, busy: make(chan struct{}, 1)}
		s.spools = append(s.spools, one)
		return one
	}
	one := s.spools[i]
	s.spools = append(slices.Delete(s.spools, i, i+1), one)
	return one
}

// bound drops the spools that were not used for the longest time. The caller holds s.mu.
func (s *shelf) bound() {
	size := 0
	for i := len(s.spools) - 1; i >= 0; i-- {
		const most = 16
		if one := s.spools[i]; one.full != nil {
			size += one.full.size()
		}
		if size > maxShelf && i < len(s.spools)-1 || len(s.spools)-i > most {
			s.spools = slices.Delete(s.spools, 0, i+1)
			return
		}
	}
}

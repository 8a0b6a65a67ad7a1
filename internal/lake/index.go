package lake

import (
	"encoding/binary"
	"slices"
	"strings"
)

// index says what one record has of each of its conversations: a table of entries of a fixed size, sorted by the hash of the
// conversation's id, and their texts before it. It never changes, and takes no memory per conversation unless it is small.
type index struct {
	data    *Spill
	at      int64 // of the first entry
	entries int
	fences  []uint64 // the hash of the first entry of each block
	// damage is what is wrong with a file that says which conversations the record has, or empty.
	damage string
}

// entry is what a record has of a conversation. Its texts are id, listed version and content, one after another.
type entry struct {
	Hash                      uint64
	Text                      uint64 // offset
	Source, Observed, Created int64  // in the units of their columns; see flags
	Stated                    int64
	ID                        uint16 // bytes
	Listed, Content           uint8  // bytes
	Flags                     uint8
	FirstFile, FirstGroup     uint16 // where its documents begin
	LastFile, LastGroup       uint16 // and where they end
	Documents                 uint32 // 0 if it has none, or if they cannot be named
}

// entryBytes is the size of an entry on disk.
const entryBytes = 65

// The flags of an entry.
const (
	hasRow     = 1 << iota // in conversations
	isGone                 // has a tombstone
	isDead                 // has a dead letter
	isClosed               // its state is closed
	hasSource              // Source is not null
	hasCreated             // Created is not null
	hasStated              // Stated is not null
	isPlace                // it only says where the documents are; while an index is made
)

// maxIDBytes and maxTextBytes limit the texts of an entry. No known platform has longer ones. A conversation with a longer one is not in
// the index.
const (
	maxIDBytes   = 1<<16 - 1
	maxTextBytes = 1<<8 - 1
)

// contentBytes is how much of a content digest an entry has, beyond its version: enough that two contents never share it by chance.
const contentBytes = 32

// ContentKey returns the beginning of a content digest that stands for it in comparisons, or nothing if the digest has no version.
func ContentKey(digest string) string {
	version := strings.IndexByte(digest, ':')
	if version < 0 || len(digest) < version+1+contentBytes {
		return ""
	}
	return digest[:version+1+contentBytes]
}

// isOf reports whether the entry is the conversation's: other conversations may have the same hash.
func (e entry) isOf(data *Spill, id string) (bool, error) {
	if int(e.ID) != len(id) {
		return false, nil
	}
	text := make([]byte, e.ID)
	_, err := data.ReadAt(text, int64(e.Text))
	return string(text) == id, err
}

// blockEntries is how many entries are read at a time.
const blockEntries = 128

// find returns the entry of a conversation, or false.
func (x *index) find(id string, hash uint64) (found entry, ok bool, err error) {
	after, _ := slices.BinarySearch(x.fences, hash)
	for block := max(0, after-1); block < len(x.fences) && x.fences[block] <= hash; block++ {
		b, err := x.block(block)
		if err != nil {
			return found, false, err
		}
		for ; len(b) > 0; b = b[entryBytes:] {
			if binary.LittleEndian.Uint64(b) != hash { // the first field
				continue
			}
			e := decoded(b)
			if same, err := e.isOf(x.data, id); err != nil || same {
				return e, same, err
			}
		}
	}
	return found, false, nil
}

// entry returns the i-th entry.
func (x *index) entry(i int) (entry, error) {
	b := make([]byte, entryBytes)
	if _, err := x.data.ReadAt(b, x.at+int64(i*entryBytes)); err != nil {
		return entry{}, err
	}
	return decoded(b), nil
}

// appendTo appends the entry's bytes, which decoded reads. encoding/binary would take several times as long.
func (e *entry) appendTo(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(le.AppendUint64(b, e.Hash), e.Text)
	for _, v := range [...]int64{e.Source, e.Observed, e.Created, e.Stated} {
		b = le.AppendUint64(b, uint64(v))
	}
	b = append(le.AppendUint16(b, e.ID), e.Listed, e.Content, e.Flags)
	for _, v := range [...]uint16{e.FirstFile, e.FirstGroup, e.LastFile, e.LastGroup} {
		b = le.AppendUint16(b, v)
	}
	return le.AppendUint32(b, e.Documents)
}

// decoded reads the first entryBytes of b.
func decoded(b []byte) (e entry) {
	le := binary.LittleEndian
	e.Hash, e.Text = le.Uint64(b), le.Uint64(b[8:])
	e.Source, e.Observed = int64(le.Uint64(b[16:])), int64(le.Uint64(b[24:]))
	e.Created, e.Stated = int64(le.Uint64(b[32:])), int64(le.Uint64(b[40:]))
	e.ID, e.Listed, e.Content, e.Flags = le.Uint16(b[48:]), b[50], b[51], b[52]
	e.FirstFile, e.FirstGroup, e.LastFile, e.LastGroup = le.Uint16(b[53:]), le.Uint16(b[55:]), le.Uint16(b[57:]), le.Uint16(b[59:])
	e.Documents = le.Uint32(b[61:])
	return e
}

// block reads the entries of a block.
func (x *index) block(number int) ([]byte, error) {
	low := number * blockEntries
	b := make([]byte, min(blockEntries, x.entries-low)*entryBytes)
	_, err := x.data.ReadAt(b, x.at+int64(low*entryBytes))
	return b, err
}

// all calls found for each entry.
func (x *index) all(found func(i int, e entry) error) error {
	for number := range x.fences {
		b, err := x.block(number)
		if err != nil {
			return err
		}
		for i := number * blockEntries; len(b) > 0; i++ {
			if err := found(i, decoded(b)); err != nil {
				return err
			}
			b = b[entryBytes:]
		}
	}
	return nil
}

// texts returns the texts of an entry.
func (x *index) texts(e entry) (id, listed, content string, err error) {
	b := make([]byte, int(e.ID)+int(e.Listed)+int(e.Content))
	_, err = x.data.ReadAt(b, int64(e.Text))
	id, b = string(b[:e.ID]), b[e.ID:]
	return id, string(b[:e.Listed]), string(b[e.Listed:]), err
}

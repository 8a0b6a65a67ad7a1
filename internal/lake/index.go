package lake

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/chatlake/chatlake/schemas"
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

var entryBytes = binary.Size(entry{})

// The flags of an entry.
const (
	hasRow     = 1 << iota // in conversations
	isGone                 // has a tombstone
	isDead                 // has a dead letter
	isClosed               // its state is closed
	hasSource              // Source is not null
	hasCreated             // Created is not null
	hasStated              // Stated is not null
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

// indexer collects the entries of an index. Texts go into the spill at once.
type indexer struct {
	hash    func(id string) uint64
	data    *Spill
	entries []entry
	sorted  int // how many of entries are sorted; find looks at no others
}

// add adds the entry of a conversation that has none.
func (x *indexer) add(id, listed, content string, e entry) error {
	if len(id) > maxIDBytes || len(listed) > maxTextBytes || len(content) > maxTextBytes {
		return nil
	}
	e.Hash, e.Text = x.hash(id), uint64(x.data.Size())
	e.ID, e.Listed, e.Content = uint16(len(id)), uint8(len(listed)), uint8(len(content))
	for _, text := range []string{id, listed, content} {
		if _, err := x.data.Write([]byte(text)); err != nil {
			return err
		}
	}
	x.entries = append(x.entries, e)
	return nil
}

// sort lets find find all entries.
func (x *indexer) sort() {
	slices.SortFunc(x.entries, func(a, b entry) int { return cmp.Compare(a.Hash, b.Hash) })
	x.sorted = len(x.entries)
}

// find returns the entry of a conversation, or nil.
func (x *indexer) find(id string) (*entry, error) {
	hash := x.hash(id)
	at, _ := slices.BinarySearchFunc(x.entries[:x.sorted], hash, func(e entry, h uint64) int { return cmp.Compare(e.Hash, h) })
	for ; at < x.sorted && x.entries[at].Hash == hash; at++ {
		same, err := x.entries[at].isOf(x.data, id)
		if err != nil {
			return nil, err
		}
		if same {
			return &x.entries[at], nil
		}
	}
	return nil, nil
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

// index ends the collecting.
func (x *indexer) index() (*index, error) {
	done := &index{data: x.data, at: x.data.Size(), entries: len(x.entries)}
	var b []byte
	for i, e := range x.entries {
		if i%blockEntries == 0 {
			done.fences = append(done.fences, e.Hash)
		}
		var err error
		if b, err = binary.Append(b[:0], binary.LittleEndian, e); err != nil {
			return nil, err
		}
		if _, err := x.data.Write(b); err != nil {
			return nil, err
		}
	}
	return done, nil
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
			e, err := decoded(b)
			if err != nil {
				return found, false, err
			}
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
	return decoded(b)
}

func decoded(b []byte) (e entry, err error) {
	_, err = binary.Decode(b, binary.LittleEndian, &e)
	return e, err
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
			e, err := decoded(b)
			if err == nil {
				err = found(i, e)
			}
			if err != nil {
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

// buildIndex reads the files of a record, as far as it needs them.
func (l *Lake) buildIndex(ctx context.Context, r *known) (_ *index, err error) {
	x := &indexer{hash: l.hash, data: &Spill{scratch: l.scratch}}
	defer func() {
		if err != nil {
			x.data.Close()
			err = fmt.Errorf("index %s: %w", r.shard, err)
		}
	}()
	p := placing{indexer: x}
	damage := ""
	for _, t := range []struct {
		table   string
		columns []string
		found   func(file int, c []Cell, group int) error
	}{
		{schemas.Conversations.Table, conversationColumns, x.conversation},
		{schemas.Tombstones.Table, []string{"conversation_id", "observed_at", "message_id"}, x.tombstone},
		{schemas.DeadLetters.Table, []string{"conversation_id", "observed_at"}, x.deadLetter},
		{schemas.Documents.Table, []string{"conversation_id"}, p.document},
	} {
		problem, err := l.scanTable(ctx, r, t.table, t.columns, t.found)
		if err != nil {
			return nil, err
		}
		if x.sort(); problem == "" {
			continue
		}
		if t.table != schemas.Documents.Table {
			damage = problem
			continue
		}
		for i := range x.entries { // nobody knows which of them are there
			x.entries[i].Documents = 0
		}
	}
	done, err := x.index()
	if err == nil {
		done.damage = damage
	}
	return done, err
}

// scanTable reads columns of the record's files of a table. It returns the problem of the last file that is missing or damaged.
func (l *Lake) scanTable(ctx context.Context, r *known, table string, columns []string, found func(file int, c []Cell, group int) error) (problem string, err error) {
	number := 0
	for _, f := range r.files {
		if f.Table != table {
			continue
		}
		var failed error
		bad, err := l.Scan(ctx, f, Query{Columns: columns}, func(row Row) {
			if failed == nil {
				failed = found(number, row.Cells, row.Group)
			}
		})
		if err := cmp.Or(failed, err, ctx.Err()); err != nil {
			return "", err
		}
		if bad != "" {
			problem = f.Key + ": " + bad
		}
		number++
	}
	return problem, nil
}

var conversationColumns = []string{
	"conversation_id", "listed_version", "content_sha256", "source_version", "observed_at", "created_at", "stated_messages", "state", "closed_at", "gone_at",
}

func (x *indexer) conversation(_ int, c []Cell, _ int) error {
	e := entry{Flags: hasRow, Source: c[3].Integer, Observed: c[4].Integer, Created: c[5].Integer, Stated: c[6].Integer}
	for _, f := range []struct {
		flag uint8
		set  bool
	}{
		{hasSource, !c[3].Null}, {hasCreated, !c[5].Null}, {hasStated, !c[6].Null}, {isGone, !c[9].Null},
		{isClosed, c[7].Text == "closed" || c[7].Null && !c[8].Null},
	} {
		if f.set {
			e.Flags |= f.flag
		}
	}
	return x.add(c[0].Text, c[1].Text, ContentKey(c[2].Text), e)
}

func (x *indexer) tombstone(_ int, c []Cell, _ int) error {
	if !c[2].Null {
		return nil // of a message
	}
	return x.ended(c[0].Text, c[1].Integer, isGone)
}

func (x *indexer) deadLetter(_ int, c []Cell, _ int) error {
	if c[0].Text == "" {
		return nil // of no conversation
	}
	return x.ended(c[0].Text, c[1].Integer, isDead)
}

// ended notes a tombstone or a dead letter. A conversation has one of each at most.
func (x *indexer) ended(id string, observed int64, flag uint8) error {
	e, err := x.find(id)
	if err != nil {
		return err
	}
	if e == nil {
		return x.add(id, "", "", entry{Flags: flag, Observed: observed})
	}
	e.Flags |= flag
	return nil
}

// placing notes where documents are, which come conversation by conversation.
type placing struct {
	*indexer
	began bool
	id    string
	last  *entry // of the conversation id; nil if there is none
}

func (p *placing) document(file int, c []Cell, group int) (err error) {
	if id := c[0].Text; !p.began || id != p.id {
		p.began, p.id = true, id
		if p.last, err = p.find(id); err != nil {
			return err
		}
		if p.last != nil && p.last.Documents > 0 { // they are not together, so they cannot be named
			p.last.Documents, p.last = 0, nil
		}
	}
	if p.last == nil || max(file, group) > 1<<16-1 {
		return nil
	}
	if p.last.Documents == 0 {
		p.last.FirstFile, p.last.FirstGroup = uint16(file), uint16(group)
	}
	p.last.LastFile, p.last.LastGroup = uint16(file), uint16(group)
	p.last.Documents++
	return nil
}

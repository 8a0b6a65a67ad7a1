package schemas

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"
	"slices"
	"sync"
	"time"
)

// digestVersion is the beginning of every digest. It must change when the same rows get a different digest. The first version had no
// such prefix.
const digestVersion = "v2:"

// Digest returns digestVersion and the hex SHA-256 of the content of the thread: of all columns of its rows except those that contain
// when it was observed, listed or gone, how many messages it should have and has, and the digest itself. The same conversation exported
// twice has the same digest. Digests of different versions cannot be compared. A column added to the end of a table, or a field added to
// the end of a struct, does not need a new version: digests stay the same if it is null or empty.
//
// A time before the year 0 or after 9999 and a number that is not finite are errors.
func (t Thread) Digest() (string, error) {
	d := digests.Get().(*digest)
	d.sum.Reset()
	d.conversation[0] = t.Conversation
	digestRows(d, Conversations, d.conversations, d.conversation[:])
	digestRows(d, Messages, d.messages, t.Messages)
	digestRows(d, Participants, d.participants, t.Participants)
	digestRows(d, Events, d.events, t.Events)
	digestRows(d, Ratings, d.ratings, t.Ratings)
	digestRows(d, Attachments, d.attachments, t.Attachments)
	digestRows(d, Tombstones, d.tombstones, t.Tombstones)
	d.conversation[0] = Conversation{} // release its memory
	text, err := d.text(), d.err
	if d.err = nil; !d.large {
		digests.Put(d)
	}
	if err != nil {
		return "", err
	}
	return text, nil
}

// digest is the state of Digest. It is reused, so that digesting a thread allocates little more than the digest.
type digest struct {
	sum   hash.Hash
	b     []byte // to be added to sum next
	err   error  // the first error
	large bool   // too much memory to be reused

	conversation [1]Conversation // a table with one row, like the other tables

	conversations, messages, participants, events, ratings, attachments, tombstones []Leaf
}

var digests = sync.Pool{New: func() any {
	return &digest{
		sum:           sha256.New(),
		conversations: Conversations.Leaves(), messages: Messages.Leaves(), participants: Participants.Leaves(), events: Events.Leaves(),
		ratings: Ratings.Leaves(), attachments: Attachments.Leaves(), tombstones: Tombstones.Leaves(),
	}
}}

const (
	digestBytes      = 32 << 10  // collected before they are added to the sum
	largeBytes       = 256 << 10 // of the texts of one column
	digestRowsAtOnce = 256       // shredded before their columns are digested, so that a long conversation is not in memory twice
)

// digestRows digests the number of rows, and then each column. Every part has a known length or begins with its length, so different
// rows give different bytes.
func digestRows[R any](d *digest, t *Table[R], leaves []Leaf, rows []R) {
	d.number(len(rows))
	for some := range slices.Chunk(rows, digestRowsAtOnce) {
		leaves := leaves
		for i := range t.columns {
			c := &t.columns[i]
			own := leaves[:c.width]
			leaves = leaves[c.width:]
			if c.apart {
				continue
			}
			for j := range some {
				c.shred(&some[j], level{}, own)
			}
			for j := range own {
				d.leaf(&t.paths[i][j], &own[j])
				own[j].Reset()
			}
		}
		d.number(0) // the length of no path
	}
}

// path names a leaf in a digest.
type path struct {
	name  string // of the column, or as in parts.element.text
	known int16  // definition levels up to this one are known from other leaves
}

// paths returns the paths of the leaves of n; above is the path of its parent. Only the first leaf in a list or map needs to give the number
// of entries; known is the level from which on it does, or -1 for any other leaf.
func (n *Node) paths(above string, definition, known int16) (all []path) {
	if n.Optional {
		definition++
	}
	if n.Kind == KindList || n.Kind == KindMap {
		if known < 0 {
			known = definition
		}
		definition++
	}
	if len(n.Children) == 0 {
		if known < 0 {
			known = definition
		}
		return []path{{above + n.Name, known}}
	}
	for i := range n.Children {
		all = append(all, n.Children[i].paths(above+n.Name+".", definition, known)...)
		known = -1
	}
	return all
}

// leaf digests the path, the levels and the values of a leaf, unless it has no value and its levels add nothing new.
func (d *digest) leaf(p *path, l *Leaf) {
	if len(l.Ends)+len(l.Integers)+len(l.Numbers)+len(l.Booleans) == 0 && slices.Max(l.Definitions) <= p.known {
		return
	}
	d.number(len(p.name))
	d.b = append(d.b, p.name...)
	d.number(l.Places())
	d.levels(l.Definitions)
	d.levels(l.Repetitions)
	start := uint32(0)
	for _, end := range l.Ends {
		d.number(int(end - start))
		start = end
	}
	for _, i := range l.Integers {
		if l.Kind == KindInstant && (i < earliest || i > latest) && d.err == nil {
			d.err = fmt.Errorf("%s: the time %s is not between the years 0 and 9999", p.name, time.UnixMicro(i).UTC())
		}
		d.b = binary.LittleEndian.AppendUint64(d.b, uint64(i))
	}
	for _, f := range l.Numbers {
		if (math.IsNaN(f) || math.IsInf(f, 0)) && d.err == nil {
			d.err = fmt.Errorf("%s: %v is not a finite number", p.name, f)
		}
		d.b = binary.LittleEndian.AppendUint64(d.b, math.Float64bits(f))
	}
	for _, v := range l.Booleans {
		d.boolean(v)
	}
	if len(d.b)+len(l.Data) > digestBytes {
		d.flush()
	}
	if len(l.Data) > digestBytes {
		d.sum.Write(l.Data)
		d.large = d.large || len(l.Data) > largeBytes
		return
	}
	d.b = append(d.b, l.Data...)
}

// The years 0 to 9999 in microseconds, the unit of times in the lake.
var (
	earliest = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	latest   = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
)

func (d *digest) number(n int) { d.b = binary.AppendUvarint(d.b, uint64(n)) }

func (d *digest) boolean(v bool) {
	if v {
		d.b = append(d.b, 1)
	} else {
		d.b = append(d.b, 0)
	}
}

func (d *digest) levels(levels []int16) {
	for _, n := range levels {
		d.b = append(d.b, byte(n))
	}
}

func (d *digest) flush() {
	d.sum.Write(d.b)
	d.b = d.b[:0]
}

// text returns the digest of everything added so far.
func (d *digest) text() string {
	d.flush()
	d.b = d.sum.Sum(d.b)
	var text [len(digestVersion) + 2*sha256.Size]byte
	written := string(hex.AppendEncode(append(text[:0], digestVersion...), d.b))
	d.b = d.b[:0]
	return written
}

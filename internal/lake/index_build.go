package lake

import (
	"bufio"
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/chatlake/chatlake/schemas"
)

// runEntries is how many entries are sorted in memory at a time, and runBytes how much of each sorted run is read at a time.
const (
	runEntries = 16 << 10
	runBytes   = 4 << 10
)

// indexer makes an index. Every row of the record adds an entry with what it says of its conversation. The entries are sorted in runs on
// disk; when the runs are merged, those of a conversation become one.
type indexer struct {
	hash func(id string) uint64
	data *Spill // texts; at the end the index
	run  []entry
	runs *Spill
	ends []int64 // of the runs
	// unplaced means that nobody knows where documents are.
	unplaced bool
}

// add adds what one row says of a conversation.
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
	if x.run = append(x.run, e); len(x.run) < runEntries {
		return nil
	}
	return x.endRun()
}

// endRun sorts the entries in memory and writes them to disk. Texts are written in the order of the rows, so their places keep the entries
// of a conversation in that order.
func (x *indexer) endRun() error {
	slices.SortFunc(x.run, compareEntries)
	var b []byte
	for _, e := range x.run {
		b = e.appendTo(b[:0])
		if _, err := x.runs.Write(b); err != nil {
			return err
		}
	}
	x.run, x.ends = x.run[:0], append(x.ends, x.runs.Size())
	return nil
}

func compareEntries(a, b entry) int {
	return cmp.Or(cmp.Compare(a.Hash, b.Hash), cmp.Compare(a.Text, b.Text))
}

// index merges the runs.
func (x *indexer) index() (*index, error) {
	if err := x.endRun(); err != nil {
		return nil, err
	}
	done := &index{data: x.data, at: x.data.Size()}
	var b []byte
	var same []entry // entries with the same hash
	end := func() error {
		joined, err := x.joined(same)
		if err != nil {
			return err
		}
		for _, e := range joined {
			if done.entries%blockEntries == 0 {
				done.fences = append(done.fences, e.Hash)
			}
			b = e.appendTo(b[:0])
			if _, err := x.data.Write(b); err != nil {
				return err
			}
			done.entries++
		}
		same = same[:0]
		return nil
	}
	err := x.merged(func(e entry) error {
		if len(same) > 0 && same[0].Hash != e.Hash {
			if err := end(); err != nil {
				return err
			}
		}
		same = append(same, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, end()
}

// joined returns the entries of conversations that have the same hash, one of each, in the order of their first rows.
func (x *indexer) joined(same []entry) ([]entry, error) {
	type joining struct {
		id     string
		entry  entry
		places []entry
	}
	var all []*joining
	for _, e := range same {
		text := make([]byte, e.ID)
		if _, err := x.data.ReadAt(text, int64(e.Text)); err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(j *joining) bool { return j.id == string(text) })
		if i < 0 {
			i, all = len(all), append(all, &joining{id: string(text)})
		}
		switch j := all[i]; {
		case e.Flags == isPlace:
			j.places = append(j.places, e)
		case j.entry.Flags == 0:
			j.entry = e
		default:
			j.entry.Flags |= e.Flags & (isGone | isDead)
		}
	}
	var done []entry
	for _, j := range all {
		if j.entry.Flags == 0 {
			continue // documents of no conversation
		}
		if len(j.places) == 1 && !x.unplaced { // documents that are not together cannot be named
			p := j.places[0]
			j.entry.FirstFile, j.entry.FirstGroup, j.entry.LastFile, j.entry.LastGroup = p.FirstFile, p.FirstGroup, p.LastFile, p.LastGroup
			j.entry.Documents = p.Documents
		}
		done = append(done, j.entry)
	}
	return done, nil
}

// merged calls found for the entries of all runs in their order.
func (x *indexer) merged(found func(entry) error) error {
	var open runHeap
	begin := int64(0)
	for _, end := range x.ends {
		r := &sortedRun{in: bufio.NewReaderSize(io.NewSectionReader(x.runs, begin, end-begin), runBytes)}
		begin = end
		if more, err := r.next(); err != nil {
			return err
		} else if more {
			open = append(open, r)
		}
	}
	heap.Init(&open)
	for len(open) > 0 {
		if err := found(open[0].first); err != nil {
			return err
		}
		more, err := open[0].next()
		if err != nil {
			return err
		}
		if !more {
			heap.Pop(&open)
			continue
		}
		heap.Fix(&open, 0)
	}
	return nil
}

// sortedRun reads a run.
type sortedRun struct {
	in    *bufio.Reader
	first entry // the next one
}

func (r *sortedRun) next() (bool, error) {
	b, err := r.in.Peek(entryBytes)
	if len(b) == 0 && errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, unexpected(err)
	}
	r.first = decoded(b)
	_, err = r.in.Discard(entryBytes)
	return true, err
}

// runHeap has the run with the least entry first.
type runHeap []*sortedRun

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return compareEntries(h[i].first, h[j].first) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(r any)        { *h = append(*h, r.(*sortedRun)) }
func (h *runHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// buildIndex reads the files of a record, as far as it needs them.
func (l *Lake) buildIndex(ctx context.Context, r *known) (_ *index, err error) {
	x := &indexer{hash: l.hash, data: l.NewSpill(), runs: l.NewSpill()}
	defer x.runs.Close()
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
		switch {
		case err != nil:
			return nil, err
		case problem == "":
		case t.table == schemas.Documents.Table:
			x.unplaced = true
		default:
			damage = problem
		}
	}
	if err := p.end(); err != nil {
		return nil, err
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
	return x.add(c[0].Text, "", "", entry{Flags: isGone, Observed: c[1].Integer})
}

func (x *indexer) deadLetter(_ int, c []Cell, _ int) error {
	if c[0].Text == "" {
		return nil // of no conversation
	}
	return x.add(c[0].Text, "", "", entry{Flags: isDead, Observed: c[1].Integer})
}

// placing notes where documents are, which come conversation by conversation.
type placing struct {
	*indexer
	id    string
	place entry // of the documents of id so far
	far   bool  // some of them are where no entry can say
}

func (p *placing) document(file int, c []Cell, group int) error {
	if id := c[0].Text; id != p.id {
		if err := p.end(); err != nil {
			return err
		}
		p.id = id
	}
	if max(file, group) > 1<<16-1 {
		p.far = true
		return nil
	}
	if p.place.Documents == 0 {
		p.place.FirstFile, p.place.FirstGroup = uint16(file), uint16(group)
	}
	p.place.LastFile, p.place.LastGroup = uint16(file), uint16(group)
	p.place.Documents++
	return nil
}

// end adds the place of the last conversation's documents.
func (p *placing) end() error {
	id, place := p.id, p.place
	if p.far {
		place = entry{}
	}
	p.id, p.place, p.far = "", entry{}, false
	if id == "" { // documents of no conversation
		return nil
	}
	place.Flags = isPlace
	return p.add(id, "", "", place)
}

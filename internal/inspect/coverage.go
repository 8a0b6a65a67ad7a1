package inspect

import (
	"cmp"
	"slices"
	"time"

	"github.com/chatlake/chatlake/internal/ledger"
	"github.com/chatlake/chatlake/schemas"
)

// Covered is a word for how a part of a stream is covered.
type Covered string

// The words, from the one that needs a person most to the one that needs nobody. A cell with several has the first of them. Nothing is known
// of a cell that has none.
const (
	CoveredBlocked  Covered = "blocked"   // a run waits for a person
	CoveredMissing  Covered = "missing"   // no committed window covers it, and no run is to copy it
	CoveredLost     Covered = "lost"      // to the platform's retention
	CoveredGaps     Covered = "with gaps" // committed, and something in it is not whole
	CoveredSkipped  Covered = "skipped"   // given up by a person for now
	CoveredRunning  Covered = "running"   // being copied
	CoveredPlanned  Covered = "planned"   // to be copied
	CoveredAccepted Covered = "accepted"  // not in the lake, which a person has accepted
	CoveredComplete Covered = "complete"
)

var coveredRank = map[Covered]int{
	CoveredBlocked: 9, CoveredMissing: 8, CoveredLost: 7, CoveredGaps: 6, CoveredSkipped: 5, CoveredRunning: 4, CoveredPlanned: 3, CoveredAccepted: 2, CoveredComplete: 1,
}

// CoveredWords returns the words, the most urgent first.
func CoveredWords() []Covered {
	return []Covered{
		CoveredBlocked, CoveredMissing, CoveredLost, CoveredGaps, CoveredSkipped, CoveredRunning, CoveredPlanned, CoveredAccepted, CoveredComplete,
	}
}

// Symbol is one character that stands for the word where there is no room for it. All are different.
func (c Covered) Symbol() string {
	switch c {
	case CoveredBlocked:
		return "■"
	case CoveredMissing:
		return "?"
	case CoveredLost:
		return "✕"
	case CoveredGaps:
		return "!"
	case CoveredSkipped:
		return "»"
	case CoveredRunning:
		return "◐"
	case CoveredPlanned:
		return "·"
	case CoveredAccepted:
		return "–"
	case CoveredComplete:
		return "✓"
	}
	return ""
}

// A Scale is the length of the cells of a coverage.
type Scale string

const (
	ScaleYear   Scale = "year"
	ScaleMonth  Scale = "month"
	ScaleDay    Scale = "day"
	ScaleWindow Scale = "window" // each window as it was committed, and each stretch between them
)

// Work is what a run says of a window that it copies.
type Work struct {
	Shard   string // account/stream/window
	Blocked bool   // it waits for a person
	Reason  string // why it is blocked
	// Done is how many of its conversations were fetched, and Expected how many there are; 0 if that is not known.
	Done, Expected int64
}

// A Question asks for the coverage of accounts.
type Question struct {
	Account string // empty is all
	// Within is the range; a zero end stands for the first or the last time that anything is known of.
	Within schemas.Window
	Scale  Scale
	// Work is what runs are doing, and Requested what they are to copy. Both come from Temporal and may be left out.
	Work      []Work
	Requested []Gap
}

// Coverage is what the lake has of accounts in a range, as a table of cells.
type Coverage struct {
	Within schemas.Window  // with both ends; zero if nothing is known
	Known  schemas.Window  // what anything is known of
	Rows   []CoverageRow   // by account and stream
	Words  map[Covered]int // how many cells have each word
}

// A CoverageRow is a stream of an account.
type CoverageRow struct {
	Account string
	Stream  schemas.Stream
	Cells   []Cell // adjacent, apart from those of ScaleWindow
	Sum     Cell   // of all
}

// A Cell is a part of a stream.
type Cell struct {
	Window  schemas.Window
	Covered Covered // empty if nothing is known of it
	Windows int     // committed windows that begin in it
	// Copied are the conversations in the lake; for changes and announcements how many were found, and for other streams the rows. Windows
	// inside of other windows of the stream are not counted a second time.
	Copied int64
	Listed int64 // conversations that the platform listed
	// Counted is what the platform itself counted in those windows that it was asked about; Compared is how many were listed in these.
	Counted  *int64
	Compared int64
	Share    float64 // of its time, that committed windows cover
	// Done and Expected are those of the windows in it that are being copied.
	Done, Expected int64
	Shard          string   // account/stream/window, if the cell has to do with one shard only
	Notes          []string // what is not whole, at most notesOfCell
	More           int      // further notes
	shards         int
	until          time.Time // covered up to
	covered        time.Duration
}

// notesOfCell is how many notes a cell has.
const notesOfCell = 3

// Len is how many units of a scale a cell spans, at least 1.
func (c Cell) Len(s Scale) int {
	return max(1, len(cut(c.Window, s)))
}

// stretch is a window or another part of a stream, and how it is covered.
type stretch struct {
	window  schemas.Window
	covered Covered
	shard   string
	record  *ledger.Record
	nested  bool // other windows of the stream contain it
	notes   []string
	// Of a window that is being copied.
	done, expected int64
}

// Coverage arranges what is known into cells. It takes time in proportion to the windows and the cells.
func (c *Contents) Coverage(q Question) Coverage {
	series := slices.DeleteFunc(c.stretches(q), func(l line) bool { return q.Account != "" && l.account != q.Account })
	found := Coverage{Words: map[Covered]int{}}
	for _, s := range series {
		found.Known = joined(found.Known, s.span())
	}
	if found.Within = clipped(found.Known, q.Within); !q.Within.From.IsZero() {
		found.Within.From = q.Within.From
	}
	if !q.Within.To.IsZero() {
		found.Within.To = q.Within.To
	}
	if !found.Within.From.Before(found.Within.To) {
		found.Within = schemas.Window{}
		return found
	}
	cells := cut(found.Within, q.Scale)
	for _, s := range series {
		row := CoverageRow{Account: s.account, Stream: s.stream, Sum: Cell{Window: found.Within}}
		for _, w := range cells {
			row.Cells = append(row.Cells, Cell{Window: w})
		}
		for _, one := range s.all {
			if !one.window.From.Before(found.Within.To) || !one.window.To.After(found.Within.From) {
				continue
			}
			row.Sum.add(one)
			if q.Scale == ScaleWindow {
				row.Cells = append(row.Cells, Cell{Window: one.window})
				row.Cells[len(row.Cells)-1].add(one)
				continue
			}
			for i := firstCell(row.Cells, one.window.From); i < len(row.Cells) && row.Cells[i].Window.From.Before(one.window.To); i++ {
				row.Cells[i].add(one)
			}
		}
		row.Cells = merged(row.Cells, q.Scale)
		for i := range row.Cells {
			row.Cells[i].finish()
			found.Words[row.Cells[i].Covered]++
		}
		if row.Sum.finish(); row.Sum.Covered != "" {
			found.Rows = append(found.Rows, row)
		}
	}
	delete(found.Words, "")
	return found
}

// firstCell is the first cell that ends after a time.
func firstCell(cells []Cell, from time.Time) int {
	i, _ := slices.BinarySearchFunc(cells, from, func(c Cell, at time.Time) int {
		if c.Window.To.After(at) {
			return 1
		}
		return -1
	})
	return i
}

// add adds a stretch to a cell that it overlaps. Stretches come in the order of their beginnings.
func (c *Cell) add(s stretch) {
	if coveredRank[s.covered] > coveredRank[c.Covered] {
		c.Covered = s.covered
	}
	if s.shard != c.Shard || c.shards == 0 {
		c.Shard = s.shard
		c.shards++
	}
	for _, note := range s.notes {
		switch {
		case slices.Contains(c.Notes, note):
		case len(c.Notes) < notesOfCell:
			c.Notes = append(c.Notes, note)
		default:
			c.More++
		}
	}
	c.Done, c.Expected = c.Done+s.done, c.Expected+s.expected
	if s.record == nil {
		return
	}
	part := clipped(s.window, c.Window)
	if c.until.Before(part.From) {
		c.until = part.From
	}
	if part.To.After(c.until) {
		c.covered, c.until = c.covered+part.To.Sub(c.until), part.To
	}
	if s.window.From.Before(c.Window.From) {
		return // it is counted where it begins
	}
	c.Windows++
	if s.nested {
		return
	}
	c.Copied += copiedOf(*s.record)
	c.Listed += s.record.Counts.Listed
	if counted := countedOf(*s.record); counted != nil {
		if c.Counted == nil {
			c.Counted = new(int64)
		}
		*c.Counted += *counted
		c.Compared += s.record.Counts.Listed - s.record.Counts.Unlisted
	}
}

// finish derives what needs all stretches of a cell.
func (c *Cell) finish() {
	if length := c.Window.To.Sub(c.Window.From); length > 0 {
		c.Share = float64(c.covered) / float64(length)
	}
	if c.shards > 1 {
		c.Shard = ""
	}
}

// copiedOf is what the lake has by a record.
func copiedOf(r ledger.Record) (rows int64) {
	switch {
	case r.Shard.Stream.IsByCreation():
		return r.Counts.Conversations + r.Counts.Kept
	case r.Shard.Stream.HasConversations():
		return r.Counts.Listed
	}
	for _, f := range r.Files {
		if f.Table != schemas.Documents.Table {
			rows += f.Rows
		}
	}
	return rows
}

// merged joins cells that one window spans alone.
func merged(cells []Cell, s Scale) (all []Cell) {
	if s == ScaleWindow {
		return cells
	}
	for _, next := range cells {
		if n := len(all) - 1; n >= 0 && next.shards == 1 && next.Windows == 0 && all[n].shards == 1 && next.Shard != "" && next.Shard == all[n].Shard && next.Covered == all[n].Covered {
			all[n].Window.To = next.Window.To
			all[n].covered += next.covered
			continue
		}
		all = append(all, next)
	}
	return all
}

// cut splits a range at the UTC boundaries of a scale.
func cut(w schemas.Window, s Scale) (all []schemas.Window) {
	switch s {
	case ScaleWindow:
		return nil
	case ScaleYear:
		for from := w.From.UTC(); from.Before(w.To); {
			to := time.Date(from.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
			if to.After(w.To) {
				to = w.To.UTC()
			}
			all = append(all, schemas.Window{From: from, To: to})
			from = to
		}
		return all
	}
	return w.Cut(string(s))
}

// joined is the range from the first of two windows to the last. A zero window is none.
func joined(a, b schemas.Window) schemas.Window {
	if b.From.IsZero() {
		return a
	}
	if a.From.IsZero() || b.From.Before(a.From) {
		a.From = b.From
	}
	if b.To.After(a.To) {
		a.To = b.To
	}
	return a
}

// byTime orders stretches by their beginning, the longer ones first.
func byTime(a, b stretch) int {
	return cmp.Or(byBeginning(a.window, b.window), cmp.Compare(coveredRank[b.covered], coveredRank[a.covered]))
}

package worker

import (
	"math"
	"time"

	"github.com/chatlake/chatlake/schemas"
)

// Files is what an export into an empty lake leaves there.
type Files struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"` // of all together
}

// Small reports whether the files are so small on average that a query pays more for requests than for reading.
func (f Files) Small() bool { return f.Count > 0 && f.Bytes/f.Count < 1<<20 }

// Measured with exports of simulated accounts, by windows of a day and of a month. A window leaves one file for each table that it has rows
// of, unless a file would exceed its maximum size. A window without conversations leaves none.
const (
	tablesOfEach         = 4    // conversations, messages, participants and documents have rows of every conversation
	tablesOfSome         = 4    // events, ratings, attachments and tombstones have
	shareOfSome          = 0.25 // rows of about every fourth
	filesOfDirectory     = 8
	bytesOfFile          = 5_000 // the footer and what else a file without rows would have
	bytesOfDirectory     = 40_000
	bytesPerConversation = 2_000
)

// files estimates the files that windows with so many conversations leave, and what months would leave if those are small. exact
// means that the conversations of each window were counted.
func (e *Estimate) files(windows []schemas.Window, counts []float64, exact bool) {
	files := filesOf(counts, exact)
	e.Files = &files
	var months []float64
	var last time.Time
	for i, w := range windows {
		year, month, _ := w.From.UTC().Date()
		if first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC); !first.Equal(last) {
			months, last = append(months, 0), first
		}
		months[len(months)-1] += counts[i]
	}
	if files.Small() && len(months) < len(windows) {
		wider := filesOf(months, exact)
		e.Wider = &wider
	}
}

// occupied returns the share of windows with a number of conversations that have any. If the numbers are estimates, conversations are taken
// to begin by chance.
func occupied(n float64, exact bool) float64 {
	if exact {
		return min(1, n)
	}
	return -math.Expm1(-n)
}

// filesOf estimates the files of windows, of which each has a number of conversations, and of a snapshot of the directory.
func filesOf(counts []float64, exact bool) Files {
	files, bytes := float64(filesOfDirectory), float64(bytesOfDirectory)
	for _, n := range counts {
		some := occupied(n, exact)
		of := some * (tablesOfEach + tablesOfSome*(1-math.Pow(1-shareOfSome, max(1, n))))
		files += of
		bytes += of*bytesOfFile + n*bytesPerConversation
	}
	return Files{int64(math.Round(files)), int64(bytes)}
}

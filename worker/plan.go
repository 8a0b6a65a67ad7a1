package worker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/chatlake/chatlake/providers"
	"github.com/chatlake/chatlake/schemas"
)

// Estimate is what an export would cost.
type Estimate struct {
	Account  string `json:"account"`
	Provider string `json:"provider"`
	schemas.Window
	Windows           int      `json:"windows"`
	Conversations     *int64   `json:"conversations"` // nil if the platform cannot count them
	Requests          *int64   `json:"requests"`
	RequestsPerSecond float64  `json:"requests_per_second"` // 0 means no limit
	Seconds           *float64 `json:"seconds"`             // nil if unknown
	Rations           []Ration `json:"rations,omitempty"`
	Files             *Files   `json:"files"`           // nil if the platform cannot count its conversations
	Wider             *Files   `json:"wider,omitempty"` // what windows of a month would leave, where shorter ones leave many small files
	// KeptFrom is the start of the platform's retention, if the range begins before it. See Config.KeptFrom.
	KeptFrom *time.Time `json:"kept_from,omitempty"`
}

// Files is what an export into an empty lake leaves there.
type Files struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"` // of all together
}

// Small reports whether the files are so small on average that a query pays more for requests than for reading.
func (f Files) Small() bool { return f.Count > 0 && f.Bytes/f.Count < 1<<20 }

// Ration is how much an export takes from one quota.
type Ration struct {
	Quota   string  `json:"quota"`
	Uses    int     `json:"uses"`
	Seconds float64 `json:"seconds"` // from the first use to the last
}

// refsPerListing is the minimum number of conversations that one list request returns; platforms return 20 to 100.
const refsPerListing = 20

// Plan estimates what an export of an account over a range would cost, split into windows of a month, a week or a day; an empty cut
// means the configured one. It checks the credentials, asks the platform for at most one count per window, and writes nothing. If the
// configuration is at fault, the error is a Problem.
func (c Config) Plan(ctx context.Context, account string, whole schemas.Window, cut string) (Estimate, error) {
	e := Estimate{Account: account, Window: whole, RequestsPerSecond: c.Accounts[account].RequestsPerSecond}
	definition, _ := definition(c.Accounts[account].Provider)
	provider, err := c.openProbed(ctx, account)
	if err != nil {
		return e, err
	}
	e.Provider = definition.Name
	e.KeptFrom = c.KeptFrom(account, whole.From, time.Now())
	windows := whole.Cut(cmp.Or(cut, c.Export.Window))
	e.Windows = len(windows)
	if rationed, ok := provider.(providers.Rationed); ok {
		e.Rations = rationsOf(rationed, windows)
	}
	counter, ok := provider.(providers.Counter)
	if !ok {
		return e, nil
	}
	counts, err := countsOf(ctx, counter, windows)
	if err != nil {
		return e, err
	}
	total, requests := requestsOf(definition.Prices(c.Accounts[account].Options), counts)
	e.Conversations, e.Requests = &total, &requests
	e.files(windows, counts)
	if e.RequestsPerSecond > 0 {
		if mean := c.Accounts[account].Schedule.Mean(time.Now()); mean > 0 {
			seconds := float64(requests) / e.RequestsPerSecond / mean
			e.Seconds = &seconds
		}
	}
	return e, nil
}

// countsOf returns the number of conversations of each window.
func countsOf(ctx context.Context, counter providers.Counter, windows []schemas.Window) ([]int64, error) {
	var counts []int64
	for _, w := range windows {
		n, err := counter.Count(ctx, w)
		if err != nil {
			return nil, fmt.Errorf("count the conversations of %s: %w", w, err)
		}
		counts = append(counts, n)
	}
	return counts, nil
}

// requestsOf sums the conversations of all windows and estimates the number of requests of their export.
func requestsOf(p providers.Prices, counts []int64) (total, requests int64) {
	sum := p.Run + p.Directory
	for _, n := range counts {
		total += n
		sum += p.Window(schemas.Window{}) + math.Ceil(float64(n)*p.MessageRequests) + float64(n)*p.MetadataRequests + math.Floor(float64(n)*p.Listing())
	}
	return total, int64(sum)
}

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

// files estimates the files that windows with so many conversations leave, and what months would leave if those are small.
func (e *Estimate) files(windows []schemas.Window, counts []int64) {
	files := filesOf(counts)
	e.Files = &files
	months := map[time.Time]int64{}
	for i, w := range windows {
		year, month, _ := w.From.Date()
		months[time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)] += counts[i]
	}
	if files.Small() && len(months) < len(windows) {
		wider := filesOf(slices.Collect(maps.Values(months)))
		e.Wider = &wider
	}
}

// filesOf estimates the files of windows, of which each has a number of conversations, and of a snapshot of the directory.
func filesOf(counts []int64) Files {
	files, bytes := float64(filesOfDirectory), float64(bytesOfDirectory)
	for _, n := range counts {
		if n == 0 {
			continue
		}
		of := tablesOfEach + tablesOfSome*(1-math.Pow(1-shareOfSome, float64(n)))
		files += of
		bytes += of*bytesOfFile + float64(n)*bytesPerConversation
	}
	return Files{int64(math.Round(files)), int64(bytes)}
}

// KeptFrom returns the time from which the account's platform is certain to have all conversations, or nil if a range that begins
// at from needs nothing older. The platform deletes older conversations, and its lists and counts do not show that.
func (c Config) KeptFrom(account string, from, now time.Time) *time.Time {
	d, _ := definition(c.Accounts[account].Provider)
	kept := now.UTC().AddDate(0, -d.RetentionMonths, 0).Truncate(24 * time.Hour)
	if d.RetentionMonths == 0 || !from.Before(kept) {
		return nil
	}
	return &kept
}

// rationsOf sums the uses of each quota over all windows.
func rationsOf(p providers.Rationed, windows []schemas.Window) []Ration {
	var all []providers.Ration
	for _, w := range windows {
	next:
		for _, r := range p.Rations(w) {
			for i := range all {
				if all[i].Quota.Name == r.Quota.Name {
					all[i].Uses += r.Uses
					continue next
				}
			}
			all = append(all, r)
		}
	}
	var rations []Ration
	for _, r := range all {
		rations = append(rations, Ration{r.Quota.Name, r.Uses, r.Quota.Span(r.Uses).Seconds()})
	}
	return rations
}

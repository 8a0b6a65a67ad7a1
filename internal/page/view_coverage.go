package page

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

var coverageView = &view{name: "coverage", title: "Coverage", link: "Coverage", model: coverageModel}

// coverage is what the view shows: a table of cells, or the windows of a day.
type coverage struct {
	Read     time.Time // when the ledger was read
	Title    string    // of the range
	In       string    // the range, as in the address
	Up       *step     // one level up
	Others   []step    // ranges of the same length
	Accounts []step    // all, and each account
	Columns  []string
	Rows     []coverageRow
	Windows  []coverageWindow // of a day, instead of the table
	Legend   []mark
	Sentence string
	// NoRuns is why nothing is known of runs.
	NoRuns string
}

type step struct {
	Name, Address string
	Current       bool
}

type coverageRow struct {
	Account, Stream, Unit string
	First                 bool // of its account
	Cells                 []coverageCell
}

type coverageCell struct {
	Mark    mark
	Number  string // in a few characters
	Title   string // everything, in words
	Address string
	Columns int
}

type coverageWindow struct {
	Account, Stream string
	Window          schemas.Window
	Mark            mark
	Cell            inspect.Cell
	Address         string
}

// markOf is the mark of a word for coverage.
func markOf(c inspect.Covered) mark {
	class := map[inspect.Covered]string{
		inspect.CoveredBlocked: "bad", inspect.CoveredMissing: "bad", inspect.CoveredLost: "lost", inspect.CoveredGaps: "flag", inspect.CoveredSkipped: "flag",
		inspect.CoveredRunning: "run", inspect.CoveredPlanned: "none", inspect.CoveredAccepted: "none", inspect.CoveredComplete: "ok",
	}[c]
	return mark{string(c), c.Symbol(), class}
}

func coverageModel(ctx context.Context, p *Page, r *request) (any, error) {
	query := r.URL.Query()
	contents, err := p.contents(ctx)
	if err != nil {
		return nil, err
	}
	level, err := levelOf(query.Get("in"), contents.Known(), contents.Newest(), r.now)
	if err != nil {
		return nil, err
	}
	account := query.Get("account")
	runs, noRuns := p.runs(ctx)
	q := inspect.Question{Account: account, Within: level.within, Scale: level.cells, Work: workOf(runs.shards)}
	for _, asked := range runs.ranges {
		q.Requested = append(q.Requested, inspect.Gap{Account: asked.Account, Stream: schemas.StreamCreated, Window: asked.Window})
	}
	found := contents.Coverage(q)
	m := coverage{Read: contents.At, Title: level.title, In: query.Get("in"), Up: level.up(account), Others: level.others(contents.Known(), account), NoRuns: noRuns}
	for _, name := range append([]string{""}, contents.Accounts()...) {
		label := name
		if name == "" {
			label = "all accounts"
		}
		m.Accounts = append(m.Accounts, step{label, coverageAddress(level.in, name), name == account})
	}
	for _, word := range inspect.CoveredWords() {
		if found.Words[word] > 0 {
			m.Legend = append(m.Legend, markOf(word))
		}
	}
	m.Sentence = coverageSentence(found)
	if level.cells == inspect.ScaleWindow {
		m.Windows = windowsOf(found)
		return m, nil
	}
	m.Columns = level.columns()
	for i, row := range found.Rows {
		one := coverageRow{Account: row.Account, Stream: string(row.Stream), Unit: unitOf(row.Stream), First: i == 0 || found.Rows[i-1].Account != row.Account}
		for _, cell := range row.Cells {
			one.Cells = append(one.Cells, level.cell(row, cell, one.Unit))
		}
		m.Rows = append(m.Rows, one)
	}
	return m, nil
}

// cell shows a cell of a table.
func (l level) cell(row inspect.CoverageRow, c inspect.Cell, unit string) coverageCell {
	one := coverageCell{Mark: markOf(c.Covered), Columns: c.Len(l.cells)}
	if c.Covered == "" {
		return one
	}
	switch {
	case c.Windows > 0:
		one.Number = brief(c.Copied)
	case c.Expected > 0:
		one.Number = fmt.Sprintf("%d %%", 100*min(c.Done, c.Expected)/c.Expected)
	}
	text := []string{fmt.Sprintf("%s %s, %s: %s", row.Account, row.Stream, words.Span(c.Window), c.Covered)}
	if c.Windows > 0 {
		text = append(text, words.Grouped(c.Copied)+" "+unit+" in "+words.Plural(int64(c.Windows), "window"))
	}
	if c.Expected > 0 {
		text = append(text, fmt.Sprintf("%s of %s conversations fetched", words.Grouped(c.Done), words.Grouped(c.Expected)))
	}
	if c.Counted != nil {
		text = append(text, fmt.Sprintf("the platform counted %s, %s were listed", words.Grouped(*c.Counted), words.Grouped(c.Compared)))
	}
	text = append(text, c.Notes...)
	if c.More > 0 {
		text = append(text, words.Plural(int64(c.More), "further note"))
	}
	one.Title = strings.Join(text, "; ")
	if one.Address = coverageAddress(l.inside(c.Window), row.Account); c.Shard != "" {
		one.Address = shardAddress(c.Shard)
	}
	return one
}

// windowsOf are all windows of a day, and the times between them.
func windowsOf(found inspect.Coverage) (all []coverageWindow) {
	for _, row := range found.Rows {
		for _, c := range row.Cells {
			one := coverageWindow{Account: row.Account, Stream: string(row.Stream), Window: c.Window, Mark: markOf(c.Covered), Cell: c}
			if c.Shard != "" {
				one.Address = shardAddress(c.Shard)
			}
			all = append(all, one)
		}
	}
	return all
}

// coverageSentence says what to look at.
func coverageSentence(c inspect.Coverage) string {
	var parts []string
	for _, word := range []inspect.Covered{inspect.CoveredBlocked, inspect.CoveredMissing, inspect.CoveredLost, inspect.CoveredGaps, inspect.CoveredSkipped} {
		if n := c.Words[word]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	switch {
	case len(c.Words) == 0:
		return "The ledger has nothing of this time."
	case len(parts) == 0 && c.Words[inspect.CoveredRunning]+c.Words[inspect.CoveredPlanned] > 0:
		return "Nothing here needs a person; some of it is still to be copied."
	case len(parts) == 0:
		return "Nothing is missing here."
	}
	return "To look at: " + words.List(parts) + "."
}

// workOf is what runs do, for a coverage.
func workOf(runs []operate.ShardRun) (work []inspect.Work) {
	for _, r := range runs {
		one := inspect.Work{Shard: r.Window}
		if cause, blocked := r.Blocked(); blocked {
			one.Blocked, one.Reason = true, cause.Detail
		}
		if r.Progress != nil && r.Progress.Expected != nil {
			one.Done, one.Expected = r.Progress.Fetched, max(*r.Progress.Expected, r.Progress.Listed)
		}
		work = append(work, one)
	}
	return work
}

// running is what runs are copying, and what exports are to copy.
type running struct {
	shards []operate.ShardRun
	ranges []operate.Range
}

// runs asks what runs do, or why that is not known.
func (p *Page) runs(ctx context.Context) (now running, problem string) {
	now, err := p.running.get(ctx, fresh, func(ctx context.Context) (now running, err error) {
		err = p.visit(ctx, func(s *operate.Session) (err error) {
			if now.shards, err = s.Shards(ctx, ""); err == nil {
				now.ranges, err = s.Ranges(ctx)
			}
			return err
		})
		return now, err
	})
	if err != nil {
		return running{}, reasonOf(err)
	}
	return now, ""
}

// unitOf says what the numbers of a stream count.
func unitOf(s schemas.Stream) string {
	switch {
	case s.IsByCreation():
		return "conversations"
	case s.HasConversations():
		return "changes"
	}
	return "rows"
}

// brief writes a number in at most four characters.
func brief(n int64) string {
	switch {
	case n < 1000:
		return words.Grouped(n)
	case n < 10_000:
		return fmt.Sprintf("%.1fk", float64(n)/1000)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprintf("%.1fM", float64(n)/1e6)
}

func coverageAddress(in, account string) string {
	query := url.Values{}
	if in != "" {
		query.Set("in", in)
	}
	if account != "" {
		query.Set("account", account)
	}
	if len(query) == 0 {
		return "/coverage"
	}
	return "/coverage?" + query.Encode()
}

func shardAddress(shard string) string { return "/shard?" + url.Values{"of": {shard}}.Encode() }

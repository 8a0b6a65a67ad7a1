// Package report writes a report about an account as one page of HTML that needs no other file.
//
// It must not know rows, documents or the ledger, so no text of a conversation can get into a report.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
	"github.com/chatlake/chatlake/schemas"
)

//go:embed report.html
var pageText string

//go:embed report.css
var style string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"grouped": words.Grouped, "size": words.Size, "span": span, "day": day, "minute": minute, "plural": plural, "class": class, "month": monthName,
	"short": short, "counted": func(n *int64) string { return words.Grouped(*n) },
}).Parse(pageText))

// view is what the page shows, in words.
type view struct {
	inspect.Report
	Style    template.CSS
	Verdict  string
	Range    string
	Checked  string
	Agrees   string // how the platform's counts compare
	Streams  []grid
	Legend   []inspect.Covered
	Findings []finding
	Accepted []finding
	Notes    []finding // that keep nothing from being whole
}

// finding is one thing that was found.
type finding struct {
	What, Where, Text, Command string
}

// grid is the coverage of a stream: a row for each year, a cell for each month.
type grid struct {
	Name, Unit string
	Years      []year
}

type year struct {
	Name  string
	Cells []inspect.Cell // 12; those without a window are outside of the range
	Sum   int64
}

// HTML returns the report as a page. It is the same for the same report.
func HTML(r inspect.Report) ([]byte, error) {
	v := view{
		Report: r, Style: template.CSS(style), Verdict: Verdict(r), Range: rangeOf(r), Checked: checked(r.Verified), Agrees: agrees(r),
		Streams: grids(r.Coverage), Findings: findings(r.Verified), Accepted: accepted(r.Verified), Notes: notes(r.Verified),
	}
	for _, word := range inspect.CoveredWords() {
		if r.Coverage.Words[word] > 0 {
			v.Legend = append(v.Legend, word)
		}
	}
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return b.Bytes(), nil
}

// Verdict says in a sentence whether the copy is complete.
func Verdict(r inspect.Report) string {
	switch {
	case r.Verified.Windows == 0:
		return "Nothing of this is in the lake."
	case r.Complete():
		return "The copy is complete."
	case r.Verified.Problems() == 0:
		return "What was checked is complete, but not everything could be checked."
	default:
		return "The copy is not complete: " + plural(r.Verified.Problems(), "problem") + "."
	}
}

// rangeOf is what the report is about: the range that was asked for, or what the ledger knows of.
func rangeOf(r inspect.Report) string {
	var w schemas.Window
	for _, row := range r.Coverage.Rows {
		for _, c := range row.Cells {
			if row.Stream == schemas.StreamDirectory || c.Covered == "" {
				continue // a snapshot is of its own day
			}
			if w.From.IsZero() || c.Window.From.Before(w.From) {
				w.From = c.Window.From
			}
			if c.Window.To.After(w.To) {
				w.To = c.Window.To
			}
		}
	}
	if !r.Asked.From.IsZero() {
		w.From = r.Asked.From
	}
	if !r.Asked.To.IsZero() {
		w.To = r.Asked.To
	}
	if w.From.IsZero() || w.To.IsZero() {
		return "no range"
	}
	return span(w)
}

func checked(v inspect.Verified) string {
	how := "each was opened and compared with the ledger: its size, its rows and its columns"
	if v.Deep {
		how = "each was read completely and compared with the ledger: its SHA-256, its rows and its conversations"
	}
	return fmt.Sprintf("%s (%s); %s", plural(v.Files, "file"), words.Size(v.Bytes), how)
}

func agrees(r inspect.Report) string {
	s := r.Sum
	switch {
	case s.CountedWindows == 0:
		return "The platform was not asked for counts, or gives none."
	case s.Counted == s.Compared:
		return fmt.Sprintf("The platform's own counts of %s agree: %s.", plural(s.CountedWindows, "window"), words.Grouped(s.Counted))
	default:
		return fmt.Sprintf("In %s the platform counted %s conversations, and listed %s.", plural(s.CountedWindows, "window"), words.Grouped(s.Counted), words.Grouped(s.Compared))
	}
}

// grids arranges the months of each stream by year.
func grids(c inspect.Coverage) (all []grid) {
	for _, row := range c.Rows {
		g := grid{Name: string(row.Stream), Unit: unitOf(row.Stream)}
		for _, cell := range row.Cells {
			for _, w := range cell.Window.Cut("month") { // a cell may span several
				name := w.From.Format("2006")
				if n := len(g.Years) - 1; n < 0 || g.Years[n].Name != name {
					g.Years = append(g.Years, year{Name: name, Cells: make([]inspect.Cell, 12)})
				}
				y, month := &g.Years[len(g.Years)-1], w.From.Month()-1
				y.Cells[month] = cell
				if y.Cells[month].Window = w; w.From.After(cell.Window.From) {
					y.Cells[month].Windows, y.Cells[month].Copied = 0, 0
				}
				y.Sum += y.Cells[month].Copied
			}
		}
		g.Years = slices.DeleteFunc(g.Years, func(y year) bool {
			return !slices.ContainsFunc(y.Cells, func(c inspect.Cell) bool { return c.Covered != "" })
		})
		all = append(all, g)
	}
	return all
}

// unitOf says what the numbers of a stream count.
func unitOf(s schemas.Stream) string {
	switch {
	case s.IsByCreation():
		return "conversations, by the month in which they were created"
	case s.IsByChange():
		return "conversations that changed, by the month in which they did"
	}
	if s == schemas.StreamDirectory {
		return "rows of the snapshots that were made in a month"
	}
	return "rows"
}

func plural(n int, noun string) string { return words.Plural(int64(n), noun) }

func span(w schemas.Window) string { return words.Span(w) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func monthName(i int) string { return time.Month(i + 1).String()[:3] }

// class is the class of a word in the style sheet.
func class(c inspect.Covered) string {
	if c == "" {
		return "none"
	}
	return strings.ReplaceAll(string(c), " ", "-")
}

// short writes a number in at most four characters, for a cell.
func short(n int64) string {
	switch {
	case n < 10_000:
		return words.Grouped(n)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	default:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
}

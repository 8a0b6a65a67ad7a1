package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/chatlake/chatlake/schemas"
)

// grid is a table; its first row is the header.
type grid [][]string

// writeText writes a table for a terminal.
func writeText(w io.Writer, g grid) error {
	widths := g.widths()
	for _, row := range g {
		var line strings.Builder
		for i, cell := range row {
			if i < left {
				fmt.Fprintf(&line, "%s%s  ", cell, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
			} else {
				fmt.Fprintf(&line, "%s%s  ", strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)), cell)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// left is how many columns are text and left-aligned.
const left = 2

func (g grid) widths() []int {
	widths := make([]int, len(g[0]))
	for _, row := range g {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// writeMarkdown writes a table for a page.
func writeMarkdown(b *strings.Builder, g grid) {
	for n, row := range g {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if n == 0 {
			b.WriteString("|" + strings.Repeat("---|", left) + strings.Repeat("--:|", len(row)-left) + "\n")
		}
	}
}

// resultTable has a row for each contender in each scenario.
func resultTable(all []Measured) grid {
	g := grid{{
		"scenario", "contender", "wall s", "× least", "requests", "× necessary", "429", "max 1 s", "max 10 s", "budget", "within", "of run",
		"CPU s/1k", "sim cores", "other cores", "memory", "events", "files", "median", "lost", "doubled", "again", "resumed", "paused",
	}}
	for _, m := range all {
		if m.LeftOut != "" || m.Failed != "" {
			continue
		}
		g = append(g, []string{
			m.Scenario.Name, m.Contender, fmt.Sprintf("%.1f", m.Seconds), ratio(m.Seconds, m.Least), fmt.Sprint(m.Requests),
			fmt.Sprintf("%.3f", float64(m.Requests)/float64(max(1, m.Necessary))), refused(m), fmt.Sprint(m.Peak1), fmt.Sprint(m.Peak10),
			percent(m.Used), percent(m.UsedWithin), percent(m.UsedWhole), fmt.Sprintf("%.2f", m.perThousand(m.CPU)), fmt.Sprintf("%.2f", m.SimulatorCPU/max(0.01, m.Asking)), fmt.Sprintf("%.2f", m.Elsewhere),
			size(m.Memory), counted(m.Events), fmt.Sprint(m.Files), size(m.MedianFile), fmt.Sprint(m.Lost), fmt.Sprint(m.Doubled + m.Foreign),
			again(m), resumed(m), paused(m),
		})
	}
	return g
}

func ratio(figure, least float64) string {
	if least == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", figure/least)
}

func percent(share float64) string {
	if share == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", share*100)
}

func refused(m Measured) string {
	if m.Throttled == 0 {
		return "0"
	}
	return fmt.Sprintf("%d (%.2f %%)", m.Throttled, float64(m.Throttled)/float64(m.Requests)*100)
}

func counted(n int64) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func again(m Measured) string {
	if m.Scenario.Kill == 0 {
		return "-"
	}
	return fmt.Sprintf("%d (%.2f %%)", m.Repeated, float64(m.Repeated)/float64(max(1, m.Necessary))*100)
}

// resumed is when a process started after a kill sent its first request, and its first for a conversation.
func resumed(m Measured) string {
	if m.Scenario.Kill == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f, %.1f of %.1f s", m.Begun, m.Resumed, m.Again)
}

// paused is the longest time without a request after a restart.
func paused(m Measured) string {
	if m.Scenario.Kill == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f s", m.Paused)
}

// size is a number of bytes in a readable form.
func size(bytes int64) string {
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= 1<<20:
		return fmt.Sprintf("%d MiB", bytes>>20)
	default:
		return fmt.Sprintf("%d KiB", bytes>>10)
	}
}

func targetTable(all []Target) grid {
	g := grid{{"target", "where", "wanted", "found", "met"}}
	for _, t := range all {
		met := "yes"
		if !t.Met {
			met = "no"
		}
		g = append(g, []string{t.Name, t.Where, t.Wanted, t.Found, met})
	}
	return g
}

// parquetTable has a row for each table whose files were compared, and one for each whole run.
func parquetTable(all []Measured) grid {
	g := grid{{"where", "table", "rows", "bytes", "DuckDB's", "ratio", "scan s", "DuckDB's", "ratio"}}
	for _, m := range all {
		if m.Parquet == nil {
			continue
		}
		where := m.Scenario.Name + ", " + m.Contender
		sum := ParquetTable{Table: "all"}
		for _, t := range append(m.Parquet.Tables, sum) {
			if t.Table == sum.Table {
				t = sum
			}
			sum.Rows, sum.Bytes, sum.Rewritten = sum.Rows+t.Rows, sum.Bytes+t.Bytes, sum.Rewritten+t.Rewritten
			row := []string{where, t.Table, fmt.Sprint(t.Rows), fmt.Sprint(t.Bytes), fmt.Sprint(t.Rewritten), ratio(float64(t.Bytes), float64(t.Rewritten)), "-", "-", "-"}
			if t.Table == schemas.Messages.Table {
				scan, rewritten := m.Parquet.Scan, m.Parquet.ScanRewritten
				row = append(row[:6], fmt.Sprintf("%.3f", scan), fmt.Sprintf("%.3f", rewritten), ratio(scan, rewritten))
			}
			if t.Rows >= smallTable {
				g = append(g, row)
			}
		}
	}
	return g
}

// smallTable is how many rows a table must have for its size to be meaningful.
const smallTable = 1000

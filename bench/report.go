package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Report is everything that one run of the program measured.
type Report struct {
	Machine Machine    `json:"machine"`
	Results []Measured `json:"results"`
	Targets []Target   `json:"targets"`
}

// Machine is the machine that it was measured on.
type Machine struct {
	Cores  int    `json:"cores"`
	Memory int64  `json:"memory_bytes"`
	Go     string `json:"go"`
	System string `json:"system"`
}

func machine() Machine {
	return Machine{Cores: runtime.NumCPU(), Memory: memoryOfMachine(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
}

// memoryOfMachine is the machine's memory in bytes, 0 if unknown.
func memoryOfMachine() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	var kilobytes int64
	_, _ = fmt.Sscanf(string(text), "MemTotal: %d kB", &kilobytes)
	return kilobytes << 10
}

// put adds a result. It replaces an earlier one of the same scenario and contender.
func (r *Report) put(m Measured) {
	for i, old := range r.Results {
		if old.Scenario.Name == m.Scenario.Name && old.Contender == m.Contender {
			r.Results[i] = m
			return
		}
	}
	r.Results = append(r.Results, m)
}

// results is the name of the results file.
func (o options) results() string {
	switch {
	case o.out != "":
		return o.out
	case o.axes.given():
		return filepath.Join(here(), "results", "axes.json")
	}
	return filepath.Join(here(), "results", strings.ReplaceAll(o.scenarios, ",", "+")+".json")
}

// earlier is the content of a results file; nothing if there is no file.
func earlier(name string) ([]Measured, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var r Report
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("read the results so far: %w", err)
	}
	return r.Results, nil
}

// save writes the results.
func (o options) save(r Report) error {
	if o.compact {
		r.Results = slices.Clone(r.Results)
		for i := range r.Results {
			r.Results[i].Series = nil
		}
	}
	name := o.results()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// write prints the tables.
func (r Report) write(out io.Writer) error {
	if err := writeText(out, resultTable(r.Results)); err != nil {
		return err
	}
	for _, note := range r.notes() {
		fmt.Fprintln(out, note)
	}
	for _, g := range []grid{parquetTable(r.Results), targetTable(r.Targets)} {
		if len(g) == 1 {
			continue // only the header
		}
		fmt.Fprintln(out)
		if err := writeText(out, g); err != nil {
			return err
		}
	}
	return nil
}

// notes are remarks that do not fit into the tables.
func (r Report) notes() []string {
	var notes []string
	for _, m := range r.Results {
		where := m.Scenario.Name + ", " + m.Contender + ": "
		switch {
		case m.LeftOut != "":
			notes = append(notes, where+"left out: "+m.LeftOut)
		case m.Failed != "":
			notes = append(notes, where+"failed: "+m.Failed)
		case m.defect():
			notes = append(notes, where+fmt.Sprintf("of %d rows %d lost, %d doubled; %d unknown to the platform", m.Rows, m.Lost, m.Doubled, m.Foreign))
		}
	}
	return notes
}

// defects are errors that no speed excuses.
func (r Report) defects() error {
	var all []error
	for _, m := range r.Results {
		if m.defect() {
			all = append(all, fmt.Errorf("%s, %s is wrong", m.Scenario.Name, m.Contender))
		}
	}
	return errors.Join(all...)
}

// The markers around the tables in a page.
const (
	markBegin = "<!-- bench: begin -->\n"
	markEnd   = "<!-- bench: end -->"
)

// insert puts the tables, as Markdown, into a page.
func (r Report) insert(name string) error {
	page, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(name, []byte(between(string(page), r.text())), 0o644)
}

// between replaces the text between the markers of a page, or the whole page if it has none.
func between(page, text string) string {
	before, rest, begins := strings.Cut(page, markBegin)
	_, after, ends := strings.Cut(rest, markEnd)
	if !begins || !ends {
		return text
	}
	return before + markBegin + text + markEnd + after
}

// text is the tables as Markdown.
func (r Report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nMeasured on %d cores and %s of memory (%s, %s), everything on one machine, on which other work took up to %.1f cores meanwhile.\n\n",
		r.Machine.Cores, size(r.Machine.Memory), r.Machine.System, r.Machine.Go, r.elsewhere())
	writeMarkdown(&b, resultTable(r.Results))
	for _, note := range r.notes() {
		fmt.Fprintf(&b, "\n%s\n", note)
	}
	for _, part := range []struct {
		title string
		grid
	}{{"Parquet files, compared with DuckDB's files of the same rows", parquetTable(r.Results)}, {"Targets", targetTable(r.Targets)}} {
		if len(part.grid) > 1 {
			b.WriteString("\n### " + part.title + "\n\n")
			writeMarkdown(&b, part.grid)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// elsewhere is the largest number of processors that were busy with anything outside the bench.
func (r Report) elsewhere() (most float64) {
	for _, m := range r.Results {
		if m.Contender == bareName || m.Contender == folderName { // its figure includes no separate server
			most = max(most, m.Elsewhere)
		}
	}
	return most
}

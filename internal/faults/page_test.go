package faults

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table into docs/faults.md")

const (
	pagePath = "../../docs/faults.md"
	begins   = "<!-- The table of platforms is written by: go test ./internal/faults -update -->\n"
	ends     = "<!-- end of the table of platforms -->\n"
)

// TestPage compares the table in the page with that of the tests.
func TestPage(t *testing.T) {
	page, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(page), begins)
	stands, foot, ok2 := strings.Cut(rest, ends)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no markers for the table", pagePath)
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(head+begins+table()+ends+foot), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table(), stands); diff != "" {
		t.Errorf("the table in the page differs from the tests; write it with -update (-want +got):\n%s", diff)
	}
}

func table() string {
	var b strings.Builder
	b.WriteString("\n| what goes wrong | where | platforms | outcome | extra requests, at most |\n|---|---|---|---|---|\n")
	for _, f := range matrix {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d |\n", strings.ReplaceAll(f.name, "|", "\\|"), f.places(), f.platforms(), f.ending(), f.end.extra)
	}
	b.WriteString("\n")
	return b.String()
}

func (f fault) places() string {
	var all []string
	for _, where := range f.where {
		switch where {
		case elsewhere:
			all = append(all, "everything")
		default:
			all = append(all, string(where))
		}
	}
	return strings.Join(all, ", ")
}

func (f fault) platforms() string {
	var all []string
	for _, p := range platforms {
		if slices.ContainsFunc(f.where, func(where place) bool { return f.meets(p, where) }) {
			all = append(all, p.name)
		}
	}
	if len(all) == len(platforms) {
		return "all"
	}
	return strings.Join(all, ", ")
}

// ending is the outcome in words.
func (f fault) ending() string {
	e := f.end
	var text string
	switch {
	case e.state == complete && e.gone:
		text = "complete; the conversation is a tombstone"
	case e.state == complete:
		text = "complete"
	case e.state == gaps && e.flag != "":
		text = "complete with gaps: the flag `" + e.flag + "`"
	case e.state == gaps:
		text = "complete with gaps: a dead letter, " + e.kind
	case e.state == blocked:
		text = "blocked: " + e.kind
	case e.state == waiting:
		text = "waiting, visibly, until the fault ends"
	}
	if e.says != "" {
		text += ", “" + e.says + "”"
	}
	if e.least > 0 {
		text += fmt.Sprintf("; after at least %s", length(e.least))
	}
	if f.note != "" {
		text += "; " + f.note
	}
	return text
}

func length(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%g h", d.Hours())
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%g min", d.Minutes())
	}
	return fmt.Sprintf("%g s", d.Seconds())
}

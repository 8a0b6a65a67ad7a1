package tests

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// preamble is the text above the tables.
const preamble = `# The kill matrix

%d experiments with the real binary, run on %s: **%s**. Each one exports a window from a fake Chatwoot and
breaks something in the middle of a step: it kills a process or the S3 server, or cuts a connection. A killed process is
started again with the same command; servers and connections come back after %.0f seconds. This command writes the page:

    go -C tests test -run TestKillMatrix -timeout 2h -matrix whole -table ../docs/kill-matrix.md

An experiment passes if, afterwards,

- the command has ended with status 0, and every row of every table matches the fake site;
- ` + "`chatlake verify --deep`" + ` has ended with status 0;
- no staged object of a committed shard is left, and no data file that no record names, unless the export was cancelled;
- no more was asked for again than the activities in flight had asked for, once if a process was killed, four times if a server
  or connection was down (each activity is attempted four times), and everything once if the export was cancelled;
- the histories have at most %.1f events per activity, plus %d per workflow run.

A cell shows

- what was asked for again: conversations whose messages, details or participants were, and other requests beyond those of an
  undisturbed export of the same size. There are %d conversations, of which %d fetches are in flight, each of the messages of
  one conversation or of the details and participants of ten; where the shard continues as new, %d conversations and %d
  fetches. The only window with conversations has the fetches of two windows, because nothing else needs them;
- the events per activity;
- the seconds that it took, with %d experiments side by side.

In a step that "asks", "stages" or "reads", the fault hits the request. In a step that "has" done something, it hits the
answer. A killed worker is noticed after 20 seconds. In a folder, the test recognises a step by the files that appear and
disappear.
`

// writePage writes the outcomes as one table per kind of lake, with steps as rows and deaths as columns.
func writePage(outcomes []result) string {
	failed := 0
	for _, o := range outcomes {
		if !o.passed {
			failed++
		}
	}
	verdict := "all passed"
	if failed > 0 {
		verdict = fmt.Sprintf("%d failed", failed)
	}
	var b strings.Builder
	fmt.Fprintf(&b, preamble, len(outcomes), time.Now().UTC().Format(time.DateOnly), verdict, outage.Seconds(), eventsPerActivity, eventsPerRun,
		short.conversations, short.slots(), long.conversations, long.slots(), *atOnce)
	for _, folder := range []bool{false, true} {
		writeTable(&b, slices.DeleteFunc(slices.Clone(outcomes), func(o result) bool { return o.cell.folder != folder }))
	}
	return b.String()
}

func writeTable(b *strings.Builder, outcomes []result) {
	if len(outcomes) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## Lake: %s\n\n| step |", outcomes[0].cell.lake())
	var across []string
	for _, o := range outcomes {
		if !slices.Contains(across, o.cell.death.name) {
			across = append(across, o.cell.death.name)
		}
	}
	fmt.Fprintf(b, " %s |\n|---|%s\n", strings.Join(across, " | "), strings.Repeat("---|", len(across)))
	for _, step := range steps {
		row := map[string]string{}
		for _, o := range outcomes {
			if o.cell.step.name == step.name {
				row[o.cell.death.name] = o.String()
			}
		}
		if len(row) == 0 {
			continue
		}
		fmt.Fprintf(b, "| %s |", step.name)
		for _, death := range across {
			fmt.Fprintf(b, " %s |", row[death])
		}
		b.WriteString("\n")
	}
}

// String is a result as shown in a table cell.
func (o result) String() string {
	byWord := map[string]int64{}
	for endpoint, n := range o.repeated {
		if n > 0 {
			byWord[word(endpoint)] += n
		}
	}
	var words []string
	for _, w := range slices.Sorted(maps.Keys(byWord)) {
		words = append(words, fmt.Sprintf("%d %s", byWord[w], w))
	}
	if o.orphans > 0 {
		words = append(words, fmt.Sprintf("%d orphaned files", o.orphans))
	}
	if len(words) == 0 {
		words = []string{"–"}
	}
	text := fmt.Sprintf("%s; %.1f; %.0f s", strings.Join(words, ", "), o.usage.perActivity(), o.took.Seconds())
	if !o.passed {
		text = "**FAILED** " + text
	}
	return text
}

// word is a one-word name for an endpoint.
func word(endpoint string) string {
	switch endpoint {
	case "conversations":
		return "list"
	case "conversations/{id}":
		return "details"
	case "conversations/{id}/messages", "conversations/{id}/participants", "profile":
		return path.Base(endpoint)
	}
	return "directory"
}

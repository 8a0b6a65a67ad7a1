package tests

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// preamble is what stands above the tables.
const preamble = `# The kill matrix

%d experiments with the real binary, played on %s: **%s**. Each exports a window from a fake Chatwoot and
ends something in the middle of a step: a process, the S3 server, or a line. Processes are started again by the command that
began them; servers and lines come back after %.0f seconds. This page is written by

    go -C tests test -run TestKillMatrix -timeout 2h -matrix whole -table ../docs/kill-matrix.md

An experiment has passed when afterwards

- the command ended with status 0, and every row of every table equals what is true of the site;
- ` + "`chatlake verify --deep`" + ` ended with status 0;
- no staged object of a committed shard is left, and no data file that nobody reads, unless the export was cancelled;
- no more requests were repeated than the activities in flight had made: once where a process died, four times where a
  server or a line was away, as each activity is attempted so often; all of what was not committed where the export was
  cancelled;
- the histories hold at most %.1f events an activity, and %d a run of a workflow.

A cell says which requests were repeated, beyond those of an unbroken export of the same size (90 conversations, 3 chunks
of 2 in flight; 1,060 and 4 of 1 where the shard continues as new); then the events an activity; then the seconds, with
%d experiments side by side. Where a step "asks", "stages" or "reads", the death takes its request; where it "has" done
something, the answer. A worker that was killed is missed after 20 seconds. In a folder a step is seen by the files that
come and go.
`

// writePage puts outcomes into one table a lake: steps down, deaths across.
func writePage(outcomes []result) string {
	failed := 0
	for _, o := range outcomes {
		if !o.passed {
			failed++
		}
	}
	verdict := "all have passed"
	if failed > 0 {
		verdict = fmt.Sprintf("%d have failed", failed)
	}
	var b strings.Builder
	fmt.Fprintf(&b, preamble, len(outcomes), time.Now().UTC().Format(time.DateOnly), verdict, outage.Seconds(), eventsPerActivity, eventsPerRun, *atOnce)
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

// String is a result in a cell of a table.
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
		words = append(words, fmt.Sprintf("%d files nobody reads", o.orphans))
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

// word is an endpoint in a word.
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

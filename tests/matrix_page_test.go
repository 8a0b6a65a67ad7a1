package tests

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// preamble is the text above the tables.
const preamble = `# The kill matrix

Experiments with the real binary and a fake Chatwoot. Each one lets chatlake do something and breaks something in the middle of a
step: it kills a process or the S3 server, or cuts a connection. A killed process is started again with the same command; a run of
a schedule then goes on by itself. Servers and connections come back after %.0f seconds. This command plays all of them and writes
the page:

    go -C tests test -run TestKillMatrix -timeout 4h -matrix whole -table ../docs/kill-matrix.md

With ` + "`-matrix '^sync: '`" + ` it plays those of syncs and writes only their tables. Each table says when it was played.

An experiment passes if, afterwards,

- the command has ended with status 0, or the run of the schedule has completed, and every row of every table matches the fake site
  by the reader rule;
- ` + "`chatlake verify --deep`" + ` has ended with status 0;
- no staged object of a committed shard is left, and no data file that no record names, unless an export was cancelled;
- no more was asked for again than the activities in flight had asked for, once if a process was killed, four times if a server
  or connection was down (each activity is attempted four times), and everything once if an export was cancelled;
- the histories have at most %.1f events per activity, plus %d per workflow run.

A cell shows

- what was asked for again: conversations whose messages, details or participants were, and other requests beyond those of an
  undisturbed run. At most %d fetches are in flight, each of the messages of one conversation or of the details and participants
  of ten; where the shard continues as new, %d;
- the events per activity of all workflows;
- the seconds that it took, including what had to be there before.

In a step that "asks", "stages" or "reads", the fault hits the request. In a step that "has" done something, it hits the
answer. A killed worker is noticed after ten seconds (20 when the tables were made), or at once if the server died with it. In a folder, the test recognises a step by the files that appear and
disappear.
`

// section is the tables of a kind of cell on a kind of lake.
type section struct {
	kind   string
	folder bool
}

func sectionOf(c cell) section { return section{c.kind(), c.folder} }

func (s section) heading() string {
	return strings.ToUpper(s.kind[:1]) + s.kind[1:] + ", " + cell{folder: s.folder}.lake()
}

// writePage rewrites the page in a file: the preamble, and each section of which every cell was played. The others stay.
func writePage(file string, outcomes []result) error {
	page, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old := map[string]string{}
	for _, part := range strings.Split(string(page), "\n## ")[1:] {
		heading, rest, _ := strings.Cut(part, "\n")
		old[heading] = strings.TrimRight(rest, "\n") + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, preamble, outage.Seconds(), eventsPerActivity, eventsPerRun, short.slots(), long.slots())
	cells := everyCell()
	var sections []section
	for _, c := range cells {
		if s := sectionOf(c); !slices.Contains(sections, s) {
			sections = append(sections, s)
		}
	}
	for _, s := range sections {
		whole := slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return sectionOf(c) != s })
		played := slices.DeleteFunc(slices.Clone(outcomes), func(o result) bool { return sectionOf(o.cell) != s })
		text := old[s.heading()]
		if len(played) == len(whole) {
			text = writeSection(played)
		}
		if text != "" {
			fmt.Fprintf(&b, "\n## %s\n%s", s.heading(), text)
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// writeSection writes the outcomes of a section as a table, with steps as rows and deaths as columns.
func writeSection(outcomes []result) string {
	failed := 0
	var down, across []string
	texts := map[[2]string]string{}
	for _, o := range outcomes {
		if !o.passed {
			failed++
		}
		step, death := o.cell.step.name, o.cell.death.name
		if !slices.Contains(down, step) {
			down = append(down, step)
		}
		if !slices.Contains(across, death) {
			across = append(across, death)
		}
		texts[[2]string{step, death}] = o.String()
	}
	verdict := "all passed"
	if failed > 0 {
		verdict = fmt.Sprintf("%d failed", failed)
	}
	about := fmt.Sprintf("It exports a window of %d conversations; where the shard continues as new, of %d.", short.conversations, long.conversations)
	if u := outcomes[0].cell.upkeep; u != nil {
		about = u.about
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n%d experiments on %s, %d side by side: **%s**.\n\n| step | %s |\n|---|%s\n",
		about, len(outcomes), time.Now().UTC().Format(time.DateOnly), *atOnce, verdict, strings.Join(across, " | "), strings.Repeat("---|", len(across)))
	for _, step := range down {
		fmt.Fprintf(&b, "| %s |", step)
		for _, death := range across {
			fmt.Fprintf(&b, " %s |", texts[[2]string{step, death}])
		}
		b.WriteString("\n")
	}
	return b.String()
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

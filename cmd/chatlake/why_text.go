package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/words"
)

func writeWhereabouts(to io.Writer, w inspect.Whereabouts) error {
	headline := map[string]string{
		inspect.StateWhole:  "is in the lake, whole",
		inspect.StateDead:   "is not in the lake: it could not be copied",
		inspect.StateGone:   "is in the lake as a tombstone only",
		inspect.StateAbsent: "is not in the lake",
	}[w.State]
	fmt.Fprintf(to, "Conversation %s %s.\n", w.Conversation, headline)
	for i, t := range w.Shards {
		note := ""
		if len(w.Shards) > 1 && i == 0 && w.State == inspect.StateWhole {
			note = "; of all versions readers take this one"
		}
		writeTrace(to, t, note)
	}
	if len(w.Reasons) > 0 {
		fmt.Fprintf(to, "\n%s\n", strings.Join(w.Reasons, "\n"))
	}
	if len(w.Damaged) > 0 {
		fmt.Fprintf(to, "\nNot searched:\n")
	}
	for _, f := range w.Damaged {
		fmt.Fprintf(to, "  %s: %s\n", f.Key, f.Problem)
	}
	return nil
}

func writeTrace(to io.Writer, t inspect.Trace, note string) {
	fmt.Fprintf(to, "\n%s, stream %s, window %s\n  generation %d, committed %s%s\n",
		t.Account, t.Stream, words.Span(t.Window), t.Generation, second(t.CommittedAt), note)
	if t.Dead != nil {
		fmt.Fprintf(to, "  dead letter: %s, %s, after %s: %s\n", t.Dead.Step, t.Dead.Kind, words.Plural(t.Dead.Attempts, "attempt"), cmp.Or(t.Dead.Detail, "no detail"))
	}
	if t.Gone != "" {
		fmt.Fprintf(to, "  tombstone: %s\n", t.Gone)
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if len(t.Documents) > 0 {
		fmt.Fprintln(table, "  answer\tstatus\tfetched")
	}
	for _, d := range t.Documents {
		fmt.Fprintf(table, "  %s %d\t%d\t%s\n", d.Kind, d.Sequence, d.Status, second(d.FetchedAt))
	}
	_ = table.Flush() // whoever writes next meets the error
	fmt.Fprintln(table, "  table\trows\trow group\tfile")
	for _, p := range t.Places {
		fmt.Fprintf(table, "  %s\t%d\t%d\t%s\n", p.Table, p.Rows, p.RowGroup, p.File)
	}
	_ = table.Flush()
}

func second(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

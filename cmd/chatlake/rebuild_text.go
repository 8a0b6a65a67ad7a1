package main

import (
	"fmt"
	"io"

	"github.com/chatlake/chatlake/internal/inspect"
	"github.com/chatlake/chatlake/internal/operate"
	"github.com/chatlake/chatlake/internal/words"
)

func writeRebuilt(w io.Writer, results []rebuilt) error {
	whole := true
	for _, r := range results {
		r.write(w)
		whole = whole && r.whole()
	}
	verdict := "Temporal's state is restored."
	if !whole {
		verdict = "Temporal's state is restored for what could be adopted; the rest is listed above."
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}

func (r rebuilt) write(w io.Writer) {
	if r.Note != "" {
		fmt.Fprintf(w, "%s %s.\n", r.Account, r.Note)
		return
	}
	requests := int64(0)
	for _, e := range r.Exports {
		requests += e.Result.Totals.Requests
	}
	fmt.Fprintf(w, "%s: %d of %s adopted by %s, with %s to the platform.\n",
		r.Account, r.Adopted, words.Plural(int64(r.Windows), "window"), words.Plural(int64(len(r.Exports)), "export"), words.Plural(requests, "request"))
	for _, e := range r.Exports {
		out := e.Result
		if n := out.Totals.Absent; n > 0 {
			fmt.Fprintf(w, "absent: %s to %s has %s that the ledger does not have. Copy them: %s\n", words.Time(out.From), words.Time(out.To),
				words.Plural(int64(n), "window"), inspect.ExportCommand(r.Account, out.Range()))
		}
		for _, shard := range out.Failed {
			fmt.Fprintf(w, "failed: %s; run the command again to retry it\n", operate.WindowOf(shard))
		}
	}
	if r.Copied > 0 {
		fmt.Fprintf(w, "%s copied again, the directory of the day among them.\n", words.Plural(int64(r.Copied), "window"))
	}
	if r.Copied == 0 && len(r.Others) > 0 {
		fmt.Fprintf(w, "made with other settings: %s. They count as they are. `chatlake lake rebuild --again` exports them again with today's settings, as an export over them would\n",
			few(r.Others))
	}
	for _, shard := range r.Left {
		fmt.Fprintf(w, "left: %s is not a window that exports make; it counts as it is\n", shard)
	}
	for _, f := range r.Unreadable {
		fmt.Fprintf(w, "unreadable: %s: %s. `chatlake verify` says more\n", f.Key, f.Problem)
	}
	for _, g := range r.Gaps {
		fmt.Fprintf(w, "gap: %s/%s: no committed window covers %s. Copy it: %s\n", g.Account, g.Stream, words.Span(g.Window), g.Command())
	}
	if r.Changes > 0 {
		fmt.Fprintf(w, "%s of changes, which need no export: the next sync continues after them.\n", words.Plural(int64(r.Changes), "window"))
	}
	if r.Directories > 0 {
		fmt.Fprintf(w, "%s of the directory, which need no export.\n", words.Plural(int64(r.Directories), "snapshot"))
	}
}

// few names the first of many.
func few(names []string) string {
	if n := len(names); n > 4 {
		names = append(names[:3:3], fmt.Sprintf("%d more", n-3))
	}
	return words.List(names)
}
